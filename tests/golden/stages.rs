//! Both stages of MASP against the reference: z, attention, sequences, losses, gradients, scores.

use candle_core::{DType, Device, Tensor, Var};
use masp::aspects::aspect_file::read_aspects;
use masp::aspects::{AspectModules, Batch, PositionRule, PromptRows, Sequence, VisualRows, Visuals};
use masp::data::View;
use masp::nn::Interrupt;
use masp::vlm::decoder::Vocabulary;
use serde_json::Value;

use super::reference::{Tensors, TinyA, assert_close, folder, manifest, tiny_a};

const VOCABULARY: usize = 2062;

struct Golden {
    model: TinyA,
    cases: Value,
    stage1: Tensors,
    stage2: Tensors,
    images: Tensors,
    modules: AspectModules,
}

fn golden() -> Option<Golden> {
    let file = read_aspects(&folder()?.join("checkpoints/aspect.pth")).unwrap();
    Some(Golden {
        model: tiny_a()?,
        cases: manifest()?["cases"].clone(),
        stage1: Tensors::read("stage1.safetensors")?,
        stage2: Tensors::read("stage2.safetensors")?,
        images: Tensors::read("processor.safetensors")?,
        modules: AspectModules::from_file(&file, &View::ALL, &Device::Cpu).unwrap(),
    })
}

/// Merged tokens of a case's image. Pictures that are in the processor's file are not stored again with the stage.
fn features(golden: &Golden, tensors: &Tensors, name: &str, case: &Value) -> Tensor {
    let image = case["image"].as_str().unwrap();
    let stem = image.rsplit(['/', '.']).nth(1).unwrap();
    let pixels = tensors
        .find(&format!("{name}.pixel_values"))
        .unwrap_or_else(|| golden.images.get(&format!("{stem}.pixel_values")));
    let grid = tensors
        .get(&format!("{name}.image_grid_thw"))
        .flatten_all()
        .unwrap()
        .to_vec1::<i64>()
        .unwrap();
    let pixels = pixels.unsqueeze(0).unwrap();
    let grid = (grid[0] as usize, grid[1] as usize, grid[2] as usize);
    golden
        .model
        .vision
        .forward(&pixels, grid, &Interrupt::default(), None)
        .unwrap()
        .0
        .squeeze(0)
        .unwrap()
}

fn integers(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_u64().unwrap() as u32)
        .collect()
}

/// The reference's ids up to the answer, with runs of image tokens as one visual piece and prompt ids as prompt rows.
fn sequence(case: &Value, visual: usize) -> Sequence {
    let ids = integers(&case["input_ids"]);
    let answer = integers(&case["supervised_ids"]);
    let end = ids.len() - 2 - answer.len();
    let mut sequence = Sequence::default();
    let mut i = 0;
    while i < end {
        match ids[i] {
            2060 => {
                sequence.visual(visual, None, PositionRule::Paper);
                while ids[i + 1] == 2060 {
                    i += 1;
                }
            }
            id if id as usize == VOCABULARY => {
                sequence.prompt(32);
                i += 31;
            }
            id => {
                sequence.text(&[id]);
            }
        }
        i += 1;
    }
    assert_eq!(ids[end..ids.len() - 2], answer);
    sequence.answer(&answer);
    sequence
}

/// Mean loss over the supervised tokens.
fn loss(model: &TinyA, batch: &Batch, vocabulary: Vocabulary, recompute: bool) -> Tensor {
    batch
        .log_likelihoods(&model.language, vocabulary, recompute)
        .unwrap()
        .mean_all()
        .unwrap()
        .neg()
        .unwrap()
}

/// Those of the reference's embeddings that are in the batch of a sequence of `rows` rows: without the shared prefix,
/// and without the end of the answer, which is never an input.
fn embeddings_of(batch: &Batch, rows: usize, reference: &Tensor) -> Tensor {
    let passed = batch.embeddings.dim(1).unwrap();
    assert!(passed < rows, "a sequence begins with a prefix");
    reference.narrow(1, rows - passed, passed).unwrap()
}

#[test]
fn stage_1_agrees_sample_by_sample() {
    let Some(golden) = golden() else { return };
    for (name, case) in golden.cases["stage1"]["cases"].as_object().unwrap() {
        let view: View = case["task"].as_str().unwrap().parse().unwrap();
        let want = |part: &str| golden.stage1.get(&format!("{name}.{part}"));
        let tokens = features(&golden, &golden.stage1, name, case);
        assert_close(name, &tokens, want("vision_feats"), 1e-4);
        for recompute in [false, true] {
            let looked = golden.modules.0[&view].forward(&tokens.unsqueeze(0).unwrap()).unwrap();
            assert_close("attention", &looked.attention, want("attn"), 1e-4);
            let z = looked.z.flatten(0, 1).unwrap();
            assert_close("z", &z, want("z"), 1e-4);
            let sequence = sequence(case, 5);
            let rows = sequence.rows.len();
            let batch = Batch::splice(&golden.model.language, &[sequence], &Visuals::Trained(&z), None).unwrap();
            let embeddings = embeddings_of(&batch, rows, want("inputs_embeds"));
            assert_close("inputs_embeds", &batch.embeddings, &embeddings, 1e-4);
            let loss = loss(&golden.model, &batch, Vocabulary::Full, recompute);
            assert_close("loss", &loss, want("loss"), 1e-4);
            let grads = loss.backward().unwrap();
            for (parameter, var) in golden.modules.0[&view].parameters(view) {
                let short = parameter
                    .strip_prefix(&format!("cross_attn.{view}."))
                    .unwrap_or("q_view");
                let (mut got, mut wanted) = (grads.get(&var).unwrap().clone(), want(&format!("grad.{short}")).clone());
                if short == "in_proj_bias" {
                    // The key part's true gradient is 0.
                    let without_keys =
                        |x: &Tensor| Tensor::cat(&[x.narrow(0, 0, 64).unwrap(), x.narrow(0, 128, 64).unwrap()], 0);
                    (got, wanted) = (without_keys(&got).unwrap(), without_keys(&wanted).unwrap());
                }
                assert_close(&format!("{name}: gradient of {parameter}"), &got, &wanted, 1e-3);
            }
        }
    }
}

/// A batch gives the mean over all supervised tokens of what its samples give alone.
#[test]
fn stage_1_batches_are_the_sum_of_their_samples() {
    let Some(golden) = golden() else { return };
    let cases: Vec<(&String, &Value)> = golden.cases["stage1"]["cases"].as_object().unwrap().iter().collect();
    let mut z = Vec::new();
    let (mut total, mut tokens) = (0.0, 0);
    for (name, case) in &cases {
        let view: View = case["task"].as_str().unwrap().parse().unwrap();
        let features = features(&golden, &golden.stage1, name, case).unsqueeze(0).unwrap();
        z.push(
            golden.modules.0[&view]
                .forward(&features)
                .unwrap()
                .z
                .squeeze(0)
                .unwrap(),
        );
        let supervised = case["supervised_ids"].as_array().unwrap().len();
        total += case["loss"].as_f64().unwrap() * supervised as f64;
        tokens += supervised;
    }
    let sequences: Vec<Sequence> = cases.iter().map(|(_, case)| sequence(case, 5)).collect();
    let z = Tensor::cat(&z, 0).unwrap();
    let batch = Batch::splice(&golden.model.language, &sequences, &Visuals::Trained(&z), None).unwrap();
    let loss = loss(&golden.model, &batch, Vocabulary::Full, false)
        .to_scalar::<f32>()
        .unwrap();
    let want = total / tokens as f64;
    assert!((f64::from(loss) - want).abs() <= 1e-4 * want, "{loss} against {want}");
}

fn stage_2_rows(golden: &Golden, name: &str, case: &Value) -> (Tensor, Vec<Tensor>) {
    let tokens = features(golden, &golden.stage2, name, case);
    let (z, attention) = golden.modules.look(&tokens).unwrap();
    (Tensor::cat(&[&z, &tokens], 0).unwrap(), attention)
}

#[test]
fn stage_2_agrees_sample_by_sample() {
    let Some(golden) = golden() else { return };
    let prompt = Var::from_tensor(golden.stage2.get("prefix_init")).unwrap();
    let vocabulary = Vocabulary::Prompted {
        tokens: VOCABULARY,
        prompt: prompt.as_tensor(),
    };
    for (name, case) in golden.cases["stage2"]["cases"].as_object().unwrap() {
        let want = |part: &str| golden.stage2.get(&format!("{name}.{part}"));
        let (rows, attention) = stage_2_rows(&golden, name, case);
        assert_close("z", &rows.narrow(0, 0, 30).unwrap(), want("z_all"), 1e-4);
        assert_close(
            "attention",
            &Tensor::cat(&attention, 0).unwrap(),
            want("attn_all"),
            1e-4,
        );
        let sequence = sequence(case, rows.dim(0).unwrap());
        let length = sequence.rows.len();
        let visuals = [VisualRows::from(rows)];
        let batch = Batch::splice(
            &golden.model.language,
            &[sequence],
            &Visuals::Constant(&visuals),
            Some(&PromptRows::trained(prompt.as_tensor())),
        )
        .unwrap();
        let embeddings = embeddings_of(&batch, length, want("inputs_embeds"));
        assert_close("inputs_embeds", &batch.embeddings, &embeddings, 1e-4);
        let loss = loss(&golden.model, &batch, vocabulary, true);
        assert_close("loss", &loss, want("loss"), 1e-4);
        let grads = loss.backward().unwrap();
        assert_close(
            "gradient of the prompt",
            grads.get(&prompt).unwrap(),
            want("grad.prefix"),
            1e-3,
        );
    }
}

/// All emotions' log-likelihoods in one pass, in one batch.
#[test]
fn label_scores_agree() {
    let Some(golden) = golden() else { return };
    let prompt = golden.stage2.get("prefix_init");
    let vocabulary = Vocabulary::Prompted {
        tokens: VOCABULARY,
        prompt,
    };
    let (mut sequences, mut visuals, mut want) = (Vec::new(), Vec::new(), Vec::new());
    for (name, case) in golden.cases["stage2"]["cases"].as_object().unwrap() {
        let Some(labels) = case["label_loglik"].as_array() else {
            continue;
        };
        let (rows, _) = stage_2_rows(&golden, name, case);
        let mut sequence = sequence(case, rows.dim(0).unwrap());
        let answer = sequence.targets.len();
        let first = sequence.targets[0].place;
        sequence.rows.truncate(first + 1);
        assert!(answer >= 2);
        let mut scored = Sequence::default();
        let mut visual = false;
        for row in &sequence.rows {
            match row {
                masp::aspects::Row::Token(id) => {
                    scored.text(&[*id]);
                }
                masp::aspects::Row::Prompt(0) => {
                    scored.prompt(32);
                }
                masp::aspects::Row::Visual(_) if !visual => {
                    visual = true;
                    scored.visual(rows.dim(0).unwrap(), None, PositionRule::Paper);
                }
                _ => {}
            }
        }
        scored.text(&[198]);
        let answers: Vec<Vec<u32>> = labels.iter().map(|label| integers(&label["ids"])).collect();
        scored.alternatives(answers.iter().map(Vec::as_slice));
        sequences.push(scored);
        visuals.push(VisualRows::from(rows));
        want.push(
            golden
                .stage2
                .get(&format!("{name}.label_sum_logprob"))
                .to_vec1::<f64>()
                .unwrap(),
        );
    }
    let batch = Batch::splice(
        &golden.model.language,
        &sequences,
        &Visuals::Constant(&visuals),
        Some(&PromptRows::constant(prompt).unwrap()),
    )
    .unwrap();
    let scores = batch.scores(&golden.model.language, vocabulary).unwrap();
    for (got, want) in scores.iter().flatten().zip(want.iter().flatten()) {
        assert!((got - want).abs() <= 1e-4 * want.abs(), "{got} against {want}");
    }
    assert_eq!(scores[0].len(), 8);
    assert_eq!(prompt.dtype(), DType::F32);
}
