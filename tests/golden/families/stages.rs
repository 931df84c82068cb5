//! Both stages of MASP on each family, with tied embeddings too: z, attention, losses, gradients, scores.

use std::fs;

use candle_core::{Device, Tensor, Var};
use masp::aspects::aspect_file::read_aspects;
use masp::aspects::{AspectModules, Batch, PositionRule, PromptRows, Sequence, VisionRun, VisualRows, Visuals};
use masp::data::View;
use masp::vlm::base::BaseModel;
use masp::vlm::decoder::Vocabulary;
use serde_json::Value;

use super::{Family, PROMPT, all, folders, integers, json, numbered, open};
use crate::golden::reference::{Tensors, assert_close};

/// A model with its cases and the tensors of both stages.
struct Golden {
    name: String,
    model: BaseModel,
    cases: Value,
    stage1: Tensors,
    stage2: Tensors,
    modules: AspectModules,
}

fn golden() -> Vec<Golden> {
    let of = |family: Family| Golden {
        cases: family.manifest["cases"].clone(),
        stage1: family.tensors("stage1.safetensors"),
        stage2: family.tensors("stage2.safetensors"),
        modules: modules(&family.folder),
        name: family.name.to_owned(),
        model: family.model,
    };
    all().into_iter().map(of).chain(tied()).collect()
}

fn modules(folder: &std::path::Path) -> AspectModules {
    let file = read_aspects(&folder.join("cli/aspect.pth")).unwrap();
    AspectModules::from_file(&file, &View::ALL, &Device::Cpu).unwrap()
}

/// The same tensors without `lm_head.weight`, under a tied config.json.
fn tied() -> Vec<Golden> {
    let of = |(name, folder): (&'static str, std::path::PathBuf)| {
        let config = folder.join("tied/config.json");
        if !config.is_file() {
            return None;
        }
        let model = tempfile::tempdir().unwrap();
        for file in fs::read_dir(folder.join("model")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), model.path().join(file.file_name())).unwrap();
        }
        fs::copy(config, model.path().join("config.json")).unwrap();
        let weights = model.path().join("model.safetensors");
        let mut tensors = candle_core::safetensors::load(&weights, &Device::Cpu).unwrap();
        tensors.remove("lm_head.weight").unwrap();
        candle_core::safetensors::save(&tensors, &weights).unwrap();
        Some(Golden {
            name: format!("{name}, tied"),
            cases: json(folder.join("manifest.json"))["cases"]["tied"].clone(),
            stage1: Tensors::at(&folder.join("tied_stage1.safetensors")),
            stage2: Tensors::at(&folder.join("tied_stage2.safetensors")),
            modules: modules(&folder),
            model: open(model.path().to_owned()),
        })
    };
    folders().into_iter().filter_map(of).collect()
}

impl Golden {
    fn stage(&self, stage: &str) -> Vec<(String, Value)> {
        let cases = self.cases[stage]["cases"].as_object().unwrap();
        cases.iter().map(|(name, case)| (name.clone(), case.clone())).collect()
    }

    /// The ids up to the answer, with `z` aspect rows and the vision run in the image's place.
    fn open(&self, ids: &[u32], answer: usize, image: (usize, Option<VisionRun>), rule: PositionRule) -> Sequence {
        let text = &self.model.text;
        let after = ids.len() - text_after(text);
        let (first, last) = (text.vocab_len() as u32, after - answer);
        let image_token = text.tokenizer.id(if text.template.lead().is_empty() {
            "<image>"
        } else {
            "<|image_pad|>"
        });
        let image_token = image_token.unwrap();
        let mut sequence = Sequence::default();
        let mut i = 0;
        while i < last {
            let id = ids[i];
            if id == image_token {
                sequence.visual(image.0, image.1, rule);
                i += ids[i..last].iter().take_while(|&&id| id == image_token).count();
            } else if id == first {
                sequence.prompt(PROMPT);
                i += PROMPT;
            } else {
                sequence.text(&[id]);
                i += 1;
            }
        }
        sequence
    }

    fn vocabulary<'a>(&self, prompt: &'a Tensor) -> Vocabulary<'a> {
        Vocabulary::Prompted {
            tokens: self.model.text.vocab_len(),
            prompt,
        }
    }
}

/// The number of tokens that the template writes after an answer: its end, and with ChatML a line break.
fn text_after(text: &masp::vlm::text::Text) -> usize {
    1 + text.template.lead().len()
}

fn mean_loss(model: &BaseModel, batch: &Batch, vocabulary: Vocabulary, recompute: bool) -> Tensor {
    let each = batch.log_likelihoods(&model.decoder, vocabulary, recompute).unwrap();
    each.mean_all().unwrap().neg().unwrap()
}

fn without_keys(x: &Tensor) -> Tensor {
    let hidden = x.dim(0).unwrap() / 3;
    let part = |i: usize| x.narrow(0, i * hidden, hidden).unwrap();
    Tensor::cat(&[part(0), part(2)], 0).unwrap()
}

#[test]
fn stage_1_agrees() {
    for golden in golden() {
        for (name, case) in golden.stage("stage1") {
            let view: View = case["task"].as_str().unwrap().parse().unwrap();
            let want = |part: &str| golden.stage1.get(&format!("{name}.{part}"));
            let what = |part: &str| format!("{} {name}: {part}", golden.name);
            let answer = integers(&case["supervised_ids"]);
            for recompute in [false, true] {
                let module = &golden.modules.0[&view];
                let looked = module.forward(&want("vision_feats").unsqueeze(0).unwrap()).unwrap();
                assert_close(&what("attention"), &looked.attention, want("attn"), 1e-5);
                let z = looked.z.flatten(0, 1).unwrap();
                assert_close(&what("z"), &z, want("z"), 1e-5);
                let image = (z.dim(0).unwrap(), None);
                let mut sequence = golden.open(&integers(&case["input_ids"]), answer.len(), image, PositionRule::Paper);
                sequence.answer(&answer);
                let batch = Batch::splice(&golden.model.decoder, &[sequence], &Visuals::Trained(&z), None).unwrap();
                let loss = mean_loss(&golden.model, &batch, Vocabulary::Full, recompute);
                assert_close(&what("loss"), &loss, want("loss"), 1e-5);
                let logits = batch.logits(&golden.model.decoder, Vocabulary::Full, false).unwrap();
                assert_close(&what("logits"), &logits, want("answer_logits"), 1e-5);
                let grads = loss.backward().unwrap();
                for (parameter, var) in module.parameters(view) {
                    let short = parameter
                        .strip_prefix(&format!("cross_attn.{view}."))
                        .unwrap_or("q_view");
                    let (got, want) = (grads.get(&var).unwrap(), want(&format!("grad.{short}")));
                    let what = what(&format!("gradient of {parameter}"));
                    if short == "in_proj_bias" {
                        assert_close(&what, &without_keys(got), &without_keys(want), 1e-4);
                    } else {
                        assert_close(&what, got, want, 1e-4);
                    }
                }
            }
        }
    }
}

#[test]
fn stage_2_agrees() {
    for golden in golden() {
        let prompt = Var::from_tensor(golden.stage2.get("prefix_init")).unwrap();
        let stage = golden.stage("stage2");
        for (name, case) in &stage {
            let find = |part: &str| golden.stage2.find(&format!("{name}.{part}"));
            // A case with other positions shares the image and ids of the one without.
            let plain = name.trim_end_matches("_mrope");
            let want = |part: &str| find(part).unwrap_or_else(|| golden.stage2.get(&format!("{plain}.{part}")));
            let what = |part: &str| format!("{} {name}: {part}", golden.name);
            let of_plain = stage
                .iter()
                .find(|(other, _)| other == plain)
                .map(|(_, case)| case)
                .unwrap();
            let (z, attention) = golden.modules.look(want("vision_feats")).unwrap();
            assert_close(&what("z"), &z, want("z_all"), 1e-5);
            assert_close(
                &what("attention"),
                &Tensor::cat(&attention, 0).unwrap(),
                want("attn_all"),
                1e-5,
            );
            let run = find("vision_run").unwrap_or_else(|| want("vision_feats"));
            let deep = numbered(&golden.stage2, &format!("{plain}.deepstack"));
            let rows = VisualRows {
                rows: Tensor::cat(&[&z, run], 0).unwrap(),
                deep,
            };
            let rule = match case["positions"].as_str() {
                Some("mrope") => PositionRule::Mrope,
                _ => PositionRule::Paper,
            };
            let grid: [usize; 2] = serde_json::from_value(case["grid"].clone()).unwrap();
            let vision = VisionRun {
                rows: run.dim(0).unwrap(),
                grid: (grid[0], grid[1]),
            };
            let image = (z.dim(0).unwrap(), Some(vision));
            let (ids, answer) = (integers(&of_plain["input_ids"]), integers(&case["supervised_ids"]));
            let open = golden.open(&ids, answer.len(), image, rule);
            let mut sequence = open.clone();
            sequence.answer(&answer);
            let visuals = [rows];
            let visuals = Visuals::Constant(&visuals);
            let decoder = &golden.model.decoder;
            let vocabulary = golden.vocabulary(prompt.as_tensor());
            let trained = PromptRows::trained(prompt.as_tensor());
            let batch = Batch::splice(decoder, &[sequence], &visuals, Some(&trained)).unwrap();
            for recompute in [false, true] {
                let loss = mean_loss(&golden.model, &batch, vocabulary, recompute);
                assert_close(&what("loss"), &loss, want("loss"), 1e-5);
                let grads = loss.backward().unwrap();
                assert_close(
                    &what("gradient"),
                    grads.get(&prompt).unwrap(),
                    want("grad.prefix"),
                    1e-4,
                );
            }
            let logits = batch.logits(decoder, vocabulary, false).unwrap();
            assert_close(&what("logits"), &logits, want("answer_logits"), 1e-5);

            let lead = golden.model.text.lead().unwrap();
            let labels = case["label_loglik"].as_array().unwrap();
            let labels: Vec<Vec<u32>> = labels.iter().map(|label| integers(&label["ids"])).collect();
            let mut scored = open;
            scored.text(&lead);
            scored.alternatives(labels.iter().map(Vec::as_slice));
            let frozen = PromptRows::constant(prompt.as_tensor()).unwrap();
            let batch = Batch::splice(decoder, &[scored], &visuals, Some(&frozen)).unwrap();
            let scores = batch.scores(decoder, vocabulary).unwrap().concat();
            let wanted: Vec<f64> = want("label_sum_logprob")
                .to_dtype(candle_core::DType::F64)
                .unwrap()
                .to_vec1()
                .unwrap();
            assert_eq!(scores.len(), wanted.len());
            for (got, want) in scores.iter().zip(&wanted) {
                assert!((got - want).abs() <= 1e-3, "{}: {got} against {want}", what("label"));
            }
        }
    }
}
