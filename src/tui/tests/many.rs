//! Compare with more than two sessions: the figures of each against the first, and which of them is side by side with it.

use std::time::{Duration, Instant};

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::{
    screens::{described, settled},
    workbench::{self, press},
};
use crate::{
    made_up::evaluated,
    theme::{Depth, Theme},
    tui::app::App,
};

/// A workbench on three sessions, all of them marked, on Compare. The list's order is that of their names, turned.
fn app(root: &tempfile::TempDir) -> App {
    for (name, other) in [("a", false), ("b", true), ("c", false)] {
        evaluated::session(root.path(), name, 80, other);
    }
    let mut app = workbench::app(root);
    app.sessions.marked = ["a", "b", "c"].map(|name| root.path().join(name)).to_vec();
    press(&mut app, KeyCode::Char('3'));
    compared(&mut app);
    app
}

/// Handles what arrives until two sessions are side by side.
fn compared(app: &mut App) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while app.compare.compared.is_none() || app.compare.many.is_none() || app.is_reading() {
        assert!(Instant::now() < deadline, "a minute is enough");
        assert!(app.handle_arrived(Some(deadline)).is_continue());
    }
}

fn sides(app: &App) -> [String; 2] {
    let sides = app.compare.sides.as_ref().unwrap();
    sides.each_ref().map(|side| side.name.clone())
}

#[test]
fn the_screen_at_three_sizes() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    for _ in 0..2 {
        press(&mut app, KeyCode::Tab);
    }
    let theme = Theme::dark(Depth::True);
    for (width, height) in [(80, 24), (120, 40), (200, 55)] {
        let name = format!("many_{width}x{height}");
        assert_snapshot!(name, described(&settled(&mut app, width, height), &theme));
    }
}

#[test]
fn the_row_under_the_cursor_is_side_by_side_with_the_first() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    assert_eq!(sides(&app), ["a", "b"]);
    // From the images to the figures.
    for _ in 0..2 {
        press(&mut app, KeyCode::Tab);
    }
    press(&mut app, KeyCode::Down);
    compared(&mut app);
    assert_eq!(sides(&app), ["a", "c"]);
    assert_eq!(
        app.compare.compared.as_ref().unwrap().figures.flips.len(),
        0,
        "c says what a says"
    );
    press(&mut app, KeyCode::Up);
    compared(&mut app);
    assert_eq!(sides(&app), ["a", "b"]);
    app.sessions.marked.pop();
    press(&mut app, KeyCode::Char('4'));
    press(&mut app, KeyCode::Char('3'));
    compared_two(&mut app);
    assert!(app.compare.many.is_none());
    assert_eq!(sides(&app), ["a", "b"]);
}

fn compared_two(app: &mut App) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while app.is_reading() {
        assert!(Instant::now() < deadline, "a minute is enough");
        assert!(app.handle_arrived(Some(deadline)).is_continue());
    }
}
