//! What the person looks at: the focused pane, the cursor that all panes share, and what lies on top.

use std::collections::BTreeMap;

use crate::session::{RunState, SampleSeen, Stage};

/// A pane of the Train screen that can have the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    Loss,
    Accuracy,
    Sample,
    Rationale,
    Log,
}

impl Pane {
    pub const ALL: [Self; 5] = [
        Self::Loss,
        Self::Accuracy,
        Self::Sample,
        Self::Rationale,
        Self::Log,
    ];

    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
            Self::Sample => "sample",
            Self::Rationale => "rationale",
            Self::Log => "log",
        }
    }

    /// The pane `by` places further round.
    #[must_use]
    pub fn step(self, by: isize) -> Self {
        let place = Self::ALL.iter().position(|&pane| pane == self).unwrap_or(0) as isize;
        Self::ALL[(place + by).rem_euclid(Self::ALL.len() as isize) as usize]
    }
}

/// What takes the keys: the screen, or what lies on top of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    Main,
    Help,
    Quit,
}

/// The place in the run that all panes show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Nothing: the stage that runs.
    pub stage: Option<Stage>,
    /// The sample's place among the panel's slots.
    pub sample: usize,
}

impl Cursor {
    /// The stage shown.
    #[must_use]
    pub fn stage(self, state: &RunState) -> Option<Stage> {
        self.stage
            .filter(|stage| state.stages.contains_key(stage))
            .or(state.stage)
    }

    /// The newest look at the panel's image under the cursor.
    #[must_use]
    pub fn sample(self, state: &RunState) -> Option<&SampleSeen> {
        let looks = state
            .panel
            .values()
            .nth(self.sample)
            .or_else(|| state.panel.values().next_back());
        looks?.last()
    }
}

/// How much of the past the smoothed curve holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing(usize);

impl Smoothing {
    const WEIGHTS: [f64; 4] = [0.0, 0.6, 0.9, 0.98];

    /// The share of the past, see [`crate::session::Ema`].
    #[must_use]
    pub fn weight(self) -> f64 {
        Self::WEIGHTS[self.0 % Self::WEIGHTS.len()]
    }

    #[must_use]
    pub const fn next(self) -> Self {
        Self((self.0 + 1) % Self::WEIGHTS.len())
    }
}

impl Default for Smoothing {
    fn default() -> Self {
        Self(2)
    }
}

/// The person's side of the screen.
#[derive(Debug, Clone)]
pub struct Ui {
    pub layer: Layer,
    pub focus: Pane,
    /// The focused pane has the whole body.
    pub enlarged: bool,
    pub cursor: Cursor,
    pub smoothing: Smoothing,
    /// Lines scrolled: from the top, in the log from the end.
    pub scroll: BTreeMap<Pane, usize>,
    pub help_scroll: usize,
    /// The marked choice of the quit dialog.
    pub choice: usize,
    /// A word on the last key, until the next.
    pub notice: Option<String>,
    /// A stop was asked for here; the screen is left when the run has ended.
    pub stopping: bool,
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            layer: Layer::Main,
            focus: Pane::Loss,
            enlarged: false,
            cursor: Cursor::default(),
            smoothing: Smoothing::default(),
            scroll: BTreeMap::new(),
            help_scroll: 0,
            choice: 0,
            notice: None,
            stopping: false,
        }
    }
}

impl Ui {
    /// The scroll of a pane, held to what there is to scroll.
    pub fn scrolled(&mut self, pane: Pane, most: usize) -> usize {
        let scroll = self.scroll.entry(pane).or_insert(0);
        *scroll = (*scroll).min(most);
        *scroll
    }
}
