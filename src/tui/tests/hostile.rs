//! Keys in any order, journals with arbitrary values, and texts with control sequences: there must be no panic, and no
//! control character on the screen.

use std::path::{Path, PathBuf};

use crossbeam_channel::unbounded;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};
use serde_json::{Value, json};

use super::{host::MadeUpHost, screens::settled};
use crate::{
    data::View,
    hostile::{TEXTS, Wild, config, wild},
    keymap::Screen,
    made_up::{self, evaluated},
    printable::printable,
    session::{
        Answer, Event, Found, ImageResult, JournalWriter, Record, SessionFolder, Stage, hostile::records, write_results,
    },
    theme::{Depth, Theme},
    tui::{
        Viewer,
        app::App,
        browse::query::{Query, of_classes},
        input::Input,
        rehearsal::settle,
        ui::{Entry, Layer},
    },
};

const SIZES: [(u16, u16); 6] = [(20, 5), (36, 11), (80, 24), (120, 40), (200, 55), (50, 60)];

/// Whether no cell holds a control character or a symbol of no width.
fn is_harmless(buffer: &Buffer) -> bool {
    buffer
        .content
        .iter()
        .all(|cell| printable(cell.symbol()) == cell.symbol())
}

/// A workbench on two finished sessions in a folder, the first of them open.
fn workbench(root: &Path) -> App {
    evaluated::session(root, "a", 40, false);
    evaluated::session(root, "b", 30, true);
    on_session(root, "a")
}

fn on_session(root: &Path, name: &str) -> App {
    let mut viewer = Viewer::of_session(&root.join(name)).unwrap();
    viewer.theme = Theme::dark(Depth::True);
    viewer.sessions = Some(root.to_owned());
    viewer.host = Some(Box::new(MadeUpHost { root: root.to_owned() }));
    (viewer.link.commands, viewer.owns_run) = (Some(unbounded().0), true);
    let mut app = App::new(viewer).unwrap();
    settle(&mut app);
    app
}

fn key() -> impl Strategy<Value = KeyEvent> {
    let bound = "[a-zA-Z0-9/?:;,.<>%+=\\[\\]{} -]";
    let code = prop_oneof![
        8 => bound.prop_map(|key| KeyCode::Char(key.chars().next().unwrap())),
        1 => any::<char>().prop_map(KeyCode::Char),
        4 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Backspace, KeyCode::Delete, KeyCode::Up,
            KeyCode::Down, KeyCode::Left, KeyCode::Right, KeyCode::Home, KeyCode::End, KeyCode::PageUp, KeyCode::PageDown,
            KeyCode::F(1), KeyCode::F(12), KeyCode::Null, KeyCode::Insert,
        ]),
    ];
    let modifiers =
        prop_oneof![6 => Just(KeyModifiers::NONE), 1 => any::<u8>().prop_map(KeyModifiers::from_bits_truncate)];
    (code, modifiers).prop_map(|(code, modifiers)| KeyEvent::new(code, modifiers))
}

fn mouse() -> impl Strategy<Value = MouseEvent> {
    let kind = prop::sample::select(vec![
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Up(MouseButton::Right),
        MouseEventKind::Drag(MouseButton::Left),
        MouseEventKind::Moved,
        MouseEventKind::ScrollDown,
        MouseEventKind::ScrollUp,
    ]);
    (kind, 0_u16..220, 0_u16..70).prop_map(|(kind, column, row)| MouseEvent {
        kind,
        column,
        row,
        modifiers: KeyModifiers::NONE,
    })
}

/// Arbitrary input: a key, the mouse, another size.
fn input() -> impl Strategy<Value = (Input, Option<(u16, u16)>)> {
    prop_oneof![
        20 => key().prop_map(|key| (Input::Key(key), None)),
        2 => mouse().prop_map(|mouse| (Input::Mouse(mouse), None)),
        2 => (1_u16..210, 1_u16..60).prop_map(|size| (Input::Resized(None), Some(size))),
    ]
}

/// Handles the inputs, with a frame after every few; models answer in between.
fn play(app: &mut App, inputs: Vec<(Input, Option<(u16, u16)>)>) {
    let mut size = (80, 24);
    for (n, (input, resized)) in inputs.into_iter().enumerate() {
        size = resized.unwrap_or(size);
        let _ = app.input(input);
        settle(app);
        while let Some(message) = app.inbox.try_next() {
            let _ = app.handle(message);
        }
        if n % 3 == 0 || resized.is_some() {
            let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
            terminal.draw(|frame| app.draw(frame)).unwrap();
            assert!(is_harmless(terminal.backend().buffer()));
        }
    }
}

fn fewer(share: u32) -> ProptestConfig {
    let config = config();
    ProptestConfig {
        cases: config.cases / share,
        ..config
    }
}

proptest! {
    #![proptest_config(fewer(4))]

    #[test]
    fn no_sequence_of_keys_panics(inputs in prop::collection::vec(input(), 1..120)) {
        let root = tempfile::tempdir()?;
        let mut app = workbench(root.path());
        play(&mut app, inputs);
    }

    /// Well-formed records with arbitrary values, on every screen, at every size.
    #[test]
    fn a_journal_with_arbitrary_values_is_shown(
        Wild(documents) in wild(records()),
        Wild(answer) in wild(vec![answer()]),
        Wild(rows) in wild(evaluated::results(6).iter().map(|row| serde_json::to_value(row).unwrap()).collect()),
        keys in prop::collection::vec(input(), 0..30),
        size in prop::sample::select(SIZES.to_vec()),
    ) {
        let root = tempfile::tempdir()?;
        let folder = wild_session(root.path(), documents, rows);
        let mut app = on_session(root.path(), folder.name());
        for screen in Screen::ALL {
            app.input(Input::Key(KeyEvent::new(KeyCode::Char(screen_key(screen)), KeyModifiers::NONE)));
            settle(&mut app);
            for document in &answer {
                if let Ok(record) = serde_json::from_value(document.clone()) {
                    app.record(&record);
                }
            }
            for &pane in screen.panes() {
                app.ui.focus_on(pane);
                prop_assert!(is_harmless(&settled(&mut app, size.0, size.1)));
            }
        }
        play(&mut app, keys);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_filter_is_a_query_or_an_error(text in prop_oneof![
        "(?s).{0,40}",
        "(-?(gold|pred|says|conf|margin|loss|scene|object|mood)?[:=<>]{0,2}[a-z0-9.e_-]{0,6} ?){0,6}",
        prop::sample::select(TEXTS.to_vec()).prop_map(str::to_owned),
    ]) {
        match Query::parse(&text) {
            Ok(query) => prop_assert!(evaluated::results(5).iter().filter(|row| query.holds(row)).count() <= 5),
            Err(reason) => prop_assert!(!reason.is_empty() && reason.len() < 400),
        }
    }

    #[test]
    fn the_filter_of_a_cell_lets_its_classes_through(gold in "(?s).{0,12}", predicted in "[a-zA-Z <>=:_-]{0,8}") {
        let mut row = evaluated::results(1).remove(0);
        (row.gold, row.prediction.prediction) = (gold.clone(), predicted.clone());
        let query = Query::parse(&of_classes(&gold, Some(&predicted))).map_err(TestCaseError::fail)?;
        prop_assert!(query.holds(&row));
        prop_assert!(Query::parse(&of_classes(&gold, None)).map_err(TestCaseError::fail)?.holds(&row));
        row.gold.push('x');
        prop_assert!(!query.holds(&row));
    }
}

const fn screen_key(screen: Screen) -> char {
    match screen {
        Screen::Train => '1',
        Screen::Browse => '2',
        Screen::Compare => '3',
        Screen::Sessions => '4',
    }
}

/// A model's answer on the first image, with its maps.
fn answer() -> Value {
    let prediction = made_up::prediction(Stage::Prompt, 2, 0);
    let image = evaluated::results(1)[0].prediction.image.clone();
    let answer = Answer {
        stage: Stage::Prompt,
        step: 3,
        request: serde_json::from_value(json!({"ask": "predict", "image": image})).unwrap(),
        found: Found::Prediction(Box::new(prediction)),
    };
    let record = Record::new(1 << 40, 1.7e9, Event::Answer(Box::new(answer)));
    serde_json::to_value(record).unwrap()
}

/// A session whose journal holds those documents that are valid records, and whose last evaluation has these rows.
fn wild_session(root: &Path, documents: Vec<Value>, rows: Vec<Value>) -> SessionFolder {
    let folder = SessionFolder::create(root, "wild").unwrap();
    let file = PathBuf::from("predictions/prompt-000003.jsonl");
    let rows: Vec<ImageResult> = rows
        .into_iter()
        .filter_map(|row| serde_json::from_value(row).ok())
        .collect();
    write_results(&folder.path().join(&file), rows.iter()).unwrap();
    made_up::write_samples(folder.path()).unwrap();
    let mut journal = JournalWriter::open(&folder.journal()).unwrap();
    let mut events: Vec<Event> = documents
        .into_iter()
        .filter_map(|document| serde_json::from_value::<Record>(document).ok())
        .map(|record| record.event)
        .collect();
    if !matches!(events.first(), Some(Event::Session(_))) {
        events.insert(0, evaluated::start());
    }
    for mut event in events {
        match &mut event {
            Event::Evaluation(seen) if seen.stage == Stage::Prompt => seen.predictions = Some(file.clone()),
            Event::Sample(seen) if seen.slot == 0 => seen.file = "samples/prompt-1-0.json".into(),
            _ => {}
        }
        journal.append(event).unwrap();
    }
    folder
}

/// Replaces every text in a document.
fn with_text(value: &mut Value, text: &str) {
    match value {
        Value::String(old) => *old = format!("{text}{old}"),
        Value::Array(items) => items.iter_mut().for_each(|item| with_text(item, text)),
        Value::Object(entries) => {
            *entries = std::mem::take(entries)
                .into_iter()
                .map(|(key, mut value)| {
                    with_text(&mut value, text);
                    (format!("{text}{key}"), value)
                })
                .collect();
        }
        _ => {}
    }
}

/// A session in which every text that a file may hold begins with `text`: classes, images, answers, log, settings.
fn evil_session(root: &Path, name: &str, text: &str) {
    let say = |old: &str| format!("{text}{old}");
    let relabel = |row: &mut ImageResult| {
        let prediction = &mut row.prediction;
        for said in [
            &mut prediction.image,
            &mut prediction.prediction,
            &mut prediction.generated,
            &mut row.gold,
        ] {
            *said = say(said);
        }
        prediction.probabilities = prediction
            .probabilities
            .drain(..)
            .map(|(label, p)| (say(&label), p))
            .collect();
        row.annotation.values_mut().for_each(|said| *said = say(said));
    };
    let folder = evaluated::session(root, name, 0, false);
    let mut rows = evaluated::results(12);
    rows.iter_mut().for_each(relabel);
    if name == "b" {
        rows.iter_mut()
            .step_by(3)
            .for_each(|row| row.prediction.prediction = row.gold.clone());
    }
    write_results(&folder.path().join("predictions/prompt-000600.jsonl"), rows.iter()).unwrap();
    let journal = std::fs::read_to_string(folder.journal()).unwrap();
    let lines = journal.lines().map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let keys: &[&str] = match record["event"].as_str().unwrap() {
            "session" => &["program", "name", "settings", "model", "dataname", "classes", "device"],
            "phase" => &["name"],
            "progress" => &["phase"],
            "sample" => &["image", "gold", "prediction"],
            "evaluation" => &["split", "per_class", "confusion"],
            "warning" | "log" => &["text"],
            "ended" => &["reason"],
            _ => &[],
        };
        for key in keys {
            if *key == "per_class" || *key == "confusion" {
                relabelled(&mut record[*key], text);
            } else {
                with_text(&mut record[*key], text);
            }
        }
        record.to_string() + "\n"
    });
    std::fs::write(folder.journal(), lines.collect::<String>()).unwrap();
    for entry in std::fs::read_dir(folder.samples()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "json") {
            let mut seen: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            for key in ["image", "prediction", "generated", "rationale"] {
                with_text(&mut seen[key], text);
            }
            relabelled(&mut seen["probabilities"], text);
            for view in View::ALL {
                with_text(&mut seen["aspects"][view.name()]["text"], text);
            }
            std::fs::write(&path, seen.to_string()).unwrap();
        }
    }
    folder.set_note(&say("note")).unwrap();
}

/// Puts the text before the keys that are classes; the keys of their figures stay.
fn relabelled(value: &mut Value, text: &str) {
    if let Value::Object(entries) = value {
        if entries.contains_key("labels") {
            with_text(&mut entries["labels"], text);
        } else {
            *entries = std::mem::take(entries)
                .into_iter()
                .map(|(key, value)| (format!("{text}{key}"), value))
                .collect();
        }
    }
}

#[test]
fn text_of_a_session_or_a_model_cannot_control_the_terminal() {
    for text in TEXTS {
        let root = tempfile::tempdir().unwrap();
        evil_session(root.path(), "a", text);
        evil_session(root.path(), "b", text);
        let mut app = on_session(root.path(), "a");
        assert_eq!(
            app.shown.state.next_seq > 600,
            app.shown.browse.rows().is_some(),
            "{text:?}: the session was read"
        );
        app.sessions.marked = vec![root.path().join("a"), root.path().join("b")];
        for screen in Screen::ALL {
            app.input(Input::Key(KeyEvent::new(
                KeyCode::Char(screen_key(screen)),
                KeyModifiers::NONE,
            )));
            settle(&mut app);
            app.ui.notice = Some(format!("a notice {text}"));
            for &pane in screen.panes() {
                app.ui.focus_on(pane);
                for layer in [Layer::Main, Layer::Entry(Entry::Filter), Layer::Quit] {
                    app.ui.layer = layer;
                    app.ui.refused = Some(format!("`{text}`"));
                    for (width, height) in [(36, 11), (80, 24), (120, 40)] {
                        let buffer = settled(&mut app, width, height);
                        assert!(is_harmless(&buffer), "{text:?} on {screen:?} at {width}x{height}");
                    }
                }
                app.ui.layer = Layer::Main;
            }
        }
        assert!(app.compare.compared.is_some(), "{text:?}: {:?}", app.compare.problem);
    }
}

#[test]
fn typed_and_pasted_text_cannot_control_the_terminal() {
    let root = tempfile::tempdir().unwrap();
    let mut viewer = Viewer::new(root.path().to_owned(), TEXTS.concat());
    viewer.theme = Theme::dark(Depth::True);
    let mut app = App::new(viewer).unwrap();
    for entry in ["2/", ":", "4/"] {
        entry.chars().chain(TEXTS.concat().chars()).for_each(|c| {
            app.input(Input::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        });
        for (width, height) in SIZES {
            assert!(is_harmless(&settled(&mut app, width, height)));
        }
        app.input(Input::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)));
    }
}
