//! `eval:` — evaluation while training.

use super::{
    allowed::{MANY, STEPS},
    section::section,
};

section! {
    EvalSettings {
        /// Evaluate every so many optimiser steps; 0: at the end only.
        every_steps: u64 = 1000, Count(0, STEPS);
        /// At most so many images of the validation split (stratified, seeded), but at the end, which takes the whole split.
        max_samples: usize = 256, Count(1, MANY);
        /// Images that are looked at again at each evaluation, with heatmaps and rationale.
        panel: usize = 8, Count(0, MANY);
    }
}
