//! Begins, pauses and continues replays.

use std::path::PathBuf;

use crate::{keymap::Screen, tui::app::App};

/// Why no other session is shown while a run of this process is at work.
pub const OWN_RUN: &str = "a run of this process is at work; `masp` in another terminal shows others";

impl App {
    /// The session whose journal the key plays: in Sessions the one under the cursor, elsewhere the one shown.
    pub(in crate::tui) fn to_play(&self) -> Option<PathBuf> {
        if self.ui.screen == Screen::Sessions {
            return self.sessions.session().map(|session| session.path.clone());
        }
        self.shown.state.session.is_some().then(|| self.shown.folder.clone())
    }

    /// Pauses or continues the replay that is shown, or begins one.
    pub(in crate::tui) fn play_or_pause(&mut self) {
        let path = self.to_play();
        let other = self.ui.screen == Screen::Sessions && path.as_ref().is_some_and(|path| *path != self.shown.folder);
        if let Some(player) = self.shown.player.as_mut().filter(|_| !other) {
            player.paused = !player.paused;
            return;
        }
        match path {
            None => self.ui.notice = Some("no session is chosen".to_owned()),
            Some(_) if self.run_is_ours() => self.ui.notice = Some(OWN_RUN.to_owned()),
            Some(path) => self.replay(&path),
        }
    }
}
