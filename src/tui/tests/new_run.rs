//! The form for a new run: snapshots, keys, and what the host answers.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use insta::assert_snapshot;

use super::{
    screens::{described, settled},
    workbench::{self, press},
};
use crate::{
    keymap::Screen,
    made_up::evaluated,
    theme::{Depth, Theme},
    tui::{app::App, ui::Layer},
};

/// A workbench on a folder with one session.
fn app(root: &tempfile::TempDir) -> App {
    evaluated::session(root.path(), "a", 20, false);
    workbench::app(root)
}

fn keys(app: &mut App, keys: &str) {
    keys.chars().for_each(|key| press(app, KeyCode::Char(key)));
}

#[test]
fn the_form_at_two_sizes() {
    let theme = Theme::dark(Depth::True);
    for (width, height) in [(40, 8), (80, 24)] {
        let root = tempfile::tempdir().unwrap();
        let mut app = app(&root);
        // Sessions with fixed start times.
        app.sessions.listed(Ok(evaluated::summaries(3)));
        keys(&mut app, "nno/good");
        [KeyCode::Down, KeyCode::Down, KeyCode::Right]
            .into_iter()
            .for_each(|code| press(&mut app, code));
        keys(&mut app, "typed, but not taken: it is a choice");
        press(&mut app, KeyCode::Tab);
        keys(&mut app, "x");
        [KeyCode::Up, KeyCode::Up, KeyCode::Up]
            .into_iter()
            .for_each(|code| press(&mut app, code));
        assert_snapshot!(
            format!("form_{width}x{height}"),
            described(&settled(&mut app, width, height), &theme)
        );
    }
}

#[test]
fn problems_are_shown_beside_their_fields_and_block_the_start() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    let shown = |app: &mut App| described(&settled(app, 120, 40), &Theme::dark(Depth::True));
    keys(&mut app, "n");
    assert!(shown(&mut app).contains("named by the date"));
    keys(&mut app, "/");
    let text = shown(&mut app);
    assert!(
        text.contains("✗ use letters and digits alone") && text.contains("1 field is wrong"),
        "{text}"
    );
    // Above the first field comes the start button; pressing it moves to the first field with a problem.
    press(&mut app, KeyCode::Up);
    press(&mut app, KeyCode::Enter);
    let form = app.sessions.form.as_ref().unwrap();
    assert_eq!((form.at, form.starting), (0, false));
    press(&mut app, KeyCode::Backspace);
    assert!(!shown(&mut app).contains('✗'));
    press(&mut app, KeyCode::Esc);
    assert_eq!((app.ui.layer, app.sessions.form.is_none()), (Layer::Main, true));
}

#[test]
fn without_colours_the_form_uses_marks() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    keys(&mut app, "n/");
    let mut mono = settled(&mut app, 80, 24);
    Theme::dark(Depth::Mono).settle(&mut mono);
    assert!(described(&mono, &Theme::dark(Depth::Mono)).contains("✗ use letters"));
}

/// Handles what arrives until `done`.
fn until(app: &mut App, done: impl Fn(&App) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done(app) {
        assert!(Instant::now() < deadline, "a minute is enough");
        assert!(app.handle_arrived(Some(deadline)).is_continue());
    }
}

#[test]
fn a_run_is_started_listed_and_opened() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    keys(&mut app, "nfresh");
    // Enter goes from field to field, and starts on the last row.
    (0..5).for_each(|_| press(&mut app, KeyCode::Enter));
    until(&mut app, |app| {
        let listed = app.sessions.all.as_ref().and_then(|all| all.as_ref().ok());
        let is_listed = listed.is_some_and(|all| all.iter().any(|session| session.name == "fresh"));
        is_listed && app.ui.screen == Screen::Train
    });
    assert_eq!(app.ui.layer, Layer::Main);
    assert_eq!(app.shown.folder, root.path().join("fresh"));
}

#[test]
fn the_form_shows_why_a_run_did_not_begin() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    keys(&mut app, "nlate");
    [KeyCode::Up, KeyCode::Enter]
        .into_iter()
        .for_each(|code| press(&mut app, code));
    until(&mut app, |app| {
        app.sessions.form.as_ref().is_none_or(|form| !form.starting)
    });
    let form = app.sessions.form.as_ref().unwrap();
    assert_eq!(
        (form.starting, form.refused.as_deref()),
        (false, Some("the data folder does not exist"))
    );
    let shown = described(&settled(&mut app, 80, 24), &Theme::dark(Depth::True));
    assert!(shown.contains("the data folder does not exist"), "{shown}");
}

#[test]
fn a_workbench_without_a_host_cannot_start_runs_and_says_so() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    app.host = None;
    keys(&mut app, "n");
    let shown = described(&settled(&mut app, 80, 24), &Theme::dark(Depth::True));
    assert!(shown.contains("runs cannot be started from here"), "{shown}");
    press(&mut app, KeyCode::Esc);
    assert_eq!(app.ui.layer, Layer::Main);
}

#[test]
fn a_clone_begins_with_the_sessions_settings_and_marks_what_is_changed() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    let shown = |app: &mut App| described(&settled(app, 120, 40), &Theme::dark(Depth::True));
    keys(&mut app, "n");
    let text = shown(&mut app);
    assert!(
        text.contains("new run, as a") && text.contains("3e-2") && !text.contains('●'),
        "{text}"
    );
    (0..3).for_each(|_| press(&mut app, KeyCode::Down));
    press(&mut app, KeyCode::Backspace);
    keys(&mut app, "3");
    let text = shown(&mut app);
    assert!(text.contains("● rate, stage 1") && text.contains("was 3e-2"), "{text}");
    press(&mut app, KeyCode::Esc);
    app.key(KeyEvent::new(KeyCode::Char('n'), KeyModifiers::CONTROL));
    let text = shown(&mut app);
    assert!(!text.contains("as a") && text.contains("1e-5"), "{text}");
}

#[test]
fn tab_completes_a_path_and_goes_on_where_nothing_is_missing() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("pictures of spring")).unwrap();
    let mut app = app(&root);
    keys(&mut app, "n");
    press(&mut app, KeyCode::Tab);
    let value = |app: &App| app.sessions.form.as_ref().unwrap().values()[1].clone();
    (0..20).for_each(|_| press(&mut app, KeyCode::Backspace));
    keys(&mut app, &format!("{}/pic", root.path().display()));
    press(&mut app, KeyCode::Tab);
    assert_eq!(value(&app), format!("{}/pictures of spring/", root.path().display()));
    press(&mut app, KeyCode::Tab);
    assert_eq!(app.sessions.form.as_ref().unwrap().at, 2);
}

#[test]
fn a_run_that_ended_early_goes_on_from_its_row() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    app.sessions.root = None;
    app.sessions.listed(Ok(evaluated::summaries(6)));
    keys(&mut app, "p");
    assert_eq!(app.ui.notice.as_deref(), Some("run-0 is at work: enter shows it"));
    keys(&mut app, "jp");
    let finished = "run-1 has made all its steps: n begins another run like it";
    assert_eq!(app.ui.notice.as_deref(), Some(finished));
    keys(&mut app, "jp");
    until(&mut app, |app| app.started.is_none());
    assert_eq!(app.ui.notice.as_deref(), Some("run-2 trains in the background"));
}

#[test]
fn a_session_is_replayed_from_its_row_and_left_by_opening_it() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    keys(&mut app, "P");
    until(&mut app, |app| app.shown.player.is_some());
    assert_eq!(app.ui.screen, Screen::Train);
    keys(&mut app, "P");
    assert!(app.shown.player.as_ref().unwrap().paused);
    keys(&mut app, "4");
    press(&mut app, KeyCode::Enter);
    until(&mut app, |app| app.shown.player.is_none());
    assert!(app.shown.state.ended.is_some());
    assert_eq!(app.ui.screen, Screen::Train);
    keys(&mut app, "P");
    until(&mut app, |app| app.shown.player.is_some());
}

#[test]
fn a_command_of_another_screen_is_found_and_goes_there() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    keys(&mut app, "2:clone");
    press(&mut app, KeyCode::Enter);
    assert_eq!((app.ui.screen, app.ui.layer), (Screen::Sessions, Layer::Form));
}
