//! Messages that do not fit in the last row: shown in full above the keys, or by a key that they name.

use std::collections::BTreeSet;

use crossterm::event::KeyCode;

use super::{
    screens::{described, settled},
    workbench::{app, press},
};
use crate::{
    theme::{Depth, Theme},
    tui::{
        app::App,
        ui::{Entry, Layer, Pane},
    },
};

const SIZES: [(u16, u16); 4] = [(20, 5), (80, 24), (120, 40), (200, 55)];

/// More words than fit in half of the screen.
fn words((width, height): (u16, u16)) -> Vec<String> {
    let in_half = usize::from(width) / 6 * usize::from(height) / 2;
    (0..in_half + in_half / 4 + 8).map(|n| format!("w{n:04}")).collect()
}

/// The words of the message that are visible.
fn seen(app: &mut App, (width, height): (u16, u16)) -> Vec<String> {
    let shown = described(&settled(app, width, height), &Theme::dark(Depth::True));
    let is_whole = |part: &str| {
        let number = part.strip_prefix('w').filter(|number| number.len() == 4);
        number.is_some_and(|number| number.parse::<u16>().is_ok())
    };
    let parts = shown.split(|c: char| !c.is_alphanumeric());
    parts.filter(|part| is_whole(part)).map(str::to_owned).collect()
}

#[track_caller]
fn shows(app: &mut App, (width, height): (u16, u16), what: &str) {
    let shown = described(&settled(app, width, height), &Theme::dark(Depth::True));
    assert!(shown.contains(what), "{what:?} at {width}x{height}:\n{shown}");
}

/// Scrolls through the overlay; every word must be visible at some point.
#[track_caller]
fn reads_all(app: &mut App, size: (u16, u16)) {
    let mut read = BTreeSet::new();
    loop {
        read.extend(seen(app, size));
        let before = app.ui.help_scroll;
        press(app, KeyCode::Down);
        settled(app, size.0, size.1);
        if app.ui.help_scroll == before {
            break;
        }
    }
    assert_eq!(read.into_iter().collect::<Vec<_>>(), words(size), "{size:?}");
}

#[test]
fn a_message_longer_than_half_the_screen_names_the_key_that_shows_all_of_it() {
    let root = tempfile::tempdir().unwrap();
    for size in SIZES {
        let mut app = app(&root);
        app.ui.notice = Some(words(size).join(" "));
        shows(&mut app, size, "! shows it all");
        assert!(seen(&mut app, size).len() < words(size).len());
        press(&mut app, KeyCode::Char('!'));
        assert_eq!(app.ui.layer, Layer::Message);
        reads_all(&mut app, size);
        press(&mut app, KeyCode::Esc);
        assert_eq!(app.ui.layer, Layer::Main);
        // Another key removes it from above the keys; it can still be read again.
        press(&mut app, KeyCode::Tab);
        assert!(app.ui.notice.is_none());
        press(&mut app, KeyCode::Char('!'));
        assert_eq!(seen(&mut app, size).first().map(String::as_str), Some("w0000"));
    }
}

#[test]
fn the_full_reason_for_a_refused_line_can_be_read_and_the_line_stays() {
    let root = tempfile::tempdir().unwrap();
    for size in SIZES {
        let mut app = app(&root);
        app.ui.ask(Entry::Sessions, "typed");
        app.ui.refused = Some(words(size).join(" "));
        shows(&mut app, size, "f2 shows it all");
        press(&mut app, KeyCode::F(2));
        reads_all(&mut app, size);
        press(&mut app, KeyCode::Esc);
        assert_eq!(
            (app.ui.layer, app.ui.line.value()),
            (Layer::Entry(Entry::Sessions), "typed")
        );
        assert!(app.ui.refused.is_some());
    }
}

#[test]
fn the_full_error_of_a_field_can_be_read() {
    let root = tempfile::tempdir().unwrap();
    for size in SIZES {
        let mut app = app(&root);
        press(&mut app, KeyCode::Char('n'));
        app.sessions.form.as_mut().unwrap().rows[0].problem = Some(words(size).join(" "));
        if size.1 > 5 {
            shows(&mut app, size, "f2 shows it all");
        }
        press(&mut app, KeyCode::F(2));
        reads_all(&mut app, size);
        press(&mut app, KeyCode::Esc);
        assert_eq!(app.ui.layer, Layer::Form);
    }
}

#[test]
fn a_message_that_fits_names_no_key_and_without_one_the_key_says_so() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    press(&mut app, KeyCode::Char('!'));
    shows(&mut app, (80, 24), "there is no message yet");
    app.ui.notice = Some("a sentence that needs two rows ".repeat(4));
    let shown = described(&settled(&mut app, 80, 24), &Theme::dark(Depth::True));
    assert!(
        !shown.contains("shows it all") && shown.contains("needs two rows"),
        "{shown}"
    );
    app.ui.focus_on(Pane::About);
    press(&mut app, KeyCode::Char('!'));
    shows(&mut app, (80, 24), "╭ message · esc closes ");
}
