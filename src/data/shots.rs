//! Training on few images a class: a seeded draw from the training split.

use super::{
    Dataset,
    class_order::{Purpose, in_random_order},
};

/// Keeps `shots` images of each class in `train` and moves the others to `undrawn`; order is kept in both. A class that has
/// fewer keeps them all, with a warning.
///
/// The images of a smaller number are among those of a larger one, so that runs over several numbers compare.
pub(super) fn draw_shots(dataset: &mut Dataset, shots: usize, seed: u64) {
    let mut drawn = vec![false; dataset.train.len()];
    let mut scarce = Vec::new();
    for (label, class) in dataset.classes.iter().enumerate() {
        let images = in_random_order(&dataset.train, label, seed, Purpose::Shots);
        if (1..shots).contains(&images.len()) {
            scarce.push(format!("{class} ({})", images.len()));
        }
        for index in images.into_iter().take(shots) {
            drawn[index] = true;
        }
    }
    if !scarce.is_empty() {
        dataset.warnings.push(format!(
            "data.shots is {shots}, but fewer training images show {}: training has all of these.",
            scarce.join(", ")
        ));
    }
    let mut drawn = drawn.into_iter();
    (dataset.train, dataset.undrawn) = std::mem::take(&mut dataset.train)
        .into_iter()
        .partition(|_| drawn.next().unwrap_or(false));
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::data::{DatasetOptions, Sample, open};

    /// Class folders with so many pictures each, of which a quarter is held out.
    fn folders(root: &Path, counts: &[usize]) {
        for (class, count) in counts.iter().enumerate() {
            let folder = root.join(format!("class {class}"));
            fs::create_dir_all(&folder).unwrap();
            for index in 0..*count {
                let picture = include_bytes!("image_file/fixtures/palette.png");
                fs::write(folder.join(format!("{index:02}.png")), picture).unwrap();
            }
        }
    }

    fn opened(root: &Path, shots: Option<usize>, seed: u64) -> Dataset {
        open(&DatasetOptions {
            val_fraction: 0.25,
            shots,
            seed,
            ..DatasetOptions::of(root)
        })
        .unwrap()
    }

    fn ids(samples: &[Sample]) -> Vec<&str> {
        samples.iter().map(|sample| sample.id.as_str()).collect()
    }

    #[test]
    fn few_images_are_among_those_of_a_larger_draw_and_validation_stays() {
        let folder = tempfile::tempdir().unwrap();
        folders(folder.path(), &[24, 16, 20]);
        let whole = opened(folder.path(), None, 7);
        assert_eq!((whole.train.len(), whole.undrawn.len()), (45, 0));
        let mut smaller = opened(folder.path(), Some(1), 7);
        for shots in 2..=12 {
            let larger = opened(folder.path(), Some(shots), 7);
            for label in 0..3 {
                let of_class = larger.train.iter().filter(|sample| sample.label == label);
                assert_eq!(of_class.count(), shots);
            }
            assert!(smaller.train.iter().all(|sample| larger.train.contains(sample)));
            assert_eq!((&larger.val, &larger.test), (&whole.val, &whole.test));
            assert!(ids(&larger.train).is_sorted() && ids(&larger.undrawn).is_sorted());
            assert_eq!(larger.train.len() + larger.undrawn.len(), 45);
            smaller = larger;
        }
        assert_eq!(smaller.warnings, whole.warnings);
    }

    #[test]
    fn the_seed_decides_what_is_drawn() {
        let folder = tempfile::tempdir().unwrap();
        folders(folder.path(), &[24, 24]);
        let draw = |seed| opened(folder.path(), Some(4), seed);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1).train, draw(2).train);
        // Classes with equally many images do not draw the same places.
        let names = |label| -> Vec<String> {
            let drawn = draw(1).train.into_iter().filter(|sample| sample.label == label);
            drawn
                .filter_map(|sample| Some(sample.id.rsplit_once('/')?.1.to_owned()))
                .collect()
        };
        assert_ne!(names(0), names(1));
    }

    #[test]
    fn a_class_with_too_few_images_keeps_them_all_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        folders(folder.path(), &[8, 4, 1]);
        let dataset = opened(folder.path(), Some(5), 7);
        let count = |label| dataset.train.iter().filter(|sample| sample.label == label).count();
        assert_eq!([count(0), count(1), count(2)], [5, 3, 1]);
        let named: Vec<_> = (dataset.warnings.iter())
            .filter(|said| said.contains("data.shots"))
            .collect();
        assert!(
            matches!(&named[..], [one] if one.contains("class 1 (3), class 2 (1)") && !one.contains("class 0")),
            "{named:?}"
        );
    }
}
