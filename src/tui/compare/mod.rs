//! The Compare screen, and its state: two sessions, an evaluation of each, and the images on which they differ.

pub mod compared;
mod keys;
pub mod layout;
pub mod losses;
pub mod panes;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use self::compared::{Compared, Outcome};
use super::{browse::query::Query, follow::follow, model::Model};
use crate::session::{
    Answer, Difference, Found, KeptEvaluation, Prediction, RunState, SessionStart, differences, kept_evaluations,
};

/// One of the two sessions.
#[derive(Debug)]
pub struct Side {
    pub folder: PathBuf,
    pub name: String,
    pub state: RunState,
    /// The folder of the dataset's images; `None` if the journal does not name one.
    images: Option<PathBuf>,
    /// Evaluations whose predictions were saved.
    pub evaluations: Vec<KeptEvaluation>,
    /// The index of the evaluation that is compared.
    chosen: usize,
    pub model: Model,
    answers: BTreeMap<String, Arc<Answer>>,
    /// The image of a request that the model has not answered yet.
    waiting: Option<String>,
}

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

impl Side {
    /// Reads a session.
    ///
    /// # Errors
    /// A message if it cannot be read.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let followed = follow(folder)?;
        let evaluations = kept_evaluations(folder, &followed.history);
        if evaluations.is_empty() {
            return Err(format!(
                "{} has no predictions yet: they come with the prompt's evaluations, and with `masp eval {0}`",
                followed.folder.name()
            ));
        }
        Ok(Self {
            folder: folder.to_owned(),
            name: followed.folder.name().to_owned(),
            images: images(&followed.history),
            state: followed.history,
            chosen: evaluations
                .iter()
                .rposition(KeptEvaluation::is_own)
                .unwrap_or(evaluations.len() - 1),
            evaluations,
            model: Model::default(),
            answers: BTreeMap::new(),
            waiting: None,
        })
    }

    /// The evaluation that is compared.
    #[must_use]
    pub fn evaluation(&self) -> Option<&KeptEvaluation> {
        self.evaluations.get(self.chosen)
    }

    /// The root of the dataset that the evaluation was made on.
    #[must_use]
    pub fn data(&self) -> &Path {
        let other = self.evaluation().filter(|kept| !kept.own_data);
        let other = other.and_then(|kept| kept.data.as_deref()).map(Path::new);
        other.or(self.images.as_deref()).unwrap_or(Path::new(""))
    }

    /// The model's answer for an image.
    #[must_use]
    pub fn answer(&self, image: &str) -> Option<&Arc<Answer>> {
        self.answers.get(image)
    }

    /// The prediction with its maps.
    #[must_use]
    pub fn looked(&self, image: &str) -> Option<&Prediction> {
        match &self.answer(image)?.found {
            Found::Prediction(prediction) => Some(prediction),
            _ => None,
        }
    }

    /// Whether to ask the model about an image: it was not asked before, and it is idle.
    #[must_use]
    pub fn may_look(&self, image: &str) -> bool {
        self.waiting.is_none() && !self.answers.contains_key(image)
    }

    /// Whether the model may be asked again about an image, because it could not answer.
    #[must_use]
    pub fn may_look_again(&self, image: &str) -> bool {
        let failed = self
            .answer(image)
            .is_some_and(|answer| matches!(answer.found, Found::Failed(_)));
        self.waiting.is_none() && failed
    }

    /// Whether the model was asked and has not answered yet.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.waiting.is_some()
    }

    /// Records that the model was asked.
    pub fn asked(&mut self, image: String) {
        self.waiting = Some(image);
    }

    fn split(&self, place: usize) -> Option<&str> {
        Some(&self.evaluations.get(place)?.split)
    }

    /// The split of an evaluation, if it is one of the session's own. Evaluations on other data or parameters can be
    /// chosen, but never count as own.
    fn own_split(&self, place: usize) -> Option<&str> {
        self.split(place).filter(|_| self.evaluations[place].is_own())
    }
}

fn images(state: &RunState) -> Option<PathBuf> {
    state.session.as_ref().map(SessionStart::images)
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

    /// The folders of the two sessions; `None` if none are compared.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        let sides = self.sides.iter().flat_map(|sides| sides.iter());
        sides.map(|side| side.folder.clone()).collect()
    }

    /// Takes two sessions; returns the files to compare.
    pub fn sides_read(&mut self, sides: Result<Box<[Side; 2]>, String>) -> Option<[PathBuf; 2]> {
        *self = Self::default();
        match sides {
            Err(reason) => {
                self.problem = Some(reason);
                None
            }
            Ok(mut sides) => {
                choose_one_split(&mut sides);
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

/// Chooses the newest evaluations of a common split: `test` if both sides have it, otherwise the first of A's splits,
/// newest first, that B also has. For a single session it chooses the last two evaluations of the newest one's split.
/// The sessions' own evaluations are preferred.
fn choose_one_split(sides: &mut [Side; 2]) {
    if sides[0].folder == sides[1].folder {
        let last = sides[1].chosen;
        let before = (0..last).rev().find(|&n| sides[0].own_split(n) == sides[0].split(last));
        sides[0].chosen = before.unwrap_or(last);
        return;
    }
    let newest = |side: &Side, split: &str| {
        (0..side.evaluations.len())
            .rev()
            .find(|&n| side.own_split(n) == Some(split))
    };
    let of_a: Vec<String> = (0..sides[0].evaluations.len())
        .rev()
        .filter_map(|n| sides[0].own_split(n).map(str::to_owned))
        .collect();
    let splits = std::iter::once("test").chain(of_a.iter().map(String::as_str));
    for split in splits {
        if let (Some(a), Some(b)) = (newest(&sides[0], split), newest(&sides[1], split)) {
            (sides[0].chosen, sides[1].chosen) = (a, b);
            return;
        }
    }
}
