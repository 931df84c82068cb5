//! `aspects:` — stage 1's modules.

use serde::{Deserialize, Serialize};

use crate::aspects::Initial;
use crate::data::View;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AspectsSettings {
    /// The views in use, in the order in which their tokens stand before the image.
    pub views: Vec<View>,
    /// Learned queries a view, each of which gives one token.
    pub queries: usize,
    /// How fresh modules begin.
    pub initial: Initial,
}

impl Default for AspectsSettings {
    fn default() -> Self {
        Self {
            views: View::ALL.to_vec(),
            queries: 5,
            initial: Initial::Reference,
        }
    }
}
