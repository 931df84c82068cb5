//! The series of the curves on Train, kept between frames, and the end of their axis.

use ratatui::layout::Position;

use crate::{
    session::{RunState, Stage, StageHistory},
    tui::{
        axis::grown,
        overlays::{Overlaid, Overlays},
        series::{Series, Window},
    },
};

/// The axis shows at least this many steps.
const FIRST_STEPS: f64 = 20.0;

/// The series of the plots, kept between frames, and where the plots are on the screen.
#[derive(Debug, Clone, Default)]
pub struct Curves {
    pub key: Key,
    pub panels: Vec<Panel>,
    /// The plots' first column on the screen, and their width; 0 before the first frame.
    pub columns: (u16, u16),
}

/// If any of these changes, all series are computed anew.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Key {
    pub stage: Option<Stage>,
    pub resumes: u32,
    /// The change counter of the overlaid sessions.
    pub changes: u64,
    pub others: usize,
}

/// The series of a metric, of the run and of the overlaid sessions.
#[derive(Debug, Clone, Default)]
pub struct Panel {
    pub run: Series,
    pub others: Vec<Series>,
}

impl Curves {
    /// A screen position's share of the step axis: 0 at the left end, 1 at the right.
    #[must_use]
    pub fn share_at(&self, at: Position) -> Option<f64> {
        let (from, columns) = self.columns;
        let column = at.x.checked_sub(from).filter(|&column| column < columns)?;
        Some(f64::from(column) / f64::from(columns.saturating_sub(1).max(1)))
    }

    /// The share of the step axis that a column takes.
    #[must_use]
    pub fn column(&self) -> f64 {
        1.0 / f64::from(self.columns.1.saturating_sub(1).max(10))
    }

    /// The series of the `n`-th metric in `window`, with those of `others` sessions; computed anew if the window has
    /// changed.
    pub fn panel(&mut self, n: usize, window: Window, others: usize) -> &mut Panel {
        let new = || Panel {
            run: Series::new(window),
            others: vec![Series::new(window); others],
        };
        if self.panels.len() <= n {
            self.panels.resize_with(n + 1, new);
        }
        let panel = &mut self.panels[n];
        if *panel.run.window() != window {
            *panel = new();
        }
        panel
    }
}

impl Panel {
    /// Adds what has been logged since.
    pub fn follow(&mut self, run: &StageHistory, others: &[(&Overlaid, &StageHistory)]) {
        self.run.follow(run);
        for (series, (_, history)) in self.others.iter_mut().zip(others) {
            series.follow(history);
        }
    }
}

/// The step at the right end of a stage's axis.
#[must_use]
pub fn end(state: &RunState, stage: Stage, overlays: &Overlays) -> f64 {
    let reached = state.history(stage).map_or(0, StageHistory::last_step) as f64;
    let others = overlays
        .shown()
        .iter()
        .filter_map(|overlaid| overlaid.stages.get(&stage));
    let others = others.map(StageHistory::last_step).max().unwrap_or(0) as f64;
    let reached = reached.max(others).max(FIRST_STEPS);
    let planned = state
        .planned_steps(stage)
        .map_or(f64::INFINITY, |planned| planned as f64);
    grown(reached).min(planned.max(reached))
}
