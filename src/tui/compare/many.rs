//! Three or more sessions, each against the first one, the baseline.

use std::path::{Path, PathBuf};

use super::{
    compared::compare_results,
    side::{Side, common_split},
};
use crate::{
    metrics::Comparison,
    session::{ImageResult, read_results},
    text::clean,
    tui::browse::rows::classes,
};

/// The sessions, and which of them is side by side with the baseline.
#[derive(Debug)]
pub struct Many {
    /// In the order of their marks: the first is the baseline.
    pub runs: Vec<Run>,
    /// The split that all figures are of; `None` if no two sessions were evaluated on the same one.
    pub split: Option<String>,
    /// The session side by side with the baseline: an index into `runs`, at least 1.
    pub selected: usize,
}

/// One of the sessions.
#[derive(Debug)]
pub struct Run {
    pub folder: PathBuf,
    pub name: String,
    /// Its figures against the baseline's (the baseline's against themselves), or why there are none.
    pub against: Result<Comparison, String>,
}

impl Many {
    /// Reads the sessions' newest evaluations of one split, and compares each with the first one's.
    #[must_use]
    pub fn read(folders: &[PathBuf]) -> Self {
        let mut sides: Vec<Result<Side, String>> = folders.iter().map(|folder| Side::read(folder)).collect();
        let read: Vec<&Side> = sides.iter().flatten().collect();
        let split = common_split(&read);
        let mut chosen: Vec<Result<PathBuf, String>> = Vec::new();
        for side in &mut sides {
            chosen.push(match (side, &split) {
                (Err(reason), _) => Err(reason.clone()),
                (Ok(_), None) => Err("no two of the sessions were evaluated on the same split".to_owned()),
                (Ok(side), Some(split)) => match side.choose_newest(split).then(|| side.evaluation()).flatten() {
                    Some(evaluation) => Ok(evaluation.path.clone()),
                    None => Err(format!(
                        "no evaluation on {split}: `masp eval {} --split {split}`",
                        clean(&side.name)
                    )),
                },
            });
        }
        let run = |folder: &PathBuf, against| Run {
            folder: folder.clone(),
            name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            against,
        };
        let results = |path: Result<PathBuf, String>| read_results(&path?).map_err(|error| error.to_string());
        let mut paths = folders.iter().zip(chosen);
        let mut runs = Vec::new();
        if let Some((folder, path)) = paths.next() {
            let baseline = results(path);
            let labels = baseline.as_deref().map(classes).unwrap_or_default();
            let against = |of: Result<&[ImageResult], String>| {
                let of = of?;
                let baseline = baseline
                    .as_deref()
                    .map_err(|_| "the baseline has no figures".to_owned())?;
                compare_results(&labels, baseline, of).map(|(figures, _)| figures)
            };
            runs.push(run(folder, against(baseline.as_deref().map_err(String::clone))));
            // One file after the other: only the baseline's rows stay.
            runs.extend(paths.map(|(folder, path)| {
                let own = results(path);
                run(folder, against(own.as_deref().map_err(String::clone)))
            }));
        }
        Self {
            runs,
            split,
            selected: 1,
        }
    }

    /// Whether it is about these sessions.
    #[must_use]
    pub fn is_on(&self, folders: &[PathBuf]) -> bool {
        self.runs.iter().map(|run| &run.folder).eq(folders)
    }

    /// The baseline and the session side by side with it.
    #[must_use]
    pub fn pair(&self) -> Option<[PathBuf; 2]> {
        let of = |place: usize| Some(self.runs.get(place)?.folder.clone());
        Some([of(0)?, of(self.selected)?])
    }

    /// Puts another session beside the baseline.
    pub fn step(&mut self, by: isize) {
        let last = self.runs.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).clamp(1, last.max(1));
    }

    /// Keeps the session in this folder beside the baseline, if it is one of these.
    pub fn select(&mut self, folder: &Path) {
        let place = self.runs.iter().position(|run| run.folder == folder);
        self.selected = place.filter(|place| *place > 0).unwrap_or(self.selected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::evaluated;

    #[test]
    fn each_session_stands_against_the_first() {
        let root = tempfile::tempdir().unwrap();
        let folders: Vec<PathBuf> = [("a", false), ("b", true), ("c", false)]
            .map(|(name, other)| evaluated::session(root.path(), name, 40, other).path().to_owned())
            .to_vec();
        let mut all = folders.clone();
        all.push(root.path().join("none"));
        let mut many = Many::read(&all);
        assert!(many.is_on(&all) && !many.is_on(&folders));
        let [a, b, c, none] = many.runs.as_slice() else {
            panic!("four")
        };
        let figures = [a, b, c].map(|run| run.against.as_ref().unwrap());
        assert_eq!(figures[0].accuracy.difference.value, 0.0);
        assert_eq!(figures[1].accuracy.a, figures[0].accuracy.a, "the baseline's own");
        assert!(figures[1].mcnemar.only_first + figures[1].mcnemar.only_second > 0);
        assert_eq!(
            figures[2].mcnemar.only_first + figures[2].mcnemar.only_second,
            0,
            "c is a"
        );
        assert!(none.against.as_ref().unwrap_err().contains("not a session's folder"));
        assert_eq!(many.pair().unwrap(), [folders[0].clone(), folders[1].clone()]);
        many.step(-5);
        assert_eq!(many.selected, 1, "the baseline is not beside itself");
        many.step(9);
        assert_eq!(many.selected, 3);
        many.select(&folders[2]);
        assert_eq!(many.selected, 2);
    }
}
