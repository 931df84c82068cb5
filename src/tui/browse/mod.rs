//! The Browse screen, and its state: an evaluation's rows, their filter and order, and the model's answers.

pub mod intervention;
mod keys;
pub mod layout;
pub mod panes;
pub mod query;
pub mod rankings;
pub mod rows;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use self::{
    intervention::Intervention,
    query::Query,
    rows::{Column, Rows},
};
use crate::session::{Answer, Found, ImageResult, KeptEvaluation};

/// What the lower pane shows of the evaluation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Summary {
    #[default]
    Confusion,
    /// The most frequent confusions.
    Confusions,
    Classes,
    Reliability,
    /// Precision by recall, risk by coverage.
    Ranking,
}

impl Summary {
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Confusion => Self::Confusions,
            Self::Confusions => Self::Classes,
            Self::Classes => Self::Reliability,
            Self::Reliability => Self::Ranking,
            Self::Ranking => Self::Confusion,
        }
    }
}

/// The rows of a file: being read, loaded, or the error.
#[derive(Debug, Clone)]
pub enum Loaded {
    Reading,
    Rows(Arc<Rows>),
    Failed(String),
}

/// The screen's state.
#[derive(Debug, Default)]
pub struct Browse {
    /// Evaluations whose predictions were saved.
    pub evaluations: Vec<KeptEvaluation>,
    /// The evaluation shown; `None`: the run's newest.
    chosen: Option<PathBuf>,
    loaded: Option<(PathBuf, Loaded)>,
    pub query: Query,
    /// The filter as it was typed.
    pub filter: String,
    /// Whether the confusion matrix shows shares of a row instead of counts.
    pub normalised: bool,
    pub sort: Option<(Column, bool)>,
    /// Rows shown, in order.
    pub shown: Vec<u32>,
    /// The row under the cursor, a place in `shown`.
    pub selected: usize,
    /// The predicted class under the confusion matrix's cursor; the gold one is the class that all screens share.
    pub predicted: usize,
    /// The row under the cursor in the list of confusions.
    pub confused: usize,
    pub summary: Summary,
    /// The intervention on the image under the cursor.
    pub intervention: Intervention,
    /// The newest answers for each image.
    answers: BTreeMap<String, Answers>,
}

/// The model's answers for an image.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// The plain prediction, with its maps and rationale.
    pub plain: Option<Arc<Answer>>,
    /// The last prediction with something muted or blanked.
    pub tried: Option<Arc<Answer>>,
    /// The last answer to a free question, or curve, or effects.
    pub other: Option<Arc<Answer>>,
    /// Whether `other` is newer than `tried`.
    pub other_is_newer: bool,
    pub failed: Option<String>,
}

impl Browse {
    /// Takes the current evaluations; returns the file to read if the shown evaluation has changed.
    pub fn update(&mut self, evaluations: Vec<KeptEvaluation>) -> Option<PathBuf> {
        self.evaluations = evaluations;
        let Some(wanted) = self.evaluation().map(|kept| kept.path.clone()) else {
            self.loaded = None;
            self.arrange();
            return None;
        };
        if self.loaded.as_ref().is_some_and(|(path, _)| *path == wanted) {
            return None;
        }
        // The old rows stay on the screen until the new ones arrive.
        if self.loaded.is_none() {
            self.loaded = Some((wanted.clone(), Loaded::Reading));
        }
        Some(wanted)
    }

    /// The evaluation that is shown.
    #[must_use]
    pub fn evaluation(&self) -> Option<&KeptEvaluation> {
        let chosen = self.chosen.as_ref();
        let chosen = chosen.and_then(|path| self.evaluations.iter().find(|kept| kept.path == *path));
        chosen.or_else(|| {
            let of_run = self.evaluations.iter().rfind(|kept| kept.step.is_some());
            of_run.or(self.evaluations.last())
        })
    }

    /// Chooses the evaluation `by` places further, cyclically; returns the file to read.
    pub fn step_evaluation(&mut self, by: isize) -> Option<PathBuf> {
        let count = self.evaluations.len() as isize;
        let now = self.evaluation()?.path.clone();
        let place = self.evaluations.iter().position(|kept| kept.path == now)? as isize;
        let next = self.evaluations.get((place + by).rem_euclid(count) as usize)?;
        self.chosen = Some(next.path.clone());
        self.update(self.evaluations.clone())
    }

    /// Chooses the run's newest evaluation up to `step`; if there is none, the newest. If an evaluation that no run
    /// made is chosen, it stays. Returns the file to read.
    pub fn choose_until(&mut self, step: Option<u64>) -> Option<PathBuf> {
        if self.chosen.is_some() && self.evaluation().is_some_and(|kept| kept.step.is_none()) {
            return None;
        }
        let until = |kept: &&KeptEvaluation| kept.step.is_some_and(|of| step.is_some_and(|step| of <= step));
        self.chosen = self.evaluations.iter().rfind(until).map(|kept| kept.path.clone());
        self.update(self.evaluations.clone())
    }

    /// Takes the rows of a file, if that file is still the one to show.
    pub fn loaded(&mut self, path: PathBuf, rows: Result<Arc<Rows>, String>) {
        if self.evaluation().is_none_or(|kept| kept.path != path) {
            return;
        }
        let image = self.row().map(|row| row.prediction.image.clone());
        let loaded = match rows {
            Ok(rows) => Loaded::Rows(rows),
            Err(reason) => Loaded::Failed(reason),
        };
        self.loaded = Some((path, loaded));
        self.arrange();
        // The cursor stays on the same image when the evaluation changes.
        if let (Some(image), Some(rows)) = (image, self.rows()) {
            let place = |&n: &u32| rows.get(n).is_some_and(|row| row.prediction.image == image);
            self.selected = self.shown.iter().position(place).unwrap_or(0);
            if self.row().is_none_or(|row| row.prediction.image != image) {
                self.intervention.clear();
            }
        }
    }

    /// The state of the rows.
    #[must_use]
    pub fn state(&self) -> Option<&Loaded> {
        self.loaded.as_ref().map(|(_, loaded)| loaded)
    }

    /// The rows, if they are loaded.
    #[must_use]
    pub fn rows(&self) -> Option<&Arc<Rows>> {
        match self.state() {
            Some(Loaded::Rows(rows)) => Some(rows),
            _ => None,
        }
    }

    /// The row under the cursor.
    #[must_use]
    pub fn row(&self) -> Option<&ImageResult> {
        self.rows()?.get(*self.shown.get(self.selected)?)
    }

    /// Sets the filter.
    ///
    /// # Errors
    /// A message if the filter is invalid; the old one then stays.
    pub fn set_filter(&mut self, text: &str) -> Result<(), String> {
        let query = Query::parse(text)?;
        if let Some(rows) = self.rows() {
            query.check(&rows.labels)?;
        }
        self.query = query;
        text.trim().clone_into(&mut self.filter);
        self.selected = 0;
        self.arrange();
        Ok(())
    }

    /// Filters by the confusion matrix's cell in the row of `gold` and the cursor's column.
    pub fn filter_by_cell(&mut self, gold: usize) {
        let Some(rows) = self.rows() else { return };
        let (Some(gold), Some(predicted)) = (rows.labels.get(gold), rows.labels.get(self.predicted)) else {
            return;
        };
        let filter = query::of_classes(gold, Some(predicted));
        // The filter is built from valid query words, so it always parses.
        let _ = self.set_filter(&filter);
    }

    /// Filters by a gold class.
    pub fn filter_by_class(&mut self, gold: usize) {
        let gold = self
            .rows()
            .and_then(|rows| rows.labels.get(gold))
            .map(|label| query::of_classes(label, None));
        if let Some(gold) = gold {
            // The filter is a valid query word, so it always parses.
            let _ = self.set_filter(&gold);
        }
    }

    /// Sorts by a column. A second time reverses the order; a third time removes the sorting.
    pub fn sort_by(&mut self, column: Column) {
        let first = column.falls_first();
        self.sort = match self.sort {
            Some((now, falling)) if now == column => (falling == first).then_some((column, !first)),
            _ => Some((column, first)),
        };
        self.arrange();
    }

    /// Puts the cursor on an image, if it is among the rows shown.
    pub fn select(&mut self, image: &str) {
        let Some(rows) = self.rows() else { return };
        let is = |&row: &u32| rows.get(row).is_some_and(|row| row.prediction.image == image);
        if let Some(place) = self.shown.iter().position(is) {
            self.step(place as isize - self.selected as isize);
        }
    }

    /// Moves the cursor by rows.
    pub fn step(&mut self, by: isize) {
        let last = self.shown.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
        self.intervention.clear();
    }

    /// Stores an answer.
    pub fn take(&mut self, answer: &Answer) {
        let kept = self.answers.entry(answer.request.image().to_owned()).or_default();
        kept.failed = None;
        match &answer.found {
            Found::Failed(reason) => kept.failed = Some(reason.clone()),
            Found::Prediction(_) if intervention::is_plain(&answer.request) => {
                kept.plain = Some(Arc::new(answer.clone()));
            }
            Found::Prediction(_) => (kept.tried, kept.other_is_newer) = (Some(Arc::new(answer.clone())), false),
            Found::Text(_) | Found::Faithfulness(_) | Found::Effects(_) => {
                (kept.other, kept.other_is_newer) = (Some(Arc::new(answer.clone())), true);
            }
        }
        if self.intervention.waits_for(&answer.request) {
            self.intervention.waiting = None;
        }
    }

    /// The answers for an image.
    #[must_use]
    pub fn answers(&self, image: &str) -> Option<&Answers> {
        self.answers.get(image)
    }

    /// Drops all answers, because they came from another model.
    pub fn forget_answers(&mut self) {
        self.answers.clear();
        self.intervention.waiting = None;
    }

    fn arrange(&mut self) {
        let image = self.row().map(|row| row.prediction.image.clone());
        self.shown = self
            .rows()
            .map(|rows| rows.arranged(&self.query, self.sort))
            .unwrap_or_default();
        self.selected = self.selected.min(self.shown.len().saturating_sub(1));
        // An intervention belongs to one image.
        if image.is_some() && self.row().map(|row| &row.prediction.image) != image.as_ref() {
            self.intervention.clear();
        }
    }
}
