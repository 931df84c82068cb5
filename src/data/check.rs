//! `masp data check`: what a dataset holds, and what is wrong with it.

use std::{
    fmt,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use rayon::prelude::*;

use super::{
    Dataset, DatasetOptions, LeftOut, Readiness, Sample, View,
    image_file::{DecodeOptions, decode},
    open,
};
use crate::printable::{printable, printable_path};

/// So many files that were left out are listed one by one.
const LISTED: usize = 50;

/// Sides further apart are refused by most models' image processors.
const MAX_ASPECT_RATIO: u32 = 200;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub root: PathBuf,
    /// Without the images that cannot be decoded, which are in its `left_out`. `None` where it cannot be opened.
    pub dataset: Option<Dataset>,
    /// Sentences: what would stop any training run.
    pub stops: Vec<String>,
    /// Which stages can be trained. `None` where the dataset cannot be opened.
    pub ready: Option<Readiness>,
}

impl Report {
    /// Whether every training run on this dataset would end at once, whatever the stage.
    #[must_use]
    pub fn stops_a_run(&self) -> bool {
        !self.stops.is_empty()
    }
}

/// Opens the dataset and decodes every image, in parallel. `views`: the aspects that a run would train. `progress` is
/// called with images done and images in all.
pub fn check(options: &DatasetOptions, views: &[View], progress: &(dyn Fn(usize, usize) + Sync)) -> Report {
    let mut report = Report {
        root: options.root.clone(),
        dataset: None,
        stops: Vec::new(),
        ready: None,
    };
    let mut dataset = match open(options) {
        Ok(dataset) => dataset,
        Err(error) => {
            report.stops.push(error.to_string());
            return report;
        }
    };
    let total = dataset.train.len() + dataset.val.len() + dataset.test.len();
    let done = AtomicUsize::new(0);
    for split in [&mut dataset.train, &mut dataset.val, &mut dataset.test] {
        let results: Vec<Result<Sample, LeftOut>> = std::mem::take(split)
            .into_par_iter()
            .map(|sample| {
                let result = decodes(sample);
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
                result
            })
            .collect();
        for result in results {
            match result {
                Ok(sample) => split.push(sample),
                Err(left_out) => dataset.left_out.push(left_out),
            }
        }
    }
    let ready = Readiness::of(&dataset, views);
    match (&ready.aspects, &ready.prompt) {
        (Err(aspects), Err(prompt)) if aspects == prompt => report.stops.push(aspects.clone()),
        (Err(aspects), Err(prompt)) => report.stops.extend([prompt.clone(), aspects.clone()]),
        _ => {}
    }
    report.ready = Some(ready);
    report.dataset = Some(dataset);
    report
}

fn decodes(sample: Sample) -> Result<Sample, LeftOut> {
    let left_out = |reason| LeftOut {
        path: sample.path.clone(),
        reason,
    };
    let picture = decode(&sample.path, DecodeOptions::default()).map_err(|error| left_out(error.reason))?;
    let (width, height) = picture.dimensions();
    if width.max(height) > width.min(height).saturating_mul(MAX_ASPECT_RATIO) {
        return Err(left_out(format!(
            "it has {width} x {height} pixels: models take pictures with an aspect ratio of at most 1 : \
             {MAX_ASPECT_RATIO}"
        )));
    }
    Ok(sample)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", printable_path(&self.root))?;
        if let Some(dataset) = &self.dataset {
            write_dataset(f, dataset)?;
        }
        for sentence in &self.stops {
            writeln!(f, "\nStops a run: {}", printable(sentence))?;
        }
        let Some(ready) = self.ready.as_ref().filter(|_| self.stops.is_empty()) else {
            return Ok(());
        };
        match (&ready.aspects, &ready.prompt) {
            (Err(reason), _) => write!(
                f,
                "\nReady for stage 2 (prompt) alone: `masp train --stage prompt`.\nNot ready for stage 1 (aspects): {}\n",
                printable(reason)
            ),
            (_, Err(reason)) => write!(
                f,
                "\nReady for stage 1 (aspects) alone: `masp train --stage aspects`.\nNot ready for stage 2 (prompt): {}\n",
                printable(reason)
            ),
            _ => writeln!(f, "\nReady to train."),
        }
    }
}

fn write_dataset(f: &mut fmt::Formatter<'_>, dataset: &Dataset) -> fmt::Result {
    writeln!(f, "layout   {}", dataset.layout)?;
    writeln!(
        f,
        "dataset  {}, {} classes",
        printable(&dataset.name),
        dataset.classes.len()
    )?;

    let splits = [&dataset.train, &dataset.val, &dataset.test];
    let row = |f: &mut fmt::Formatter<'_>, name: &str, counts: [usize; 3]| {
        let [train, val, test] = counts;
        writeln!(f, "{:<24}{train:>9}{val:>9}{test:>9}", printable(name))
    };
    writeln!(f, "\n{:<24}{:>9}{:>9}{:>9}", "images", "train", "val", "test")?;
    for (label, class) in dataset.classes.iter().enumerate() {
        row(
            f,
            class,
            splits.map(|split| split.iter().filter(|sample| sample.label == label).count()),
        )?;
    }
    row(f, "all", splits.map(Vec::len))?;

    writeln!(f, "\n{:<24}{:>9}{:>9}{:>9}", "annotations", "train", "val", "test")?;
    for view in View::ALL {
        let has = |sample: &&Sample| sample.annotation.text(view).is_some();
        row(f, view.name(), splits.map(|split| split.iter().filter(has).count()))?;
    }

    if dataset.left_out.is_empty() {
        writeln!(f, "\nNothing was left out.")?;
    } else {
        writeln!(f, "\nLeft out: {}", dataset.left_out.len())?;
    }
    for LeftOut { path, reason } in dataset.left_out.iter().take(LISTED) {
        let path = path.strip_prefix(&dataset.root).unwrap_or(path);
        writeln!(f, "  {}: {}", printable_path(path), printable(reason))?;
    }
    if dataset.left_out.len() > LISTED {
        writeln!(f, "  ... and {} more", dataset.left_out.len() - LISTED)?;
    }
    if !dataset.warnings.is_empty() {
        writeln!(f, "\nNotes:")?;
    }
    for warning in &dataset.warnings {
        writeln!(f, "  {}", printable(warning))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use image::{ImageFormat, RgbImage};

    #[test]
    fn undecodable_images_are_counted_and_named() {
        let folder = tempfile::tempdir().unwrap();
        for (class, sizes) in [("cat", [(8, 8), (9, 4)]), ("dog", [(8, 8), (450, 2)])] {
            let class = folder.path().join("train").join(class);
            fs::create_dir_all(&class).unwrap();
            for (index, (width, height)) in sizes.into_iter().enumerate() {
                let path = class.join(format!("{index}.png"));
                RgbImage::new(width, height)
                    .save_with_format(path, ImageFormat::Png)
                    .unwrap();
            }
        }
        let whole = fs::read(folder.path().join("train/cat/0.png")).unwrap();
        fs::write(folder.path().join("train/cat/half.png"), &whole[..whole.len() / 2]).unwrap();
        fs::write(folder.path().join("train/cat/page.jpg"), "<html>not found</html>").unwrap();

        let seen = AtomicUsize::new(0);
        let report = check(&DatasetOptions::of(folder.path()), &View::ALL, &|done, total| {
            assert!(done <= total);
            seen.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(seen.into_inner(), 5);
        assert!(!report.stops_a_run());
        let text = report.to_string();
        assert!(
            text.contains("Ready for stage 2 (prompt) alone") && text.contains("Not ready for stage 1"),
            "{text}"
        );
        assert!(!text.contains("Ready to train."), "{text}");
        for line in [
            "cat                             2        0        0",
            "half.png",
            "page.jpg: its first bytes",
            "450 x 2",
            "Left out: 3",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn problems_that_stop_a_run_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check(&DatasetOptions::of(folder.path()), &View::ALL, &|_, _| ()).stops_a_run());
        let class = folder.path().join("test/cat");
        fs::create_dir_all(&class).unwrap();
        RgbImage::new(3, 3).save(class.join("a.png")).unwrap();
        let report = check(&DatasetOptions::of(folder.path()), &View::ALL, &|_, _| ());
        assert!(
            report.stops_a_run() && report.to_string().contains("no training image"),
            "{report}"
        );
    }
}
