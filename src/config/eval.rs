//! `eval:` — evaluation while training.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvalSettings {
    /// Evaluate every so many optimiser steps; 0: at the end only.
    pub every_steps: u64,
    /// At most so many images of the validation split (stratified, seeded), but at the end, which takes the whole split.
    pub max_samples: usize,
    /// Images that are looked at again at each evaluation, with heatmaps and rationale.
    pub panel: usize,
}

impl Default for EvalSettings {
    fn default() -> Self {
        Self {
            every_steps: 1000,
            max_samples: 256,
            panel: 8,
        }
    }
}
