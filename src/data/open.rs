//! Opening a dataset.

use std::path::{Path, PathBuf};

use super::{Annotation, DataError, Dataset, layout, shots::draw_shots, split};
use crate::printable::printable_path;

/// What to open, and how to split it.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetOptions {
    pub root: PathBuf,
    /// A known dataset's name: it chooses the layout and the label list. `None`: both are detected.
    pub dataname: Option<String>,
    /// Share of the training images held out for validation where the dataset has no such split; in `[0, 1)`.
    pub val_fraction: f64,
    /// Images a class that are drawn from the training split, once validation has its own; at least 1. `None`: all.
    pub shots: Option<usize>,
    pub seed: u64,
}

impl DatasetOptions {
    /// Whatever lies at `root`, with nothing held out and all of the training split.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            dataname: None,
            val_fraction: 0.0,
            shots: None,
            seed: 1,
        }
    }
}

/// Reads a dataset's lists and annotations, looks at the first bytes of each image, and splits.
///
/// Files that are odd or unreadable are left out and named in [`Dataset::left_out`]; they are no error.
///
/// # Errors
/// No folder, no known layout, no usable image, a broken list of the layout's, or a bad `val_fraction`.
pub fn open(options: &DatasetOptions) -> Result<Dataset, DataError> {
    let root = &options.root;
    if !(0.0..1.0).contains(&options.val_fraction) {
        return Err(DataError::Fraction(options.val_fraction));
    }
    is_folder(root)?;
    let found = layout::read(root, options.dataname.as_deref())?;
    let mut dataset = Dataset {
        root: root.clone(),
        name: found.name,
        layout: found.layout.to_owned(),
        classes: found.classes,
        train: found.train,
        val: Vec::new(),
        test: found.test,
        undrawn: Vec::new(),
        left_out: found.left_out,
        warnings: found.warnings,
    };
    match found.val {
        Some(val) => dataset.val = val,
        None => split::hold_out_validation(&mut dataset, options.val_fraction, options.seed),
    }
    if let Some(shots) = options.shots {
        draw_shots(&mut dataset, shots, options.seed);
    }
    if dataset.train.is_empty() && dataset.val.is_empty() && dataset.test.is_empty() {
        let example = dataset
            .left_out
            .first()
            .map(|first| format!(", the first is {}: {}", printable_path(&first.path), first.reason));
        return Err(DataError::Empty {
            root: root.clone(),
            layout: found.layout,
            left_out: dataset.left_out.len(),
            example: example.unwrap_or_default(),
        });
    }
    warn_of_gaps(&mut dataset);
    Ok(dataset)
}

/// The layout that a run with this folder and dataset name would read, for people; cheap: it looks at a few names only.
///
/// # Errors
/// No folder, or no known layout.
pub fn recognise(root: &Path, dataname: Option<&str>) -> Result<&'static str, DataError> {
    is_folder(root)?;
    layout::recognise(root, dataname)
}

fn is_folder(root: &Path) -> Result<(), DataError> {
    if !root.exists() {
        return Err(DataError::Missing(root.to_owned()));
    }
    if !root.is_dir() {
        return Err(DataError::NotAFolder(root.to_owned()));
    }
    Ok(())
}

fn warn_of_gaps(dataset: &mut Dataset) {
    if dataset.train.is_empty() {
        dataset
            .warnings
            .push("There is no training image: the dataset serves evaluation only.".into());
    } else {
        let absent: Vec<&str> = (dataset.classes.iter().enumerate())
            .filter(|(label, _)| dataset.train.iter().all(|sample| sample.label != *label))
            .map(|(_, class)| class.as_str())
            .collect();
        if !absent.is_empty() {
            let sentence = format!("No training image shows {}.", absent.join(", "));
            dataset.warnings.push(sentence);
        }
        if dataset
            .train
            .iter()
            .all(|sample| sample.annotation == Annotation::default())
        {
            let sentence = "No training image has an annotation: stage 1 (aspects) has nothing to train on.";
            dataset.warnings.push(sentence.into());
        }
    }
    if dataset.val.is_empty() && !dataset.train.is_empty() {
        dataset
            .warnings
            .push("There is no validation image: evaluation during training is skipped.".into());
    }
    if dataset.test.is_empty() {
        dataset
            .warnings
            .push("There is no test split: evaluate on the validation split.".into());
    }
}
