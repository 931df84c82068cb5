//! The validation split, where a dataset has none: stratified and seeded.

use super::{
    Dataset,
    class_order::{Purpose, in_random_order},
};

/// Moves the share `fraction` of each class, rounded, at least one image and at most all but one, from `train` to
/// `val`. A class with one image stays in train, with a warning. Order is kept in both.
///
/// Which images of a class move depends on the seed, the class's place in the label list and the class's images alone.
pub(super) fn hold_out_validation(dataset: &mut Dataset, fraction: f64, seed: u64) {
    if fraction <= 0.0 {
        return;
    }
    let mut held_out = vec![false; dataset.train.len()];
    let mut lonely = Vec::new();
    for (label, class) in dataset.classes.iter().enumerate() {
        let indices = in_random_order(&dataset.train, label, seed, Purpose::Validation);
        let count = match indices.len() {
            0 => 0,
            1 => {
                lonely.push(class.as_str());
                0
            }
            images => ((images as f64 * fraction).round() as usize).clamp(1, images - 1),
        };
        for index in indices.into_iter().take(count) {
            held_out[index] = true;
        }
    }
    if !lonely.is_empty() {
        dataset.warnings.push(format!(
            "Only one image shows {}: it stays in training, and validation has none.",
            lonely.join(", ")
        ));
    }
    let mut held_out = held_out.into_iter();
    (dataset.val, dataset.train) = std::mem::take(&mut dataset.train)
        .into_iter()
        .partition(|_| held_out.next().unwrap_or(false));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Annotation, Sample};

    fn dataset(counts: &[usize]) -> Dataset {
        let sample = |label, index| Sample {
            id: format!("{label}/{index:03}"),
            path: "x".into(),
            label,
            annotation: Annotation::default(),
        };
        Dataset {
            root: "r".into(),
            name: "n".into(),
            layout: "l".into(),
            classes: (0..counts.len()).map(|label| format!("class {label}")).collect(),
            train: (counts.iter().enumerate())
                .flat_map(|(label, count)| (0..*count).map(move |index| sample(label, index)))
                .collect(),
            val: Vec::new(),
            test: Vec::new(),
            undrawn: Vec::new(),
            left_out: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn split(counts: &[usize], fraction: f64, seed: u64) -> (Vec<String>, Vec<String>, Vec<String>) {
        let mut dataset = dataset(counts);
        hold_out_validation(&mut dataset, fraction, seed);
        let ids = |samples: &[Sample]| samples.iter().map(|sample| sample.id.clone()).collect();
        (ids(&dataset.train), ids(&dataset.val), dataset.warnings)
    }

    #[test]
    fn each_class_gives_its_share_in_order() {
        let (train, val, warnings) = split(&[100, 20, 3, 2, 0], 0.1, 3407);
        let of = |ids: &[String], label: &str| ids.iter().filter(|id| id.starts_with(label)).count();
        assert_eq!(["0/", "1/", "2/", "3/"].map(|label| of(&val, label)), [10, 2, 1, 1]);
        assert_eq!(train.len() + val.len(), 125);
        assert!(train.is_sorted() && val.is_sorted() && warnings.is_empty());
        assert!(val.iter().all(|id| !train.contains(id)));
    }

    #[test]
    fn the_choice_depends_on_the_seed_and_not_on_other_classes() {
        let val = |counts: &[usize], seed| split(counts, 0.2, seed).1;
        assert_eq!(val(&[50, 50], 1), val(&[50, 50], 1));
        assert_ne!(val(&[50, 50], 1), val(&[50, 50], 2));
        let first = |ids: Vec<String>| ids.into_iter().filter(|id| id.starts_with("0/")).collect::<Vec<_>>();
        assert_eq!(first(val(&[50, 50], 1)), first(val(&[50, 9], 1)));
    }

    #[test]
    fn a_single_image_stays_in_training_and_share_zero_moves_none() {
        let (train, val, warnings) = split(&[1, 4], 0.5, 7);
        assert_eq!((train.len(), val.len()), (3, 2));
        assert!(warnings.len() == 1 && warnings[0].contains("class 0"), "{warnings:?}");
        assert_eq!(split(&[1, 4], 0.0, 7).1.len(), 0);
        assert_eq!(split(&[2], 0.99, 7).0.len(), 1);
    }
}
