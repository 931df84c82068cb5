//! A workbench on a folder of sessions, with a made-up host, and its keys.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tempfile::TempDir;

use super::host::MadeUpHost;
use crate::{
    theme::{Depth, Theme},
    tui::{Viewer, app::App, input::Input, rehearsal::settle},
};

/// The workbench after it has read the folder.
pub fn app(root: &TempDir) -> App {
    let mut viewer = Viewer::new(root.path().to_owned(), "");
    viewer.theme = Theme::dark(Depth::True);
    viewer.sessions = Some(root.path().to_owned());
    viewer.host = Some(Box::new(MadeUpHost {
        root: root.path().to_owned(),
    }));
    let mut app = App::new(viewer).unwrap();
    settle(&mut app);
    app
}

pub fn press(app: &mut App, code: KeyCode) {
    app.input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)));
}
