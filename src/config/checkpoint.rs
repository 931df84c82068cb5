//! `checkpoint:` — which checkpoints a session keeps.

use super::{
    allowed::{MANY, STEPS},
    section::section,
};

section! {
    CheckpointSettings {
        /// Optimiser steps between two checkpoints where `train.save_strategy` is `steps`.
        every_steps: u64 = 1000, Count(1, STEPS);
        /// Beside these and after epochs, one after so many minutes without; 0: none.
        every_minutes: f64 = 15.0, NotNegative(1e6);
        /// So many of the newest stay.
        keep_last: usize = 2, Count(1, MANY);
        /// So many of the best by validation stay beside them.
        keep_best: usize = 1, Count(0, MANY);
    }
}
