//! Small random models of every family, for tests: tests that use all of them cover a new family without changes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;

use candle_core::{Device, Result, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::config_file::{ConfigFile, Family};
use super::frozen::Frozen;
use super::model_config::ModelConfig;
use super::template::Template;
use super::{Parameters, tiny};

/// A model folder of a family, in a temporary folder that is deleted on drop.
#[must_use]
pub fn folder(family: Family) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, value: &Value| fs::write(folder.path().join(name), value.to_string()).unwrap();
    let (config, pictures) = settings(family);
    write("config.json", &config);
    write("preprocessor_config.json", &pictures);
    let own = fs::read(tiny::folder().unwrap().join("tokenizer.json")).unwrap();
    write(
        "tokenizer.json",
        &with_tokens(serde_json::from_slice(&own).unwrap(), family.template()),
    );
    let config = ModelConfig::of(&ConfigFile::read(folder.path()).unwrap()).unwrap();
    let noise = Noise::default();
    drop(Frozen::new(&config, &noise, |_, _| ()).unwrap());
    candle_core::safetensors::save(&noise.0.into_inner(), folder.path().join("model.safetensors")).unwrap();
    folder
}

/// The families whose tower has one grid of patches, with the settings of its random model.
pub fn on_a_grid() -> impl Iterator<Item = (Family, Value)> {
    let settings = Family::ALL.into_iter().map(|family| (family, settings(family).0));
    settings.filter(|(_, config)| config["vision_config"].get("depth").is_some())
}

/// The content of config.json and preprocessor_config.json.
#[must_use]
pub fn settings(family: Family) -> (Value, Value) {
    let text = json!({
        "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2,
        "num_hidden_layers": 3, "vocab_size": 1088, "rms_norm_eps": 1e-6,
    });
    let with = |text: &Value, more: Value| {
        let mut text = text.as_object().unwrap().clone();
        text.extend(more.as_object().unwrap().clone());
        Value::Object(text)
    };
    let limits = json!({"min_pixels": 3136, "max_pixels": 12_544});
    let rope = json!({"rope_scaling": {"type": "mrope", "mrope_section": [2, 1, 1]}});
    match family {
        Family::Qwen2Vl => {
            let vision = json!({"depth": 2, "embed_dim": 32, "num_heads": 2, "mlp_ratio": 2, "hidden_size": 32});
            let more = json!({"model_type": "qwen2_vl", "tie_word_embeddings": false, "vision_config": vision});
            (with(&with(&text, rope), more), limits)
        }
        Family::Qwen25Vl => {
            let vision = json!({
                "depth": 2, "hidden_size": 32, "intermediate_size": 20, "num_heads": 2, "out_hidden_size": 32,
                "window_size": 56, "fullatt_block_indexes": [1],
            });
            let more = json!({"model_type": "qwen2_5_vl", "tie_word_embeddings": false, "vision_config": vision});
            (with(&with(&text, rope), more), limits)
        }
        Family::Qwen3Vl => {
            let rope = json!({"rope_scaling": {"mrope_interleaved": true, "mrope_section": [2, 2, 2]}, "head_dim": 12});
            let vision = json!({
                "depth": 3, "hidden_size": 32, "intermediate_size": 24, "num_heads": 2, "out_hidden_size": 32,
                "num_position_embeddings": 16, "deepstack_visual_indexes": [0, 1],
            });
            let config = json!({
                "model_type": "qwen3_vl", "tie_word_embeddings": true, "vision_config": vision,
                "text_config": with(&text, rope),
            });
            (
                config,
                json!({"patch_size": 16, "size": {"shortest_edge": 4096, "longest_edge": 16_384}}),
            )
        }
        Family::LlavaNext => {
            let pinpoints = json!([[28, 56], [56, 28], [56, 56]]);
            let vision = json!({
                "model_type": "clip_vision_model", "hidden_size": 32, "intermediate_size": 24, "num_attention_heads": 2,
                "num_hidden_layers": 2, "image_size": 28, "patch_size": 14,
            });
            let config = json!({
                "model_type": "llava_next", "tie_word_embeddings": false, "vision_config": vision,
                "text_config": with(&text, json!({"model_type": "mistral", "sliding_window": null})),
                "image_grid_pinpoints": pinpoints,
            });
            (
                config,
                json!({"image_grid_pinpoints": pinpoints, "crop_size": {"height": 28, "width": 28}}),
            )
        }
    }
}

/// The tokenizer, extended by the tokens that a template writes.
fn with_tokens(mut tokenizer: Value, template: Template) -> Value {
    let words = tokenizer["model"]["vocab"].as_object().unwrap().len();
    let added = tokenizer["added_tokens"].as_array_mut().unwrap();
    for token in template.tokens() {
        if added.iter().all(|known| known["content"] != *token) {
            let mut new = added[0].clone();
            new["content"] = json!(token);
            new["id"] = json!(words + added.len());
            added.push(new);
        }
    }
    tokenizer
}

/// Random values for any requested parameter, seeded by its name.
#[derive(Default)]
pub struct Noise(RefCell<HashMap<String, Tensor>>);

impl Parameters for Noise {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let seed = Sha256::digest(name.as_bytes());
        let mut rng = ChaCha8Rng::from_seed(seed.into());
        // The weights of norms are around 1.
        let scales = shape.len() == 1 && name.ends_with(".weight");
        let middle = if scales { 1.0 } else { 0.0 };
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| middle + rng.random_range(-0.3..0.3))
            .collect();
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu)?;
        self.0.borrow_mut().insert(name.to_owned(), tensor.clone());
        Ok(tensor)
    }
}
