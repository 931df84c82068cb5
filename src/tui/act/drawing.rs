//! Draws images again that the sessions on the screens miss.

use crate::{
    session::SessionStart,
    tui::{
        app::App,
        drawing::{Drawing, Drawn},
        inbox::Message,
    },
};

impl App {
    /// Begins to draw the missing images of a session on the screens, if one misses any that can be drawn. After a failure
    /// it is not tried again.
    pub(in crate::tui) fn draw_missing_images(&mut self) {
        if self.drawing.is_some() || self.cannot_draw {
            return;
        }
        let sides = self.compare.sides.iter().flat_map(|sides| sides.iter());
        let mut states = std::iter::once(&self.shown.state).chain(sides.map(|side| &side.state));
        let start = states.find_map(|state| state.session.as_ref().filter(|start| start.misses_images()));
        if let Some(start) = start.cloned() {
            self.draw_images(start);
        }
    }

    fn draw_images(&mut self, start: SessionStart) {
        match Drawing::begin(start, self.inbox.subscribe(Message::Drawn)) {
            Ok(drawing) => self.drawing = Some(drawing),
            Err(reason) => self.not_drawn(&reason),
        }
    }

    /// Handles a message of the thread that draws; `None`: the thread has died.
    pub(in crate::tui) fn drawn(&mut self, drawn: Option<Drawn>) {
        match drawn {
            Some(Drawn::Progress(done, total)) => {
                if let Some(drawing) = &mut self.drawing {
                    drawing.progress = (done, total);
                }
            }
            Some(Drawn::Over(Ok(()))) => {
                self.drawing = None;
                self.compare.find_images();
                // This also draws what the other session of a comparison misses.
                self.read_evaluations();
            }
            Some(Drawn::Over(Err(reason))) => self.not_drawn(&reason),
            None => self.not_drawn("the thread has ended"),
        }
    }

    fn not_drawn(&mut self, reason: &str) {
        (self.drawing, self.cannot_draw) = (None, true);
        self.ui.notice = Some(format!("cannot draw the session's pictures again: {reason}"));
    }
}
