//! A drawn dataset's `info.json`: EmoSet's index of emotions, and how the dataset was made. It is written last, so that a folder that has
//! it is whole.

use std::path::Path;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{rule, write::Options};
use crate::bounded_file::read_bounded;
use crate::data::classes::MIKELS;

/// In bytes; another dataset's file of this name may be of any size.
const LONGEST_INFO: u64 = 1 << 20;

/// Goes up whenever the same options give other files than before.
pub const GENERATOR: u32 = 1;

/// The content of `info.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Info {
    pub emotion: EmotionIndex,
    pub synth: Synth,
}

/// EmoSet's index of its classes, in both directions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmotionIndex {
    pub label2idx: IndexMap<String, usize>,
    pub idx2label: IndexMap<String, String>,
}

/// How the dataset was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Synth {
    #[serde(flatten)]
    pub recipe: Recipe,
    pub best_possible: BestPossible,
    /// The share of pictures whose emotion leads by [`rule::CLEAR`] points or more.
    pub clear: f64,
}

/// What determines a drawn dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// [`GENERATOR`] at that time.
    pub generator: u32,
    #[serde(flatten)]
    pub options: Options,
}

/// The best accuracy that can be expected, see [`rule::best_possible`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BestPossible {
    pub train: f64,
    pub val: f64,
    pub test: f64,
}

impl Info {
    /// `clear`: the share of clear pictures.
    #[must_use]
    pub fn new(options: &Options, clear: f64) -> Self {
        let best = |pictures| rule::best_possible(pictures, options.noise);
        let emotions = || MIKELS.iter().map(|emotion| (*emotion).to_owned());
        Self {
            emotion: EmotionIndex {
                label2idx: emotions().zip(0..).collect(),
                idx2label: (0..).map(|index: usize| index.to_string()).zip(emotions()).collect(),
            },
            synth: Synth {
                recipe: Recipe {
                    generator: GENERATOR,
                    options: options.clone(),
                },
                best_possible: BestPossible {
                    train: best(options.train),
                    val: best(options.val),
                    test: best(options.test),
                },
                clear,
            },
        }
    }

    /// The info of the drawn dataset in `dir`; `None` where there is none, it is unfinished, or `info.json` is another dataset's.
    #[must_use]
    pub fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&read_bounded(&dir.join("info.json"), LONGEST_INFO).ok()?).ok()
    }
}
