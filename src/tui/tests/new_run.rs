//! The form for a new run: snapshots, and keys through the real loop.

use std::{thread, time::Duration};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use insta::assert_snapshot;
use ratatui::{Terminal, backend::TestBackend};

use super::{
    screens::{described, settled},
    workbench::{self, press},
};
use crate::{
    keymap::Screen,
    made_up::evaluated,
    theme::{Depth, Theme},
    tui::{Exit, app::App, event_loop, input::Input, post::Post, ui::Layer},
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

/// Runs the real loop on a thread of its own.
fn at_work(root: &tempfile::TempDir) -> (Post<Input>, thread::JoinHandle<(Exit, App)>) {
    let mut app = app(root);
    let inputs = app.inbox.inputs();
    let screen = thread::spawn(move || {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        (event_loop::run(&mut terminal, &mut app), app)
    });
    (inputs, screen)
}

fn send(inputs: &Post<Input>, codes: impl IntoIterator<Item = KeyCode>) {
    for code in codes {
        inputs
            .send(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)))
            .unwrap();
    }
}

#[test]
fn a_run_is_started_listed_and_opened() {
    let root = tempfile::tempdir().unwrap();
    let (inputs, screen) = at_work(&root);
    send(&inputs, "nfresh".chars().map(KeyCode::Char));
    // Enter goes from field to field, and starts on the last row.
    send(&inputs, [KeyCode::Enter; 5]);
    thread::sleep(Duration::from_secs(2));
    send(&inputs, [KeyCode::Char('q')]);
    let (exit, app) = screen.join().unwrap();
    assert_eq!(
        (exit, app.ui.screen, app.ui.layer),
        (Exit::Quit, Screen::Train, Layer::Main)
    );
    assert_eq!(app.shown.folder, root.path().join("fresh"));
    let listed = app.sessions.all.as_ref().unwrap().as_ref().unwrap();
    assert!(listed.iter().any(|session| session.name == "fresh"));
}

#[test]
fn the_form_shows_why_a_run_did_not_begin() {
    let root = tempfile::tempdir().unwrap();
    let mut app = app(&root);
    keys(&mut app, "nlate");
    [KeyCode::Up, KeyCode::Enter]
        .into_iter()
        .for_each(|code| press(&mut app, code));
    while app.sessions.form.as_ref().is_some_and(|form| form.starting) {
        assert!(app.handle_arrived(None).is_continue());
    }
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
