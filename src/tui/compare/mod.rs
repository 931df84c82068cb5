//! The Compare screen, and its state: two sessions, an evaluation of each, and the images on which they differ; with more
//! sessions the figures of each against the first one.

pub mod compared;
mod keys;
pub mod layout;
pub mod losses;
pub mod many;
pub mod panes;
pub mod side;

use std::{path::PathBuf, sync::Arc};

use serde_json::Value;

use self::{
    compared::{Compared, Outcome},
    many::Many,
    side::{Side, choose_one_split, images},
};
use super::{browse::query::Query, model::Model};
use crate::session::{Answer, Difference, differences};

/// Which pairs are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Only {
    /// Right in exactly one of the two.
    #[default]
    Flips,
    Gained,
    Lost,
    /// Different predictions.
    Different,
    All,
}

impl Only {
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Flips => Self::Gained,
            Self::Gained => Self::Lost,
            Self::Lost => Self::Different,
            Self::Different => Self::All,
            Self::All => Self::Flips,
        }
    }

    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Flips => "flips",
            Self::Gained => "gained",
            Self::Lost => "lost",
            Self::Different => "different",
            Self::All => "all images",
        }
    }

    const fn holds(self, outcome: Outcome) -> bool {
        match self {
            Self::Flips => matches!(outcome, Outcome::Gained | Outcome::Lost),
            Self::Gained => matches!(outcome, Outcome::Gained),
            Self::Lost => matches!(outcome, Outcome::Lost),
            Self::Different => !matches!(outcome, Outcome::Same),
            Self::All => true,
        }
    }
}

/// The screen's state.
#[derive(Debug, Default)]
pub struct Compare {
    /// All marked sessions against the first, if there are more than two.
    pub many: Option<Many>,
    pub sides: Option<Box<[Side; 2]>>,
    /// Why there is nothing to show.
    pub problem: Option<String>,
    pub compared: Option<Arc<Compared>>,
    pub settings: Vec<Difference>,
    pub only: Only,
    pub filter: String,
    query: Query,
    /// Indices into the pairs.
    pub shown: Vec<usize>,
    /// The pair under the cursor, an index into `shown`.
    pub selected: usize,
    /// Whether to show the difference of the confusion matrices instead of that of the classes.
    pub confusion: bool,
}

impl Compare {
    /// Looks again for the sessions' images.
    pub fn find_images(&mut self) {
        for side in self.sides.iter_mut().flat_map(|sides| sides.iter_mut()) {
            side.images = images(&side.state);
        }
    }

    /// Whether these two sessions are already being compared.
    #[must_use]
    pub fn is_on(&self, folders: &[PathBuf; 2]) -> bool {
        let sides = self.sides.as_ref();
        sides.is_some_and(|sides| sides.iter().zip(folders).all(|(side, folder)| side.folder == *folder))
    }

    /// The folders of the sessions that are compared.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        let sides = self.sides.iter().flat_map(|sides| sides.iter());
        let many = self.many.iter().flat_map(|many| many.runs.iter());
        let folders = sides.map(|side| &side.folder).chain(many.map(|run| &run.folder));
        folders.cloned().collect()
    }

    /// Takes two sessions; returns the files to compare.
    pub fn sides_read(&mut self, sides: Result<Box<[Side; 2]>, String>) -> Option<[PathBuf; 2]> {
        *self = Self {
            many: self.many.take(),
            only: self.only,
            confusion: self.confusion,
            ..Self::default()
        };
        match sides {
            Err(reason) => {
                self.problem = Some(reason);
                None
            }
            Ok(mut sides) => {
                choose_one_split(&mut sides);
                if let Some(split) = self.many.as_ref().and_then(|many| many.split.as_deref()) {
                    // The same evaluations as in the table of all.
                    for side in sides.iter_mut() {
                        side.choose_newest(split);
                    }
                }
                let settings = |side: &Side| side.state.session.as_ref().map_or(Value::Null, |s| s.settings.clone());
                self.settings = differences(&settings(&sides[0]), &settings(&sides[1]));
                self.sides = Some(sides);
                self.files()
            }
        }
    }

    /// The files of predictions to compare.
    #[must_use]
    pub fn files(&self) -> Option<[PathBuf; 2]> {
        let [a, b] = self.sides.as_deref()?;
        Some([a.evaluation()?.path.clone(), b.evaluation()?.path.clone()])
    }

    /// Takes a comparison, if it is still the wanted one.
    pub fn compared(&mut self, files: &[PathBuf; 2], compared: Result<Arc<Compared>, String>) {
        if self.files().as_ref() != Some(files) {
            return;
        }
        (self.compared, self.problem) = match compared {
            Ok(compared) => (Some(compared), None),
            Err(reason) => (None, Some(reason)),
        };
        self.arrange();
    }

    /// Chooses another evaluation of a side; returns the files to compare.
    pub fn step_evaluation(&mut self, side: usize, by: isize) -> Option<[PathBuf; 2]> {
        let side = self.sides.as_mut()?.get_mut(side)?;
        let count = side.evaluations.len() as isize;
        side.chosen = (side.chosen as isize + by).rem_euclid(count) as usize;
        // Another evaluation belongs to another checkpoint, so its model is another one.
        side.model = Model::default();
        side.answers.clear();
        side.waiting = None;
        // The old figures do not belong to the newly chosen evaluations.
        self.compared = None;
        self.arrange();
        self.files()
    }

    /// Shows other pairs.
    pub fn show(&mut self, only: Only) {
        self.only = only;
        self.arrange();
    }

    /// Sets the filter. A pair passes if either of its two rows passes.
    ///
    /// # Errors
    /// A message if the filter is invalid.
    pub fn set_filter(&mut self, text: &str) -> Result<(), String> {
        let query = Query::parse(text)?;
        if let Some(compared) = &self.compared {
            query.check(&compared.labels)?;
        }
        self.query = query;
        text.trim().clone_into(&mut self.filter);
        self.arrange();
        Ok(())
    }

    /// Images that can be listed.
    #[must_use]
    pub fn images(&self) -> usize {
        self.compared.as_ref().map_or(0, |compared| compared.pairs.len())
    }

    /// Puts the cursor on an image, if it is shown.
    pub fn select(&mut self, image: &str) {
        let Some(compared) = &self.compared else { return };
        let is = |&place: &usize| compared.pair(place).is_some_and(|[a, _]| a.prediction.image == image);
        if let Some(place) = self.shown.iter().position(is) {
            self.selected = place;
        }
    }

    /// Moves the cursor.
    pub fn step(&mut self, by: isize) {
        let last = self.shown.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }

    /// The image under the cursor.
    #[must_use]
    pub fn image(&self) -> Option<&str> {
        let compared = self.compared.as_ref()?;
        let [a, _] = compared.pair(*self.shown.get(self.selected)?)?;
        Some(&a.prediction.image)
    }

    /// The two models.
    #[must_use]
    pub fn models(&self) -> [Option<&Model>; 2] {
        let sides = self.sides.as_deref();
        [0, 1].map(|side| Some(&sides?.get(side)?.model))
    }

    /// One of the two models.
    pub fn model(&mut self, side: usize) -> Option<&mut Model> {
        Some(&mut self.sides.as_mut()?.get_mut(side)?.model)
    }

    /// Stores an answer of a side's model.
    pub fn take(&mut self, side: usize, answer: Answer) {
        if let Some(side) = self.sides.as_mut().and_then(|sides| sides.get_mut(side)) {
            side.waiting = None;
            side.answers.insert(answer.request.image().to_owned(), Arc::new(answer));
        }
    }

    /// Records that a side's model cannot be asked.
    pub fn failed(&mut self, side: usize) {
        if let Some(side) = self.sides.as_mut().and_then(|sides| sides.get_mut(side)) {
            side.waiting = None;
        }
    }

    /// Filters the pairs. The cursor stays on its image if that is still shown.
    fn arrange(&mut self) {
        let image = self.image().map(str::to_owned);
        self.shown = match &self.compared {
            None => Vec::new(),
            Some(compared) => (0..compared.pairs.len())
                .filter(|&place| compared.outcome(place).is_some_and(|outcome| self.only.holds(outcome)))
                .filter(|&place| {
                    compared
                        .pair(place)
                        .is_some_and(|rows| rows.iter().any(|row| self.query.holds(row)))
                })
                .collect(),
        };
        self.selected = self.selected.min(self.shown.len().saturating_sub(1));
        if let Some(image) = image {
            self.select(&image);
        }
    }
}
