//! The drawn dataset of the embedded default: scenes as data, the rule that gives their emotion, their pictures, and files in EmoSet's layout.

mod annotation;
pub mod draw;
mod info;
mod place;
mod plan;
mod pose;
mod recipe;
pub mod rule;
pub mod scene;
pub mod situation;
#[cfg(test)]
mod tests;
mod words;
mod write;

pub use info::{BestPossible, GENERATOR, Info, Recipe, Synth};
pub use scene::Scene;
pub use words::vocabulary;
pub use write::{Options, SynthError, synthesise};

/// The folder `drawn` below `root`, with eight small pictures a split.
#[cfg(test)]
#[must_use]
pub fn few(root: &std::path::Path) -> std::path::PathBuf {
    let few = Options {
        train: 8,
        val: 8,
        test: 8,
        size: 56,
        ..Options::default()
    };
    let folder = root.join("drawn");
    synthesise(&folder, &few, |_, _| ()).unwrap();
    folder
}
