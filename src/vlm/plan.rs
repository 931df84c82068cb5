//! Checks, before any number is read, that config.json and the weights belong to the same model.

use std::{cell::RefCell, collections::BTreeSet};

use candle_core::{DType, Device, Tensor};

use super::Parameters;
use super::frozen::Frozen;
use super::model_config::ModelConfig;
use super::vision::TowerConfig;
use super::weights::{Weights, WeightsError};

/// Why config.json and the weights do not match.
#[derive(Debug, thiserror::Error)]
pub enum Mismatch {
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error("{source} (config.json leaves out {}, for which transformers' own values were taken)", keys.join(", "))]
    Assumed {
        source: Box<WeightsError>,
        keys: Vec<&'static str>,
    },
    #[error("the model cannot be built: {0}")]
    Build(candle_core::Error),
}

/// Sizes whose defaults fit only few models.
const SIZES: [&str; 6] = [
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "vocab_size",
];

/// The configuration, with its open settings determined from the weights.
///
/// # Errors
/// [`Mismatch`]: a weight is missing, quantised or of another shape, there are unused layers, or the model's namespace
/// contains weights that a model of this family does not have.
pub fn settle(read: ModelConfig, weights: &Weights) -> Result<ModelConfig, Mismatch> {
    fit(&read, weights).map_err(|misfit| {
        let keys: Vec<&str> = SIZES.into_iter().filter(|key| read.left_out.contains(key)).collect();
        match misfit {
            Mismatch::Weights(source) if !keys.is_empty() && is_of_size(&source) => Mismatch::Assumed {
                source: Box::new(source),
                keys,
            },
            misfit => misfit,
        }
    })
}

fn is_of_size(error: &WeightsError) -> bool {
    matches!(
        error,
        WeightsError::Shape { .. } | WeightsError::Layers { .. } | WeightsError::Missing { .. }
    )
}

fn fit(read: &ModelConfig, weights: &Weights) -> Result<ModelConfig, Mismatch> {
    let mut config = read.clone();
    config.decoder.tie_word_embeddings = is_tied(&read.ties, weights)?;
    let layers = config.decoder.num_hidden_layers;
    for ((layers, key, said), least) in [
        (("model.layers.", "num_hidden_layers", layers), layers),
        (config.tower.blocks(), config.tower.least_blocks()),
    ] {
        let held = weights.layers(layers);
        // If there are no layers at all, the error about the first missing weight is more helpful.
        if !(least..=said).contains(&held) && held != 0 {
            return Err(Mismatch::Weights(WeightsError::Layers {
                folder: weights.folder().to_owned(),
                layers,
                key,
                said,
                held,
            }));
        }
    }
    let plan = Plan {
        weights,
        used: RefCell::default(),
        fault: RefCell::default(),
    };
    let built = Frozen::new(&config, &plan, |_, _| ());
    if let Some(fault) = plan.fault.into_inner() {
        return Err(Mismatch::Weights(fault));
    }
    built.map_err(Mismatch::Build)?;
    superfluous(weights, &*config.tower, &plan.used.into_inner())?;
    Ok(config)
}

/// Whether the output matrix is tied to the embedding: the file's value, checked against the weights.
fn is_tied(said: &[bool], weights: &Weights) -> Result<bool, WeightsError> {
    const HEAD: &str = "lm_head.weight";
    let (tied, untied) = (said.contains(&true), said.contains(&false));
    if !weights.contains(HEAD) {
        return if tied || !untied || weights.is_packed(HEAD) {
            Ok(!weights.is_packed(HEAD))
        } else {
            Err(WeightsError::NoHead(weights.folder().to_owned()))
        };
    }
    if !tied {
        return Ok(false);
    }
    let equal = weights.are_equal(HEAD, "model.embed_tokens.weight");
    if equal || untied {
        Ok(equal)
    } else {
        Err(WeightsError::OtherHead(weights.folder().to_owned()))
    }
}

/// A dry run that checks the model's names and shapes against the files' headers. Each of its tensors is a single zero,
/// broadcast.
struct Plan<'a> {
    weights: &'a Weights,
    used: RefCell<BTreeSet<String>>,
    fault: RefCell<Option<WeightsError>>,
}

impl Parameters for Plan<'_> {
    fn get(&self, name: &str, shape: &[usize]) -> candle_core::Result<Tensor> {
        match self.weights.check(name, shape) {
            Ok(used) => self.used.borrow_mut().extend(used),
            Err(fault) => {
                *self.fault.borrow_mut() = Some(fault);
                candle_core::bail!("the weight {name} does not fit");
            }
        }
        Tensor::zeros((), DType::F32, &Device::Cpu)?.broadcast_as(shape)
    }
}

/// Finds a weight inside the model that is not used. Other tensors (buffers, scales of activations, another head) are
/// harmless, but such a weight would take part in the original model's computation.
fn superfluous(weights: &Weights, tower: &dyn TowerConfig, used: &BTreeSet<String>) -> Result<(), WeightsError> {
    let inside = |name: &&str| {
        let in_model = ["model.", "visual.", "multi_modal_projector."]
            .iter()
            .any(|part| name.starts_with(part))
            || *name == "lm_head.bias";
        let is_weight = name.ends_with(".weight") || name.ends_with(".bias");
        in_model && is_weight && !used.contains(*name) && !tower.is_spare(name)
    };
    let Some(name) = weights.names().find(inside) else {
        return Ok(());
    };
    let what = if name.contains(".lora_") || name.contains(".base_layer.") {
        "is of an adapter that was not merged; merge it (peft: `model.merge_and_unload()`) and save that"
    } else if name.contains(".experts.") {
        "is of a mixture of experts, and this program runs models with one feed-forward network a layer"
    } else {
        "models of its family do not have; it was changed to another model, or config.json is not its own"
    };
    Err(WeightsError::Superfluous {
        folder: weights.folder().to_owned(),
        name: crate::printable::printable(name).into_owned(),
        what,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;
    use crate::vlm::config_file::{ConfigFile, Family};
    use crate::vlm::random_model;

    /// The error for LLaVA's folder after a change to its config.json and with additional weights.
    fn fault(bias: bool, more: &[&str]) -> Option<String> {
        let folder = random_model::folder(Family::LlavaNext);
        let (mut config, _) = random_model::settings(Family::LlavaNext);
        config["multimodal_projector_bias"] = json!(bias);
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        let file = folder.path().join("model.safetensors");
        let mut tensors: HashMap<String, Tensor> = candle_core::safetensors::load(&file, &Device::Cpu).unwrap();
        for name in more {
            let zeros = Tensor::zeros((2, 2), DType::F32, &Device::Cpu).unwrap();
            tensors.insert((*name).to_owned(), zeros);
        }
        candle_core::safetensors::save(&tensors, &file).unwrap();
        let read = ModelConfig::of(&ConfigFile::read(folder.path()).unwrap()).unwrap();
        let settled = settle(read, &Weights::open(folder.path()).unwrap());
        settled.err().map(|misfit| misfit.to_string())
    }

    #[test]
    fn the_projector_is_inside_the_model() {
        assert_eq!(fault(true, &["score.weight"]), None);
        let bias = fault(false, &[]).unwrap();
        assert!(bias.contains("multi_modal_projector.linear_1.bias"), "{bias}");
        let third = fault(true, &["model.multi_modal_projector.linear_3.weight"]).unwrap();
        assert!(third.contains("multi_modal_projector.linear_3.weight"), "{third}");
    }
}
