//! The evaluations of a session whose predictions are kept: the run's own, and those that `masp eval` left.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Evaluated, LaterEvaluation, RunState, Stage, later_evaluations};
use crate::inside::inside_links_too;

/// An evaluation whose predictions are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptEvaluation {
    /// `val · prompt 120`, or `test · prompt 120 · 20261122-130924`; it says so where parameters or data are not the session's.
    pub name: String,
    /// The key that selects it: the name of its file, or of its folder where `masp eval` made it.
    pub key: String,
    pub split: String,
    /// The prompt step at which the run made it; None where `masp eval` made it.
    pub step: Option<u64>,
    /// The step of the evaluated prompt, where that is one of the session's and its step is known.
    pub prompt: Option<u64>,
    /// Whose answers they are; None where an older version did not record it.
    pub evaluated: Option<Evaluated>,
    /// The dataset's root, where it is recorded.
    pub data: Option<String>,
    /// Whether `data` is what the session was trained on.
    pub own_data: bool,
    /// JSON Lines of [`super::ImageResult`].
    pub path: PathBuf,
}

/// Which parameters made an exported row, and on which data: the same for all rows of an evaluation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    pub session: String,
    /// `prompt`, `aspects`, `frozen` or `files`; empty where it is not known.
    pub stage: String,
    /// The checkpoint's step, where it was one.
    pub step: Option<u64>,
    pub split: String,
    /// The dataset's root; empty where it is not known.
    pub data: String,
}

impl Origin {
    /// The origin of the rows of a split of the dataset `data`; `evaluated` is None for evaluations of older versions.
    #[must_use]
    pub fn new(session: &str, evaluated: Option<&Evaluated>, split: &str, data: &str) -> Self {
        let (stage, step) = match evaluated {
            Some(Evaluated::Checkpoint { stage, step }) => (stage.name(), Some(*step)),
            Some(Evaluated::Frozen) => ("frozen", None),
            Some(Evaluated::Files { .. }) => ("files", None),
            None => ("", None),
        };
        Self {
            session: session.to_owned(),
            stage: stage.to_owned(),
            step,
            split: split.to_owned(),
            data: data.to_owned(),
        }
    }
}

impl KeptEvaluation {
    /// Whether it evaluated the session's own parameters on its own data.
    #[must_use]
    pub fn is_own(&self) -> bool {
        let parameters = self.evaluated.as_ref();
        self.own_data && parameters.is_none_or(|of| matches!(of, Evaluated::Checkpoint { .. }))
    }

    /// Which part is not the session's own, if any: the session's model would answer otherwise there.
    #[must_use]
    pub fn others(&self) -> Option<&'static str> {
        match &self.evaluated {
            _ if !self.own_data => Some("another dataset"),
            Some(Evaluated::Frozen) => Some("the frozen model"),
            Some(Evaluated::Files { .. }) => Some("other parameters"),
            _ => None,
        }
    }

    /// The columns that say where its rows come from, for a table that stands alone.
    #[must_use]
    pub fn origin(&self, session: &str, own_data: &str) -> Origin {
        let data = self.data.as_deref();
        let data = data.unwrap_or(if self.own_data { own_data } else { "" });
        Origin::new(session, self.evaluated.as_ref(), &self.split, data)
    }

    fn later(later: &LaterEvaluation) -> Option<Self> {
        let note = later.note.as_ref();
        let evaluated = note.map(|note| note.evaluated.clone());
        let own_data = note.is_none_or(|note| note.own_data);
        let data = note.map(|note| note.data.clone()).filter(|data| !data.is_empty());
        let prompt = match evaluated {
            Some(Evaluated::Checkpoint {
                stage: Stage::Prompt,
                step,
            }) => Some(step),
            _ => None,
        };
        let mut name = vec![later.split.clone()];
        match &evaluated {
            Some(Evaluated::Checkpoint { stage, step }) if *stage == Stage::Prompt => {
                name.push(format!("{} {step}", stage.name()));
            }
            Some(Evaluated::Frozen) => name.push("frozen".to_owned()),
            Some(Evaluated::Files { prompt, aspects }) => {
                let files = prompt.iter().chain(aspects).filter_map(|path| path.file_name());
                name.extend(files.map(|file| file.to_string_lossy().into_owned()));
            }
            _ => {}
        }
        if let Some(data) = data.as_ref().filter(|_| !own_data) {
            name.push(format!("on {data}"));
        }
        name.push(later.time.clone());
        Some(Self {
            name: name.join(" · "),
            key: later.name.clone(),
            split: later.split.clone(),
            step: None,
            prompt,
            evaluated,
            data,
            own_data,
            path: later.predictions()?,
        })
    }
}

/// The evaluations of a session whose predictions are kept, those of the run first, each in order of time.
#[must_use]
pub fn kept_evaluations(folder: &Path, state: &RunState) -> Vec<KeptEvaluation> {
    let of_run = state.stages.get(&Stage::Prompt).into_iter();
    let of_run = of_run.flat_map(|history| &history.evaluations).filter_map(|seen| {
        let path = inside_links_too(folder, seen.predictions.as_ref()?)?;
        Some(KeptEvaluation {
            name: format!("{} · prompt {}", seen.metrics.split, seen.step),
            key: path.file_stem()?.to_string_lossy().into_owned(),
            split: seen.metrics.split.clone(),
            step: Some(seen.step),
            prompt: Some(seen.step),
            evaluated: Some(Evaluated::Checkpoint {
                stage: Stage::Prompt,
                step: seen.step,
            }),
            data: seen.metrics.data.clone(),
            own_data: true,
            path,
        })
    });
    let mut kept: Vec<KeptEvaluation> = of_run.collect();
    // Two evaluations at one step share a file; it holds the later one.
    kept.dedup_by(|later, earlier| later.path == earlier.path);
    kept.extend(later_evaluations(folder).iter().filter_map(KeptEvaluation::later));
    kept
}
