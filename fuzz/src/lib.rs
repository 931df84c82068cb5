//! What the fuzz targets share: files (in memory where possible), screens for key presses, and the properties that must
//! hold.

use std::{
    cell::{OnceCell, RefCell},
    fs,
    path::{Path, PathBuf},
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use masp::{
    data::{DataError, Dataset, DatasetOptions, open},
    tui::{Viewer, rehearsal::Rehearsal},
};
use tempfile::TempDir;

/// A picture of two pixels.
pub const PNG: &[u8] = include_bytes!("../../src/data/image_file/fixtures/palette.png");

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
    static SCREENS: RefCell<Option<Rehearsal>> = const { RefCell::new(None) };
}

/// This process's own folder.
pub fn folder() -> PathBuf {
    FOLDER.with(|folder| {
        let made = || {
            tempfile::tempdir_in("/dev/shm")
                .or_else(|_| tempfile::tempdir())
                .expect("a folder")
        };
        folder.get_or_init(made).path().to_owned()
    })
}

/// Reads the bytes as a file of this name.
pub fn on_file<T>(name: &str, bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let path = folder().join(name);
    fs::write(&path, bytes).expect("a file");
    read(&path)
}

/// Opens a dataset.
///
/// # Errors
/// As the dataset's reader.
pub fn dataset(root: &Path) -> Result<Dataset, DataError> {
    open(&DatasetOptions::of(root))
}

/// An error's text must be fit for a terminal.
pub fn sentence(error: &dyn std::fmt::Display) {
    printable(&error.to_string());
}

/// Text that is shown must be fit for a terminal, too.
pub fn printable(text: &str) {
    let bad = |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    assert!(!text.contains(bad), "{text:?}");
}

/// The workbench on the example session, in the state after the previous input.
pub fn with_screens(work: impl FnOnce(&mut Rehearsal)) {
    SCREENS.with_borrow_mut(|screens| {
        let made = || {
            // A copy: keys can write notes, rename and remove.
            let sessions = folder().join("sessions");
            copy(
                &Path::new(env!("CARGO_MANIFEST_DIR")).join("../sessions/example"),
                &sessions.join("example"),
            );
            let mut viewer = Viewer::of_session(&sessions.join("example")).expect("the example");
            viewer.sessions = Some(sessions);
            Rehearsal::new(viewer, 80, 24).expect("threads")
        };
        work(screens.get_or_insert_with(made));
    });
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the example") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("a copy");
        }
    }
}

/// A key for two bytes: most are characters.
pub fn key(code: u8, modifiers: u8) -> KeyEvent {
    const NAMED: [KeyCode; 16] = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::F(1),
        KeyCode::Null,
    ];
    let code = match code {
        0..0x20 => NAMED[usize::from(code) % NAMED.len()],
        0x20..0x7F => KeyCode::Char(char::from(code)),
        _ => KeyCode::Char(char::from_u32(u32::from(code) * 0x1_01 + u32::from(modifiers)).unwrap_or('喜')),
    };
    let modifiers = if modifiers < 0xC0 {
        KeyModifiers::NONE
    } else {
        KeyModifiers::from_bits_truncate(modifiers)
    };
    KeyEvent::new(code, modifiers)
}
