//! `checkpoint:` — which checkpoints a session keeps.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointSettings {
    /// Optimiser steps between two checkpoints where `train.save_strategy` is `steps`.
    pub every_steps: u64,
    /// Beside these and after epochs, one after so many minutes without; 0: none.
    pub every_minutes: f64,
    /// So many of the newest stay.
    pub keep_last: usize,
    /// So many of the best by validation stay beside them.
    pub keep_best: usize,
}

impl Default for CheckpointSettings {
    fn default() -> Self {
        Self {
            every_steps: 1000,
            every_minutes: 15.0,
            keep_last: 2,
            keep_best: 1,
        }
    }
}
