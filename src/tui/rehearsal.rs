//! The screens without a terminal: keys in, frames of text out. The fuzz targets use this.

use std::io;

use crossterm::event::KeyEvent;
use ratatui::{Terminal, backend::TestBackend};

use super::{Exit, Viewer, app::App, input::Input};

/// A viewer's screens on an in-memory terminal.
pub struct Rehearsal {
    app: App,
    terminal: Terminal<TestBackend>,
}

impl Rehearsal {
    /// The screens of a viewer on `width` x `height` cells.
    ///
    /// # Errors
    /// Where a thread cannot be started.
    pub fn new(viewer: Viewer, width: u16, height: u16) -> io::Result<Self> {
        let Ok(terminal) = Terminal::new(TestBackend::new(width, height));
        let mut rehearsal = Self {
            app: App::new(viewer)?,
            terminal,
        };
        rehearsal.settle();
        Ok(rehearsal)
    }

    /// Handles a key and the reads that it starts; returns the exit if the key leaves the screens.
    pub fn press(&mut self, key: KeyEvent) -> Option<Exit> {
        let exit = self.app.input(Input::Key(key));
        self.settle();
        exit
    }

    /// Resizes the terminal.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.terminal.backend_mut().resize(width, height);
    }

    /// The next frame, one line per row.
    pub fn frame(&mut self) -> String {
        let Ok(frame) = self.terminal.draw(|frame| self.app.draw(frame));
        let rows = frame.buffer.content.chunks(usize::from(frame.area.width).max(1));
        let row = |cells: &[ratatui::buffer::Cell]| cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>();
        rows.map(row).collect::<Vec<_>>().join("\n")
    }

    fn settle(&mut self) {
        settle(&mut self.app);
    }
}

/// Handles everything that is being read in the background.
pub(super) fn settle(app: &mut App) {
    while app.is_reading() {
        // A test's screens are left by the keys that it types.
        let _ = app.handle_arrived(None);
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyModifiers};

    use super::*;
    use crate::made_up::evaluated;

    #[test]
    fn keys_go_in_and_a_frame_comes_out() {
        let root = tempfile::tempdir().unwrap();
        let folder = evaluated::session(root.path(), "a", 20, false);
        let mut rehearsal = Rehearsal::new(Viewer::of_session(folder.path()).unwrap(), 100, 30).unwrap();
        let mut press = |code| rehearsal.press(KeyEvent::new(code, KeyModifiers::NONE));
        assert_eq!(press(KeyCode::Char('2')), None);
        for key in "/wrong".chars() {
            assert_eq!(press(KeyCode::Char(key)), None);
        }
        press(KeyCode::Enter);
        let frame = rehearsal.frame();
        assert!(frame.contains("of 20") && frame.lines().count() == 30, "{frame}");
        rehearsal.resize(20, 5);
        assert_eq!(rehearsal.frame().lines().count(), 5);
        assert_eq!(
            rehearsal.press(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE)),
            Some(Exit::Quit)
        );
    }
}
