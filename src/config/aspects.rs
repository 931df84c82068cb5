//! `aspects:` — stage 1's modules.

use super::section::section;
use crate::{aspects::Initial, data::View};

section! {
    AspectsSettings {
        /// The views in use, in the order in which their tokens stand before the image.
        views: Vec<View> = View::ALL.to_vec(), Views;
        /// Learned queries a view, each of which gives one token; attention grows with the square of the sequence's length.
        queries: usize = 5, Count(1, 1024);
        /// How fresh modules begin.
        initial: Initial = Initial::Reference, OneOf(&["reference", "identity"]);
    }
}
