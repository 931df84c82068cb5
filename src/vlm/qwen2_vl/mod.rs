//! Qwen2-VL: a vision tower whose merged tokens stand in the language model's sequence.

pub mod config;
pub mod language;
mod prefix;
pub mod processor;
pub mod rope;
pub mod vision;
mod wanted;

use candle_core::Result;

pub use config::Config;
pub use language::{KvCache, LanguageModel, Vocabulary};
pub use prefix::Prefix;
pub use rope::Positions;
pub use vision::VisionTower;
pub use wanted::Wanted;

use super::Parameters;
use crate::nn::Interrupt;

/// Both halves.
#[derive(Clone, Debug)]
pub struct Qwen2Vl {
    pub config: Config,
    pub vision: VisionTower,
    pub language: LanguageModel,
}

impl Qwen2Vl {
    /// Builds the model from its parameters' hub names (`visual.*`, `model.*`, `lm_head.weight`); `progress` is told
    /// the layers done and their number.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    pub fn new(config: &Config, parameters: &dyn Parameters, mut progress: impl FnMut(usize, usize)) -> Result<Self> {
        let blocks = config.vision_config.depth;
        let total = blocks + config.num_hidden_layers;
        let vision = VisionTower::new(config, parameters, |done| progress(done, total))?;
        let language = LanguageModel::new(config, parameters, |done| progress(blocks + done, total))?;
        Ok(Self {
            config: config.clone(),
            vision,
            language,
        })
    }

    /// The same weights, for somebody who keeps what sequences begin with, and gives up, for himself.
    #[must_use]
    pub fn sharing(&self) -> Self {
        let mut shared = self.clone();
        shared.language.forget_prefixes();
        shared.heed(&Interrupt::default());
        shared
    }

    /// Gives up what is computed once `interrupt` is set, with the error that [`crate::nn::is_interrupt`] knows.
    pub fn heed(&mut self, interrupt: &Interrupt) {
        self.vision.interrupt = interrupt.clone();
        self.language.interrupt = interrupt.clone();
    }
}
