//! A base model's frozen weights: the language model and the vision tower.

use std::sync::Arc;

use super::Parameters;
use super::decoder::LanguageModel;
use super::model_config::ModelConfig;
use super::vision::Tower;

/// The weights of a model, in memory.
#[derive(Debug)]
pub struct Frozen {
    pub decoder: LanguageModel,
    pub tower: Arc<dyn Tower>,
    /// What the user should know of how they were loaded.
    pub notice: Option<String>,
    /// What they take of a CUDA device's memory, once they are there; 0 on others.
    pub device_bytes: u64,
}

impl Frozen {
    /// Builds the model from its parameters' hub names. `progress` receives the number of layers done and their total.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    pub fn new(
        config: &ModelConfig,
        parameters: &dyn Parameters,
        mut progress: impl FnMut(usize, usize),
    ) -> candle_core::Result<Self> {
        let (_, _, blocks) = config.tower.blocks();
        let total = blocks + config.decoder.num_hidden_layers;
        let tower = config.tower.build(parameters, &mut |done| progress(done, total))?;
        let decoder = LanguageModel::new(&config.decoder, parameters, |done| progress(blocks + done, total))?;
        Ok(Self {
            decoder,
            tower: tower.into(),
            notice: None,
            device_bytes: 0,
        })
    }
}
