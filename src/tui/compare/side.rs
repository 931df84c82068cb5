//! One of the sessions that are compared, and the choice of its evaluation.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    session::{Answer, Found, KeptEvaluation, Prediction, RunState, SessionStart, kept_evaluations},
    tui::{follow::follow, model::Model},
};

/// One of the two sessions.
#[derive(Debug)]
pub struct Side {
    pub folder: PathBuf,
    pub name: String,
    pub state: RunState,
    /// The folder of the dataset's images; `None` if the journal does not name one.
    pub images: Option<PathBuf>,
    /// Evaluations whose predictions were saved.
    pub evaluations: Vec<KeptEvaluation>,
    /// The index of the evaluation that is compared.
    pub chosen: usize,
    pub model: Model,
    pub answers: BTreeMap<String, Arc<Answer>>,
    /// The image of a request that the model has not answered yet.
    pub waiting: Option<String>,
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

    /// The newest of its own evaluations of a split.
    #[must_use]
    pub fn newest(&self, split: &str) -> Option<usize> {
        (0..self.evaluations.len())
            .rev()
            .find(|&n| self.own_split(n) == Some(split))
    }

    /// Chooses the newest of its own evaluations of a split; returns whether there is one.
    pub fn choose_newest(&mut self, split: &str) -> bool {
        let newest = self.newest(split);
        self.chosen = newest.unwrap_or(self.chosen);
        newest.is_some()
    }

    /// The split of an evaluation, if it is one of the session's own. Evaluations on other data or parameters can be
    /// chosen, but never count as own.
    fn own_split(&self, place: usize) -> Option<&str> {
        self.split(place).filter(|_| self.evaluations[place].is_own())
    }
}

/// The folder of the images that a session's journal names.
#[must_use]
pub fn images(state: &RunState) -> Option<PathBuf> {
    state.session.as_ref().map(SessionStart::images)
}

/// The split of which most sessions have an evaluation of their own, two at least: `test` if it is among them, otherwise
/// the first of the first session's splits, newest first.
#[must_use]
pub fn common_split(sides: &[&Side]) -> Option<String> {
    let first = sides.first()?;
    let of_first = (0..first.evaluations.len()).rev().filter_map(|n| first.own_split(n));
    let mut best: Option<(usize, &str)> = None;
    for split in std::iter::once("test").chain(of_first) {
        let count = sides.iter().filter(|side| side.newest(split).is_some()).count();
        if count > best.map_or(1, |(most, _)| most) {
            best = Some((count, split));
        }
    }
    best.map(|(_, split)| split.to_owned())
}

/// Chooses the newest evaluations of a common split for two sessions. For a single session it chooses the last two
/// evaluations of the newest one's split. The sessions' own evaluations are preferred.
pub fn choose_one_split(sides: &mut [Side; 2]) {
    if sides[0].folder == sides[1].folder {
        let last = sides[1].chosen;
        let before = (0..last).rev().find(|&n| sides[0].own_split(n) == sides[0].split(last));
        sides[0].chosen = before.unwrap_or(last);
        return;
    }
    if let Some(split) = common_split(&[&sides[0], &sides[1]]) {
        sides.iter_mut().for_each(|side| {
            side.choose_newest(&split);
        });
    }
}
