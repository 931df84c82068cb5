//! What the person looks at: the screen, the focused pane, and what lies on top.

use std::collections::BTreeMap;

use ratatui::layout::Rect;

use super::{browse::rows::Column, history::History, map_style::MapStyle, metric::Metric};
use crate::{
    data::View,
    keymap::{Scope, Screen},
};

impl Screen {
    /// Its panes, in the order of the focus.
    #[must_use]
    pub const fn panes(self) -> &'static [Pane] {
        match self {
            Self::Train => &[Pane::Loss, Pane::Accuracy, Pane::Sample, Pane::Rationale, Pane::Log],
            Self::Browse => &[Pane::Table, Pane::Summary, Pane::Image, Pane::Answers],
            Self::Compare => &[Pane::Pairs, Pane::Pair, Pane::Figures, Pane::Differences, Pane::Losses],
            Self::Sessions => &[Pane::Sessions, Pane::About],
        }
    }
}

/// A pane that can have the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    Loss,
    Accuracy,
    Sample,
    Rationale,
    Log,
    Table,
    Summary,
    Image,
    Answers,
    Pairs,
    Pair,
    Figures,
    Differences,
    Losses,
    Sessions,
    About,
}

impl Pane {
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Loss => "curve",
            Self::Accuracy => "accuracy",
            Self::Sample => "sample",
            Self::Rationale => "rationale",
            Self::Log => "log",
            Self::Table => "predictions",
            Self::Summary => "summary",
            Self::Image => "image",
            Self::Answers => "answers",
            Self::Pairs => "images",
            Self::Pair => "side by side",
            Self::Figures => "figures",
            Self::Differences => "differences",
            Self::Losses => "loss",
            Self::Sessions => "sessions",
            Self::About => "about",
        }
    }
}

/// What a click chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// A tab, if there is room for only one pane.
    Tab(Pane),
    /// A class in the list of accuracies or recalls.
    Class(usize),
    /// A cell of the confusion matrix: gold, predicted.
    Cell(usize, usize),
    /// A heading of the predictions.
    Column(Column),
    /// A heading of the sessions.
    Sort(usize),
    /// A row of a list or a dialog on top of the screen.
    Choice(usize),
}

/// What takes the keys: the screen, or what lies on top of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    Main,
    Help,
    Quit,
    /// A line is being typed.
    Entry(Entry),
    /// Patches of an image are being chosen.
    Region,
    /// The form for a new run.
    Form,
    /// The last message in full.
    Message,
}

impl Layer {
    /// Whether it covers the panes, not only the last row.
    #[must_use]
    pub const fn covers_screen(self) -> bool {
        match self {
            Self::Help | Self::Quit | Self::Form | Self::Message | Self::Entry(Entry::Command) => true,
            Self::Main | Self::Entry(_) | Self::Region => false,
        }
    }
}

/// What a typed line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// The filter of Browse.
    Filter,
    /// The filter of Compare.
    Pairs,
    /// The filter of Sessions.
    Sessions,
    /// The columns of Sessions.
    Columns,
    Question,
    LearningRate,
    /// A note on a session.
    Note,
    Rename,
    /// A session's name, as the confirmation to remove it.
    Remove,
    /// The file to export a session to.
    Export,
    /// The file to export the rows of Browse to.
    ExportRows,
    /// A command, searched by its description.
    Command,
    /// A session to overlay on the run's curves.
    Overlay,
}

impl Entry {
    /// The label before the line.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Filter | Self::Pairs | Self::Sessions => "filter",
            Self::Columns => "columns",
            Self::Question => "ask about this image",
            Self::LearningRate => "learning rate",
            Self::Note => "note (#tags are found by the filter)",
            Self::Rename => "new name",
            Self::Remove => "type its name to remove the session for good",
            Self::Export => "export to (.html .csv .jsonl .svg .pdf .png .tex .npz)",
            Self::ExportRows => "export the rows shown to (.csv .jsonl)",
            Self::Command => ":",
            Self::Overlay => "lay over the curves",
        }
    }
}

/// How strongly the curves are smoothed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing(usize);

impl Smoothing {
    const WEIGHTS: [f64; 4] = [0.0, 0.6, 0.9, 0.98];

    /// The weight of the past, see [`crate::session::Ema`].
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

/// The state of the user interface that does not depend on the session.
#[derive(Debug, Clone)]
pub struct Ui {
    pub screen: Screen,
    pub layer: Layer,
    /// Each screen's focused pane, if the focus was moved.
    focus: BTreeMap<Screen, Pane>,
    /// The line being typed.
    pub line: tui_input::Input,
    /// The line still holds its initial value: the first typed character replaces it.
    pub replaced: bool,
    /// The line's initial value, which comes back if it is left.
    pub begun: String,
    /// Lines typed before.
    pub history: BTreeMap<Entry, History>,
    /// Why the line was refused.
    pub refused: Option<String>,
    /// The focused pane has the whole body.
    pub enlarged: bool,
    pub smoothing: Smoothing,
    /// The metric of the first curve, and whether its axis is logarithmic.
    pub metric: Metric,
    pub log_axis: bool,
    /// How many additional metrics have curves below the first.
    pub more_metrics: usize,
    /// How attention maps are shown, and the aspect whose map is shown alone.
    pub heat: MapStyle,
    pub alone: Option<View>,
    /// Scrolled lines: from the top, or in the log from the end.
    pub scroll: BTreeMap<Pane, usize>,
    /// The scroll offset of the help or the message.
    pub help_scroll: usize,
    /// The layer below the message.
    pub under: Layer,
    /// The marked choice of the quit dialog.
    pub choice: usize,
    /// Where the panes and the screens' names were painted last, for the mouse.
    pub places: Vec<(Pane, Rect)>,
    pub tabs: Vec<(Screen, Rect)>,
    /// What can be clicked in the panes, and in what is on top of them.
    pub spots: Vec<(Spot, Rect)>,
    /// The notice about the last key, until the next key.
    pub notice: Option<String>,
    /// The previous notice, which a key shows again.
    pub before: Option<String>,
    /// A stop was requested here; the screens end when the run has ended.
    pub stopping: bool,
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            screen: Screen::Train,
            layer: Layer::Main,
            focus: BTreeMap::new(),
            line: tui_input::Input::default(),
            replaced: false,
            begun: String::new(),
            history: BTreeMap::new(),
            refused: None,
            enlarged: false,
            smoothing: Smoothing::default(),
            metric: Metric::default(),
            log_axis: false,
            more_metrics: 0,
            heat: MapStyle::default(),
            alone: None,
            scroll: BTreeMap::new(),
            help_scroll: 0,
            under: Layer::Main,
            choice: 0,
            places: Vec::new(),
            spots: Vec::new(),
            tabs: Vec::new(),
            notice: None,
            before: None,
            stopping: false,
        }
    }
}

impl Ui {
    /// The scopes whose keys apply, the innermost first.
    #[must_use]
    pub const fn scopes(&self) -> &'static [Scope] {
        match (self.layer, self.screen) {
            (Layer::Help | Layer::Message, _) => &[Scope::Help],
            (Layer::Quit, _) => &[Scope::Quit],
            (Layer::Entry(_), _) => &[Scope::Entry],
            (Layer::Region, _) => &[Scope::Region],
            (Layer::Form, _) => &[Scope::Form],
            (Layer::Main, screen) => Scope::of_screen(screen),
        }
    }

    /// This screen's focused pane.
    #[must_use]
    pub fn focus(&self) -> Pane {
        let first = || self.screen.panes().first().copied().unwrap_or(Pane::Loss);
        self.focus.get(&self.screen).copied().unwrap_or_else(first)
    }

    /// Focuses a pane of this screen.
    pub fn focus_on(&mut self, pane: Pane) {
        self.focus.insert(self.screen, pane);
    }

    /// Focuses a pane if it is not on the screen, so that its new content is seen.
    pub fn bring(&mut self, pane: Pane) {
        if !self.places.is_empty() && self.places.iter().all(|(shown, _)| *shown != pane) {
            self.focus_on(pane);
        }
    }

    /// Focuses the pane `by` places further, cyclically.
    pub fn step_focus(&mut self, by: isize) {
        let panes = self.screen.panes();
        let place = panes.iter().position(|&pane| pane == self.focus()).unwrap_or(0) as isize;
        if let Some(&pane) = panes.get((place + by).rem_euclid(panes.len() as isize) as usize) {
            self.focus_on(pane);
        }
    }

    /// The metrics that have curves.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let all = std::iter::successors(Some(self.metric), |metric| Some(metric.next()));
        all.take(1 + self.more_metrics).collect()
    }

    /// Begins a line for `entry`, with `begun` as its initial value.
    pub fn ask(&mut self, entry: Entry, begun: &str) {
        (self.layer, self.refused) = (Layer::Entry(entry), None);
        self.line = tui_input::Input::new(begun.to_owned());
        begun.clone_into(&mut self.begun);
        self.history.entry(entry).or_default().begin();
        self.replaced = entry == Entry::LearningRate;
    }

    /// Prepares the line for a key or paste: inserted text replaces an initial value.
    pub fn edits(&mut self, inserts: bool) {
        if std::mem::take(&mut self.replaced) && inserts {
            self.line = tui_input::Input::default();
        }
    }

    /// The scroll offset of a pane, limited to `most`.
    pub fn scrolled(&mut self, pane: Pane, most: usize) -> usize {
        let scroll = self.scroll.entry(pane).or_insert(0);
        *scroll = (*scroll).min(most);
        *scroll
    }
}
