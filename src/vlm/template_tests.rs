use std::{error::Error, fmt::Write, fs, path::Path};

use serde_json::Value;

use super::{Piece, Span, Template};
use crate::vlm::chat::{Chat, Content};
use crate::vlm::config_file::Family;
use crate::vlm::text::Text;

type Outcome = Result<(), Box<dyn Error>>;

const PROMPT_TOKENS: usize = 32;

/// The template's text, with the soft prompt's tokens named as in the reference.
fn to_text(pieces: &[Piece], image: &str) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Image => text.push_str(image),
            Piece::SoftPrompt => {
                for index in 0..PROMPT_TOKENS {
                    write!(text, "<|reserved_special_token_{index}|>").unwrap();
                }
            }
        }
    }
    text
}

/// The token ids as the hub's processor gives them: image tokens for the image, ids beyond the vocabulary for the soft
/// prompt.
fn input_ids(spans: &[Span], text: &Text, (image, image_tokens): (u32, usize)) -> Vec<u32> {
    let first = text.vocab_len() as u32;
    let of = |span: &Span| match span {
        Span::Ids(ids) => ids.clone(),
        Span::Image => vec![image; image_tokens],
        Span::SoftPrompt => (first..).take(PROMPT_TOKENS).collect(),
    };
    spans.iter().flat_map(of).collect()
}

#[test]
fn turns_follow_the_template() {
    let chat = Chat::about_image("Which emotion?")
        .assistant("awe")
        .user([Content::Text("Why?".to_owned())]);
    let text = |template: Template, image| to_text(&template.pieces(&chat), image);
    let turns = "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>Which emotion?<|im_end|>\n<|im_start|>assistant\
                 \nawe<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n";
    let system = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n";
    assert_eq!(
        text(Family::Qwen2Vl.template(), "<|image_pad|>"),
        format!("{system}{turns}")
    );
    assert_eq!(text(Family::Qwen3Vl.template(), "<|image_pad|>"), turns);
    assert_eq!(
        text(Template::Instruct, "<image>"),
        "<s>[INST] <image>\nWhich emotion? [/INST]awe</s> [INST] Why? [/INST]"
    );
}

fn question(stage: u64, case: &Value) -> Result<Chat, Box<dyn Error>> {
    let text = case["text"].as_str().ok_or("no question")?;
    Ok(if stage == 1 {
        Chat::about_image(text)
    } else {
        Chat::about_image_with_prompt(text)
    })
}

fn integers(value: &Value) -> Result<Vec<u32>, Box<dyn Error>> {
    Ok(serde_json::from_value(value.clone())?)
}

/// Checks the input of a training case: the question, the answer, and what the template writes after it.
fn check_answered(text: &Text, (image, stage): (u32, u64), case: &Value, ids: &Value) -> Outcome {
    let ids = integers(ids)?;
    let image_tokens = ids.iter().filter(|&&id| id == image).count();
    assert!(image_tokens > 0);
    let spans = text.before_lead(&question(stage, case)?)?;
    let mut found = input_ids(&spans, text, (image, image_tokens));
    let answer = text.answer(case["label"].as_str().ok_or("no answer")?)?;
    assert_eq!(answer, integers(&case["supervised_ids"])?);
    found.extend(answer);
    found.push(text.end_of_answer()?);
    assert_eq!(ids[..found.len()], found);
    // At most a line break of the template remains.
    assert!(ids.len() - found.len() <= 1);
    Ok(())
}

fn check_open(text: &Text, (image, stage): (u32, u64), case: &Value, ids: &Value) -> Outcome {
    let ids = integers(ids)?;
    let image_tokens = ids.iter().filter(|&&id| id == image).count();
    let spans = text.template.spans(&question(stage, case)?, &text.tokenizer)?;
    assert_eq!(input_ids(&spans, text, (image, image_tokens)), ids);
    Ok(())
}

fn reference() -> Option<std::path::PathBuf> {
    let reference = std::env::var_os("MASP_REFERENCE");
    if reference.is_none() {
        eprintln!("skipped: MASP_REFERENCE is not set");
    }
    reference.map(Into::into)
}

fn json(path: &Path) -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

#[test]
fn golden_prompts_of_the_real_tokenizer_agree() -> Outcome {
    let Some(reference) = reference() else { return Ok(()) };
    let golden = json(&reference.join("golden/real_tokenizer.json"))?;
    let text = Text::open(&reference.join("qwen2_tokenizer"), Family::Qwen2Vl.template())?;
    let image = text.tokenizer.id("<|image_pad|>")?;
    let cases = golden["cases"].as_array().ok_or("no cases")?;
    assert!(cases.len() >= 9);
    for case in cases {
        let stage = case["stage"].as_u64().ok_or("no stage")?;
        check_answered(&text, (image, stage), case, &case["train_input_ids"])?;
        check_open(&text, (image, stage), case, &case["inference_input_ids"])?;
        if stage == 2 {
            let pieces = text.template.pieces(&question(stage, case)?);
            assert_eq!(
                Some(to_text(&pieces, "<|image_pad|>").as_str()),
                case["inference_template"].as_str()
            );
        }
    }
    Ok(())
}

#[test]
fn golden_prompts_of_the_small_model_agree() -> Outcome {
    let Some(reference) = reference() else { return Ok(()) };
    let golden = reference.join("golden");
    let cases = &json(&golden.join("manifest.json"))?["cases"];
    let text = Text::open(&golden.join("tiny_a"), Family::Qwen2Vl.template())?;
    let image = text.tokenizer.id("<|image_pad|>")?;
    for (stage, name) in [(1, "stage1"), (2, "stage2")] {
        for case in cases[name]["cases"].as_object().ok_or("no cases")?.values() {
            check_answered(&text, (image, stage), case, &case["input_ids"])?;
        }
    }
    for case in cases["stage2_generate"].as_object().ok_or("no cases")?.values() {
        let pieces = text.template.pieces(&question(2, case)?);
        assert_eq!(
            Some(to_text(&pieces, "<|image_pad|>").as_str()),
            case["template_text"].as_str()
        );
    }
    let case = &cases["stage1_inference_text"];
    check_open(&text, (image, 1), case, &case["input_ids"])
}

/// In the golden data of the other families the image token also stands for z rows.
#[test]
fn golden_prompts_of_all_families_agree() -> Outcome {
    let Some(reference) = reference() else { return Ok(()) };
    for (name, family, image) in [
        ("qwen2_5_vl", Family::Qwen25Vl, "<|image_pad|>"),
        ("qwen3_vl", Family::Qwen3Vl, "<|image_pad|>"),
        ("llava_next_mistral", Family::LlavaNext, "<image>"),
    ] {
        let golden = reference.join("golden_families").join(name);
        let cases = &json(&golden.join("manifest.json"))?["cases"];
        let text = Text::open(&golden.join("model"), family.template())?;
        let image = text.tokenizer.id(image)?;
        for (stage, of_stage) in [(1, "stage1"), (2, "stage2")] {
            for case in cases[of_stage]["cases"].as_object().ok_or("no cases")?.values() {
                if case["input_ids"].is_array() {
                    check_answered(&text, (image, stage), case, &case["input_ids"])?;
                }
            }
        }
        for case in cases["tokenizer"].as_array().into_iter().flatten() {
            let string = case["text"].as_str().ok_or("no text")?;
            assert_eq!(text.tokenizer.encode(string)?, integers(&case["ids"])?, "{string:?}");
        }
    }
    Ok(())
}
