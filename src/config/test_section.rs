//! `test:` — how answers are generated, in the reference's keys.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TestSettings {
    /// Images a batch in evaluation and prediction.
    pub batch_size: usize,
    /// The generated answer's longest length, in tokens.
    pub max_new_tokens: usize,
    /// Draw tokens at random; false: greedy, as the reference's accuracy wants it.
    pub do_sample: bool,
    /// Divides the logits before a token is drawn; without effect while `do_sample` is false.
    pub temperature: f64,
    /// Tokens are drawn from the likeliest ones that together have this share; without effect while `do_sample` is false.
    pub top_p: f64,
}

impl Default for TestSettings {
    fn default() -> Self {
        Self {
            batch_size: 8,
            max_new_tokens: 4,
            do_sample: false,
            temperature: 1.0,
            top_p: 1.0,
        }
    }
}
