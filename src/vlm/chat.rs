//! Qwen2-VL's chat template, written out: system, user and assistant turns with text, an image, the soft prompt.

use std::{fmt::Write, ops::Range};

use super::tokenizer::{SpecialIds, Tokenizer, TokenizerError};

/// What the model's template says where a chat has no system turn of its own.
const SYSTEM: &str = "You are a helpful assistant.";

/// A piece of a user's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(String),
    /// The picture: `<|vision_start|>`, its tokens, `<|vision_end|>`.
    Image,
    /// The soft prompt's tokens; each occurrence stands for the same vectors.
    SoftPrompt,
}

/// A chat as a sequence of texts with gaps for the picture and the soft prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Neighbouring texts are one, because they are tokenised as one.
    pieces: Vec<Content>,
}

/// A stretch of a tokenised chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Vocabulary tokens; around an image they end in `<|vision_start|>` and begin with `<|vision_end|>`.
    Ids(Vec<u32>),
    /// Where the picture's tokens go (or what stands in for them).
    Image,
    /// Where the soft prompt's vectors go.
    SoftPrompt,
}

impl Default for Chat {
    fn default() -> Self {
        Self::new()
    }
}

impl Chat {
    /// A chat with the template's own system turn.
    #[must_use]
    pub fn new() -> Self {
        Self::with_system(SYSTEM)
    }

    /// A chat with a system turn of one's own.
    #[must_use]
    pub fn with_system(text: &str) -> Self {
        let mut chat = Self { pieces: Vec::new() };
        chat.text(&format!("<|im_start|>system\n{text}<|im_end|>\n"));
        chat
    }

    /// Stage 1's question: the image, then the text.
    #[must_use]
    pub fn about_image(question: &str) -> Self {
        Self::new().user([Content::Image, Content::Text(question.to_owned())])
    }

    /// Stage 2's question. As in the reference the soft prompt stands twice: before the image, and glued to the
    /// question's front.
    #[must_use]
    pub fn about_image_with_prompt(question: &str) -> Self {
        let question = Content::Text(question.to_owned());
        Self::new().user([
            Content::SoftPrompt,
            Content::Image,
            Content::SoftPrompt,
            question,
        ])
    }

    /// Adds a user's turn.
    #[must_use]
    pub fn user(mut self, content: impl IntoIterator<Item = Content>) -> Self {
        self.text("<|im_start|>user\n");
        for piece in content {
            match piece {
                Content::Text(text) => self.text(&text),
                Content::Image => {
                    self.text("<|vision_start|>");
                    self.pieces.push(Content::Image);
                    self.text("<|vision_end|>");
                }
                Content::SoftPrompt => self.pieces.push(Content::SoftPrompt),
            }
        }
        self.text("<|im_end|>\n");
        self
    }

    /// Adds a finished turn of the assistant.
    #[must_use]
    pub fn assistant(mut self, text: &str) -> Self {
        self.text(&format!("<|im_start|>assistant\n{text}<|im_end|>\n"));
        self
    }

    /// Ends in the beginning of the assistant's turn, for the model to go on.
    #[must_use]
    pub fn generation_prompt(mut self) -> Self {
        self.text("<|im_start|>assistant\n");
        self
    }

    /// The chat's pieces; no two texts are neighbours.
    #[must_use]
    pub fn pieces(&self) -> &[Content] {
        &self.pieces
    }

    /// The chat as the template's text: one `<|image_pad|>` for the image, the soft prompt under the reference's names
    /// `<|reserved_special_token_0|>` and on.
    #[must_use]
    pub fn to_text(&self, prompt_tokens: usize) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Content::Text(piece) => text.push_str(piece),
                Content::Image => text.push_str("<|image_pad|>"),
                Content::SoftPrompt => {
                    for index in 0..prompt_tokens {
                        // Writing to a string cannot fail.
                        let _ = write!(text, "<|reserved_special_token_{index}|>");
                    }
                }
            }
        }
        text
    }

    /// Tokenises the texts.
    ///
    /// # Errors
    /// [`TokenizerError::Failed`].
    pub fn tokenize(&self, tokenizer: &Tokenizer) -> Result<Vec<Span>, TokenizerError> {
        let span = |piece: &Content| {
            Ok(match piece {
                Content::Text(text) => Span::Ids(tokenizer.encode(text)?),
                Content::Image => Span::Image,
                Content::SoftPrompt => Span::SoftPrompt,
            })
        };
        self.pieces.iter().map(span).collect()
    }

    fn text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Content::Text(last)) => last.push_str(text),
            _ => self.pieces.push(Content::Text(text.to_owned())),
        }
    }
}

/// The ids of a tokenised chat as the processor of the hub gives them: `image_tokens` times `<|image_pad|>` for each
/// image, the soft prompt as the `prompt_tokens` ids behind the vocabulary.
#[must_use]
pub fn input_ids(
    spans: &[Span],
    tokenizer: &Tokenizer,
    image_tokens: usize,
    prompt_tokens: usize,
) -> Vec<u32> {
    let mut ids = Vec::new();
    let first = u32::try_from(tokenizer.vocab_len()).unwrap_or(u32::MAX);
    for span in spans {
        match span {
            Span::Ids(text) => ids.extend(text),
            Span::Image => ids.extend(std::iter::repeat_n(
                tokenizer.special().image_pad,
                image_tokens,
            )),
            Span::SoftPrompt => ids.extend((first..).take(prompt_tokens)),
        }
    }
    ids
}

/// Which of the last turn's tokens are trained: from right after the last `assistant` to right before the last
/// `<|im_end|>`, that is a line break and the answer. Nothing where there is no such turn.
#[must_use]
pub fn supervised(ids: &[u32], special: SpecialIds) -> Option<Range<usize>> {
    let turn = ids
        .windows(2)
        .rposition(|pair| pair == [special.im_start, special.assistant])?;
    let end = ids.iter().rposition(|&id| id == special.im_end)?;
    (turn + 2 < end).then_some(turn + 2..end)
}

#[cfg(test)]
mod tests {
    use std::{error::Error, fs, path::Path};

    use serde_json::Value;

    use super::{Chat, Content, input_ids, supervised};
    use crate::vlm::tokenizer::Tokenizer;

    type Outcome = Result<(), Box<dyn Error>>;

    const PROMPT_TOKENS: usize = 32;

    #[test]
    fn turns_follow_the_template() {
        let chat = Chat::new()
            .user([Content::Image, Content::Text("Which emotion?".to_owned())])
            .assistant("awe")
            .user([Content::Text("Why?".to_owned())])
            .generation_prompt();
        assert_eq!(
            chat.to_text(0),
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|><|image_pad|>\
             <|vision_end|>Which emotion?<|im_end|>\n<|im_start|>assistant\nawe<|im_end|>\n<|im_start|>user\nWhy?\
             <|im_end|>\n<|im_start|>assistant\n"
        );
        assert_eq!(chat.pieces().len(), 3);
    }

    fn check(
        tokenizer: &Tokenizer,
        chat: &Chat,
        text: &Value,
        ids: &Value,
        image_tokens: usize,
    ) -> Outcome {
        assert_eq!(Some(chat.to_text(PROMPT_TOKENS).as_str()), text.as_str());
        if !ids.is_null() {
            let expected: Vec<u32> = serde_json::from_value(ids.clone())?;
            let found = input_ids(
                &chat.tokenize(tokenizer)?,
                tokenizer,
                image_tokens,
                PROMPT_TOKENS,
            );
            assert_eq!(found, expected);
        }
        Ok(())
    }

    fn question(stage: u64, case: &Value) -> Result<Chat, Box<dyn Error>> {
        let text = case["text"].as_str().ok_or("no question")?;
        Ok(if stage == 1 {
            Chat::about_image(text)
        } else {
            Chat::about_image_with_prompt(text)
        })
    }

    fn answered(stage: u64, case: &Value) -> Result<Chat, Box<dyn Error>> {
        Ok(question(stage, case)?.assistant(case["label"].as_str().ok_or("no answer")?))
    }

    /// The image's tokens, counted in the golden ids.
    fn image_tokens(tokenizer: &Tokenizer, ids: &Value) -> usize {
        let pad = u64::from(tokenizer.special().image_pad);
        ids.as_array().map_or(0, |ids| {
            ids.iter().filter(|id| id.as_u64() == Some(pad)).count()
        })
    }

    fn check_answered(
        tokenizer: &Tokenizer,
        stage: u64,
        case: &Value,
        text: &str,
        ids: &str,
    ) -> Outcome {
        let image_tokens = image_tokens(tokenizer, &case[ids]);
        assert!(image_tokens > 0);
        let chat = answered(stage, case)?;
        check(tokenizer, &chat, &case[text], &case[ids], image_tokens)?;
        let found = input_ids(
            &chat.tokenize(tokenizer)?,
            tokenizer,
            image_tokens,
            PROMPT_TOKENS,
        );
        let trained = supervised(&found, tokenizer.special()).ok_or("nothing is trained")?;
        let expected: Vec<u32> = serde_json::from_value(case["supervised_ids"].clone())?;
        assert_eq!(found.get(trained), Some(expected.as_slice()));
        Ok(())
    }

    #[test]
    fn golden_prompts_of_the_real_tokenizer_agree() -> Outcome {
        let Some(reference) = std::env::var_os("MASP_REFERENCE") else {
            eprintln!("skipped: MASP_REFERENCE is not set");
            return Ok(());
        };
        let reference = Path::new(&reference);
        let golden: Value =
            serde_json::from_slice(&fs::read(reference.join("golden/real_tokenizer.json"))?)?;
        let tokenizer = Tokenizer::open(&reference.join("qwen2_tokenizer"))?;
        let cases = golden["cases"].as_array().ok_or("no cases")?;
        assert!(cases.len() >= 9);
        for case in cases {
            let stage = case["stage"].as_u64().ok_or("no stage")?;
            check_answered(&tokenizer, stage, case, "train_template", "train_input_ids")?;
            let open = question(stage, case)?.generation_prompt();
            let ids = &case["inference_input_ids"];
            let found = input_ids(
                &open.tokenize(&tokenizer)?,
                &tokenizer,
                image_tokens(&tokenizer, ids),
                PROMPT_TOKENS,
            );
            assert_eq!(found, serde_json::from_value::<Vec<u32>>(ids.clone())?);
            if stage == 2 {
                assert_eq!(
                    Some(open.to_text(PROMPT_TOKENS).as_str()),
                    case["inference_template"].as_str()
                );
            }
        }
        Ok(())
    }

    #[test]
    fn golden_prompts_of_the_small_model_agree() -> Outcome {
        let Some(reference) = std::env::var_os("MASP_REFERENCE") else {
            eprintln!("skipped: MASP_REFERENCE is not set");
            return Ok(());
        };
        let golden = Path::new(&reference).join("golden");
        let manifest: Value = serde_json::from_slice(&fs::read(golden.join("manifest.json"))?)?;
        let tokenizer = Tokenizer::open(&golden.join("tiny_a"))?;
        let cases = &manifest["cases"];
        for (stage, name) in [(1, "stage1"), (2, "stage2")] {
            for case in cases[name]["cases"].as_object().ok_or("no cases")?.values() {
                check_answered(&tokenizer, stage, case, "template_text", "input_ids")?;
            }
        }
        for case in cases["stage2_generate"]
            .as_object()
            .ok_or("no cases")?
            .values()
        {
            let chat = question(2, case)?.generation_prompt();
            check(&tokenizer, &chat, &case["template_text"], &Value::Null, 0)?;
        }
        let case = &cases["stage1_inference_text"];
        let chat = question(1, case)?.generation_prompt();
        let image_tokens = image_tokens(&tokenizer, &case["input_ids"]);
        check(
            &tokenizer,
            &chat,
            &case["template_text"],
            &case["input_ids"],
            image_tokens,
        )
    }

    #[test]
    fn only_a_finished_answer_is_trained() {
        let special = crate::vlm::tokenizer::SpecialIds {
            im_start: 1,
            im_end: 2,
            vision_start: 3,
            vision_end: 4,
            image_pad: 5,
            endoftext: 6,
            assistant: 7,
        };
        // The question itself holds the word, and an earlier turn an answer.
        let ids = [1, 7, 10, 11, 2, 10, 1, 8, 7, 2, 10, 1, 7, 10, 12, 13, 2, 10];
        assert_eq!(supervised(&ids, special), Some(13..16));
        assert_eq!(supervised(&ids[..13], special), None);
        assert_eq!(supervised(&[], special), None);
    }
}
