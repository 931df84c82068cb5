//! `prompt:` — stage 2's soft prompt.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromptSettings {
    /// Trained vectors; each stands twice in the question.
    pub tokens: usize,
}

impl Default for PromptSettings {
    fn default() -> Self {
        Self { tokens: 32 }
    }
}
