//! Datasets: what lies on disk, as samples with classes, annotations and splits.

mod annotation;
pub mod check;
mod class_order;
pub mod classes;
mod control_token;
mod error;
#[cfg(test)]
mod hostile;
pub mod image_file;
mod layout;
mod open;
pub mod prompts;
mod readiness;
mod shots;
mod split;
pub mod synth;
mod text;
mod view;

use std::path::PathBuf;

pub use control_token::control_token;
pub use error::DataError;
pub use open::{DatasetOptions, open, recognise};
pub use readiness::Readiness;
pub use view::View;

/// What an image's annotation says of its aspects; an aspect that it does not mention is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Annotation {
    pub facial_expression: Option<String>,
    pub object: Vec<String>,
    pub scene: Option<String>,
    pub human_action: Option<String>,
    /// In `[0, 1]`.
    pub brightness: Option<f32>,
    /// In `[0, 1]`.
    pub colorfulness: Option<f32>,
}

/// One labelled image.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The path relative to the dataset's root, with `/`: the sample's name everywhere.
    pub id: String,
    pub path: PathBuf,
    /// Index into [`Dataset::classes`].
    pub label: usize,
    pub annotation: Annotation,
}

/// A file that was left out, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    pub path: PathBuf,
    pub reason: String,
}

/// A dataset with its splits. In each split samples are in byte order of class folder name, then file name.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    pub root: PathBuf,
    /// The name that the class list was chosen by (`EmoSet`, `Emotion6`, ...).
    pub name: String,
    /// The layout it was found in, for people.
    pub layout: String,
    /// In the label list's order, which is the order of the questions' enumeration.
    pub classes: Vec<String>,
    pub train: Vec<Sample>,
    pub val: Vec<Sample>,
    pub test: Vec<Sample>,
    /// Training images that are not trained on, because others were drawn (`data.shots`).
    pub undrawn: Vec<Sample>,
    pub left_out: Vec<LeftOut>,
    /// Sentences for the log (a class with one image, a missing split, ...).
    pub warnings: Vec<String>,
}
