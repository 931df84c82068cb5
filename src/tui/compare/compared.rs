//! Compares two evaluations on the images that both contain.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use crate::{
    metrics::{Comparison, Pair, Scored, compare},
    session::{ImageResult, read_results},
    tui::browse::rows::{Rows, classes},
};

/// The comparison of two evaluations.
#[derive(Debug)]
pub struct Compared {
    pub rows: [Arc<Rows>; 2],
    pub labels: Vec<String>,
    pub figures: Comparison,
    /// Rows of the same image: its index in A, and in B.
    pub pairs: Vec<(u32, u32)>,
    /// The number of images that only one of the two contains.
    pub alone: usize,
}

/// How the prediction for an image changes from A to B.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Wrong in A, right in B.
    Gained,
    /// Right in A, wrong in B.
    Lost,
    /// Wrong in both, with different classes.
    OtherError,
    /// The same prediction in both.
    Same,
}

impl Compared {
    /// Reads two files of predictions and compares them.
    ///
    /// # Errors
    /// A message if a file cannot be read, or if the two have different classes or no image in common.
    pub fn read([a, b]: &[PathBuf; 2]) -> Result<Self, String> {
        let read = |path: &PathBuf| read_results(path).map_err(|error| error.to_string());
        Self::new(Rows::new(read(a)?), Rows::new(read(b)?))
    }

    /// Compares the rows of B with those of A.
    ///
    /// # Errors
    /// A message if the two have different classes or no image in common.
    pub fn new(a: Rows, b: Rows) -> Result<Self, String> {
        let (figures, pairs) = compare_results(&a.labels, a.all(), b.all())?;
        Ok(Self {
            // A file may contain an image twice.
            alone: a.len().saturating_sub(pairs.len()) + b.len().saturating_sub(pairs.len()),
            labels: a.labels.clone(),
            rows: [Arc::new(a), Arc::new(b)],
            figures,
            pairs,
        })
    }

    /// The results of a pair: in A, in B.
    #[must_use]
    pub fn pair(&self, place: usize) -> Option<[&ImageResult; 2]> {
        let &(a, b) = self.pairs.get(place)?;
        Some([self.rows[0].get(a)?, self.rows[1].get(b)?])
    }

    /// How a pair's prediction changes.
    #[must_use]
    pub fn outcome(&self, place: usize) -> Option<Outcome> {
        let [a, b] = self.pair(place)?;
        Some(match (a.is_right(), b.is_right()) {
            (false, true) => Outcome::Gained,
            (true, false) => Outcome::Lost,
            _ if a.prediction.prediction != b.prediction.prediction => Outcome::OtherError,
            _ => Outcome::Same,
        })
    }
}

/// The figures of two evaluations on the images that both contain, and these images: their indices in A and in B. `labels` are
/// A's classes.
///
/// # Errors
/// A message if the two have different classes or labels, or no image in common.
pub fn compare_results(
    labels: &[String],
    in_a: &[ImageResult],
    in_b: &[ImageResult],
) -> Result<(Comparison, Vec<(u32, u32)>), String> {
    if labels != classes(in_b) {
        return Err("the two evaluations have different classes, so they cannot be compared".to_owned());
    }
    let places: HashMap<&str, u32> = (0..)
        .zip(in_b)
        .map(|(row, result)| (result.prediction.image.as_str(), row))
        .collect();
    let pairs: Vec<(u32, u32)> = (0..)
        .zip(in_a)
        .filter_map(|(row, result)| Some((row, *places.get(result.prediction.image.as_str())?)))
        .collect();
    if pairs.is_empty() {
        return Err("the two evaluations have no image in common; choose others with [ ] and { }".to_owned());
    }
    let gold = |results: &[ImageResult], row: u32| results.get(row as usize).map(|result| result.gold.clone());
    let other = pairs.iter().filter(|&&(a, b)| gold(in_a, a) != gold(in_b, b)).count();
    if other > 0 {
        return Err(format!(
            "{other} of {} images have different labels in the two evaluations, so their datasets differ; \
             choose others with [ ] and {{ }}",
            pairs.len()
        ));
    }
    let probabilities = |results: &[ImageResult]| -> Vec<Vec<f64>> {
        let of = |result: &ImageResult| result.prediction.probabilities.values().copied().collect();
        results.iter().map(of).collect()
    };
    let (p_a, p_b) = (probabilities(in_a), probabilities(in_b));
    let gold = |result: &ImageResult| labels.iter().position(|label| *label == result.gold);
    let scored: Vec<Pair> = pairs
        .iter()
        .filter_map(|&(a, b)| {
            let (a, b) = (a as usize, b as usize);
            let of = |results: &'_ [ImageResult], row: usize| gold(results.get(row)?);
            Some(Pair {
                image: &in_a.get(a)?.prediction.image,
                a: Scored {
                    gold: of(in_a, a)?,
                    probabilities: p_a.get(a)?,
                    generated: &in_a.get(a)?.prediction.generated,
                },
                b: Scored {
                    gold: of(in_b, b)?,
                    probabilities: p_b.get(b)?,
                    generated: &in_b.get(b)?.prediction.generated,
                },
            })
        })
        .collect();
    Ok((compare(labels, &scored), pairs))
}
