//! What the panes paint from: one frame's view of the app.

use std::path::Path;

use crate::{
    keymap::Keymap,
    session::{Metrics, RunState, Stage},
    theme::Theme,
    tui::{
        browse::Browse,
        compare::{Compare, losses::Losses},
        cursor::Cursor,
        offers::Offers,
        overlays::Overlays,
        pictures::Pictures,
        sessions::Sessions,
        span::Span,
        train::curves::Curves,
        ui::Ui,
        waits::Waits,
    },
};

/// What the panes paint from.
pub struct Scene<'a> {
    pub state: &'a RunState,
    pub ui: &'a mut Ui,
    pub cursor: Cursor,
    /// The steps that the curves show; `None`: all.
    pub zoom: Option<Span>,
    pub browse: &'a Browse,
    pub compare: &'a Compare,
    pub sessions: &'a Sessions,
    /// The folder of the session that is shown.
    pub folder: &'a Path,
    pub overlays: &'a Overlays,
    /// The frozen model's figures.
    pub frozen: Option<&'a Metrics>,
    /// The folder of the session's images.
    pub images: &'a Path,
    /// The player's position and speed, if a journal is played.
    pub playing: Option<String>,
    /// Whether predictions are being read.
    pub reading: bool,
    /// The model's phase while it is being opened.
    pub opening: Option<&'a str>,
    /// What the person waits for while the keys work.
    pub waits: Option<Waits>,
    pub theme: &'a Theme,
    pub keymap: &'a Keymap,
    pub pictures: &'a mut Pictures,
    /// The curves' cache between frames.
    pub curves: &'a mut Curves,
    pub losses: &'a mut Losses,
    /// Whether samples are shown with their pictures or as text only.
    pub show_pictures: bool,
    /// Bytes sent to the terminal in the last second with output.
    pub sent: Option<u64>,
    /// Whether the run takes commands from here.
    pub commands: bool,
    /// Whether the run's process has disappeared without a final record.
    pub lost: bool,
    /// What the key bar and the palette offer.
    pub offers: Offers,
    /// Whether there is a model that can be asked.
    pub can_ask: bool,
}

impl Scene<'_> {
    /// The steps that a stage's curves show; `None`: all.
    #[must_use]
    pub fn span(&self, stage: Stage) -> Option<Span> {
        self.zoom.filter(|zoom| zoom.stage == stage)
    }
}
