//! Why a dataset cannot be opened.

use std::{io, path::PathBuf};

use crate::printable::{printable, printable_path};

/// Why a dataset cannot be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("the data folder {} does not exist; name an existing one with --data", printable_path(.0))]
    Missing(PathBuf),
    #[error("{} is a file; --data takes the folder that holds the dataset", printable_path(.0))]
    NotAFolder(PathBuf),
    #[error("cannot read {}: {source}", printable_path(path))]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the class `{}` of {} contains a control token of the model, which would end or change the chat that names \
         the class; rename it",
        printable(class),
        printable_path(root)
    )]
    ControlToken { root: PathBuf, class: String },
    #[error("cannot use {}: {reason}; download it again or correct it", printable_path(path))]
    File { path: PathBuf, reason: String },
    #[error(
        "{} has none of the known layouts{dataname}: expected EmoSet (train.json, image/, annotation/), the \
         reference's (train/, test/, annotation/), Emotion6 (images/, ground_truth.txt), FI (emotion_dataset/), \
         Abstract (ABSTRACT_groundTruth.csv), ArtPhoto (<emotion>_N.jpg), UnbiasedEmo (images/<emotion>/<keyword>/), \
         or folders named by class that hold images, perhaps under train/, val/ and test/; {near}",
        printable_path(root)
    )]
    UnknownLayout {
        root: PathBuf,
        dataname: String,
        /// What it nearly is, and what to do.
        near: String,
    },
    #[error(
        "the dataset {} ({layout}) has no usable image: {left_out} file(s) were left out{example}; `masp data check` \
         lists them",
        printable_path(root)
    )]
    Empty {
        root: PathBuf,
        layout: &'static str,
        left_out: usize,
        example: String,
    },
    #[error("val_fraction is {0}, but a share of at least 0 and below 1 is needed")]
    Fraction(f64),
}
