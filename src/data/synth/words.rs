//! The words in which the drawn world is spoken of.

use std::collections::BTreeSet;

use super::scene::{ACTIONS, EXPRESSIONS, LEVELS, OBJECTS, SCENES};
use crate::data::classes::EMOSET;

/// What a sentence about a drawn picture needs beside the names of things: "The snake and the low brightness evoke
/// fear."
const BETWEEN: [&str; 10] = [
    "the",
    "and",
    "evoke",
    "evokes",
    "nothing",
    "here",
    "face",
    "person",
    "brightness",
    "colorfulness",
];

/// All words that a rationale of the tiny model may hold, in lower case: those of the annotations, the emotions, and what
/// stands between them in the sentences that it was pretrained on.
#[must_use]
pub fn vocabulary() -> BTreeSet<&'static str> {
    let named = [&SCENES[..], &OBJECTS, &EXPRESSIONS, &ACTIONS, &LEVELS];
    let things = named.into_iter().flatten().flat_map(|name| name.split(['_', ' ']));
    things.chain(EMOSET.classes.iter().copied()).chain(BETWEEN).collect()
}
