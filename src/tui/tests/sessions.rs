//! The Sessions and Compare screens on sessions on disk.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;

use super::{
    screens::{described, settled},
    workbench,
};
use crate::{
    keymap::Screen,
    made_up::evaluated,
    theme::{Depth, Theme},
    tui::{Viewer, app::App, compare::side::Side, input::Input, rehearsal::settle, ui::Pane},
};

/// A workbench on a folder with two sessions.
struct Harness {
    app: App,
    root: tempfile::TempDir,
}

impl Harness {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        evaluated::session(root.path(), "a", 160, false);
        evaluated::session(root.path(), "b", 150, true);
        Self {
            app: workbench::app(&root),
            root,
        }
    }

    fn press(&mut self, code: KeyCode) {
        self.app.input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        self.settle();
    }

    fn keys(&mut self, keys: &str) {
        keys.chars().for_each(|key| self.press(KeyCode::Char(key)));
    }

    /// Marks a and b and compares them.
    fn compare(&mut self) {
        self.keys("s");
        self.keys("mm3");
    }

    fn settle(&mut self) {
        settle(&mut self.app);
        // Whether an answer of a model is pending; these models always answer.
        let waits = |app: &App, side: usize| {
            let image = app.compare.image().map(str::to_owned);
            let sides = app.compare.sides.as_deref();
            let side = sides.and_then(|sides| sides.get(side));
            side.zip(image)
                .is_some_and(|(side, image)| side.model.is_open() && side.looked(&image).is_none())
        };
        for side in [0, 1] {
            while waits(&self.app, side) {
                assert!(self.app.handle_arrived(None).is_continue());
            }
        }
    }

    fn screen(&mut self, width: u16, height: u16) -> Buffer {
        settled(&mut self.app, width, height)
    }

    fn text(&mut self, width: u16, height: u16) -> String {
        let buffer = self.screen(width, height);
        described(&buffer, &Theme::dark(Depth::True))
    }
}

#[test]
fn without_a_run_there_are_sessions_to_choose_from() {
    let mut desk = Harness::new();
    assert_eq!(desk.app.ui.screen, Screen::Sessions);
    let shown = desk.text(120, 40);
    assert!(shown.contains("finished") && shown.contains("EmoSet"), "{shown}");
    desk.keys("s");
    desk.press(KeyCode::Enter);
    assert_eq!(
        (desk.app.ui.screen, desk.app.shown.state.next_seq > 600),
        (Screen::Train, true)
    );
    desk.keys("2");
    assert_eq!(desk.app.shown.browse.rows().unwrap().len(), 160);
    desk.keys("4j");
    desk.press(KeyCode::Enter);
    desk.keys("2");
    assert_eq!(desk.app.shown.browse.rows().unwrap().len(), 150);
}

#[test]
fn an_empty_folder_offers_the_demo() {
    let root = tempfile::tempdir().unwrap();
    let mut viewer = Viewer::new(root.path().to_owned(), "");
    viewer.sessions = Some(root.path().join("none"));
    let mut desk = Harness {
        app: App::new(viewer).unwrap(),
        root,
    };
    desk.settle();
    assert!(desk.text(80, 24).contains("masp demo"));
}

#[test]
fn sessions_and_their_filter_at_three_sizes() {
    let mut desk = Harness::new();
    for (width, height) in [(80, 24), (120, 40)] {
        desk = Harness::new();
        desk.app.sessions.listed(Ok(evaluated::summaries(40)));
        desk.keys("mjjm/live");
        desk.press(KeyCode::Backspace);
        desk.press(KeyCode::Enter);
        desk.app.sessions.clear_filter();
        insta::assert_snapshot!(format!("sessions_{width}x{height}"), desk.text(width, height));
    }
    let wide = desk.text(200, 55);
    assert!(
        wide.contains("started↓          data ") && wide.contains("2023-11-14 22:13  EmoSet "),
        "{wide}"
    );
}

/// Three learning rates with three seeds each.
fn nine_runs() -> Vec<crate::session::SessionSummary> {
    let mut runs = evaluated::summaries(9);
    for (n, run) in runs.iter_mut().enumerate() {
        let rate = [3e-3, 1e-2, 3e-2][n / 3];
        run.settings = serde_json::json!({ "train": { "seed": n % 3 + 1, "prompt": { "learning_rate": rate } } });
        run.test_accuracy = Some(0.7 + 0.06 * (n / 3) as f64 + 0.01 * (n % 3) as f64);
    }
    runs
}

#[test]
fn groups_of_runs_at_three_sizes() {
    for (width, height) in [(80, 24), (120, 40), (200, 55)] {
        let mut desk = Harness::new();
        desk.app.sessions.listed(Ok(nine_runs()));
        desk.keys("vj");
        insta::assert_snapshot!(format!("groups_{width}x{height}"), desk.text(width, height));
    }
}

#[test]
fn a_group_is_entered_and_left() {
    let mut desk = Harness::new();
    desk.app.sessions.listed(Ok(nine_runs()));
    desk.keys("vN");
    assert!(desk.text(120, 40).contains("enter shows its runs"));
    desk.press(KeyCode::Enter);
    // The best group stands first: the largest rate.
    let shown: Vec<String> = desk.app.sessions.runs().iter().map(|run| run.name.clone()).collect();
    assert_eq!(shown, ["run-6", "run-7", "run-8"]);
    desk.press(KeyCode::Esc);
    assert_eq!(
        (desk.app.sessions.rows(), desk.app.sessions.groups.is_some()),
        (9, false)
    );
    desk.keys("v");
    desk.press(KeyCode::Esc);
    assert!(desk.app.sessions.groups.is_none());
}

#[test]
fn columns_and_a_filter_are_typed() {
    let mut desk = Harness::new();
    desk.app.sessions.listed(Ok(nine_runs()));
    desk.keys("c lr seedd");
    desk.press(KeyCode::Enter);
    assert!(desk.text(120, 40).contains("there is no column `seedd`"));
    desk.press(KeyCode::Backspace);
    desk.press(KeyCode::Enter);
    assert_eq!(desk.app.sessions.columns.len(), 12);
    desk.keys("c");
    for _ in 0..100 {
        desk.press(KeyCode::Backspace);
    }
    desk.keys("name test lr seed");
    desk.press(KeyCode::Enter);
    desk.keys("/lr<0.02 -seed=1");
    desk.press(KeyCode::Enter);
    desk.keys("ss");
    let shown = desk.text(120, 40);
    assert!(shown.contains("lr<0.02 -seed=1 · 4 · by test"), "{shown}");
    let row = shown.lines().find(|line| line.starts_with("│   run-5"));
    let row: Vec<&str> = row.unwrap().split_whitespace().collect();
    assert_eq!(row[..6], ["│", "run-5", "78.0", "%", "0.01", "3"]);
    desk.keys("/ lr<fast");
    desk.press(KeyCode::Enter);
    assert!(desk.text(120, 40).contains("`fast` is not a number"));
}

/// Three marks: their curves lie over those of the session shown, and lie there no more.
#[test]
fn all_marked_sessions_are_laid_over_the_curves() {
    let mut desk = Harness::new();
    evaluated::session(desk.root.path(), "c", 150, true);
    desk.keys("r");
    desk.settle();
    desk.press(KeyCode::Enter);
    desk.keys("4gmmmo");
    desk.settle();
    assert_eq!(
        (desk.app.sessions.marked.len(), desk.app.overlays.shown().len()),
        (3, 2)
    );
    assert!(desk.text(120, 40).contains("lie over those on Train"));
    desk.keys("o");
    assert_eq!(desk.app.overlays.shown().len(), 0);
    assert!(desk.text(120, 40).contains("are removed from Train"));
}

#[test]
fn two_sessions_side_by_side_at_three_sizes() {
    for (width, height) in [(80, 24), (120, 40), (200, 55)] {
        let mut desk = Harness::new();
        desk.compare();
        desk.press(KeyCode::Enter);
        insta::assert_snapshot!(format!("compare_{width}x{height}"), desk.text(width, height));
    }
}

#[test]
fn each_pane_of_a_comparison() {
    let mut desk = Harness::new();
    desk.compare();
    desk.press(KeyCode::Enter);
    for (name, pane, keys) in [
        ("compare_confusion", Pane::Differences, "v"),
        ("compare_pair", Pane::Pair, ""),
    ] {
        desk.app.ui.focus_on(pane);
        desk.keys(keys);
        insta::assert_snapshot!(name, desk.text(80, 24));
    }
}

#[test]
fn two_evaluations_of_one_session_are_marked_on_its_loss() {
    let mut desk = Harness::new();
    let folder = desk.root.path().join("a");
    let side = || {
        let mut side = Side::read(&folder).unwrap();
        let mut earlier = side.evaluations[0].clone();
        earlier.prompt = Some(300);
        side.evaluations.insert(0, earlier);
        side
    };
    desk.app.compare.sides_read(Ok(Box::new([side(), side()])));
    desk.app.compare.step_evaluation(1, 1);
    desk.app.ui.screen = Screen::Compare;
    desk.app.ui.focus_on(Pane::Losses);
    let shown = desk.text(80, 24);
    let legend = shown.lines().find(|line| line.contains("at step")).unwrap_or_default();
    assert_eq!(legend.matches('━').count(), 1, "{shown}");
    assert!(
        legend.contains("A at step 300") && legend.contains("B at step 600"),
        "{legend}"
    );
    let plot = shown
        .lines()
        .skip_while(|line| !line.contains("at step"))
        .skip(1)
        .take(19);
    let marks = plot.flat_map(str::chars).filter(|sign| "AB".contains(*sign));
    assert_eq!(marks.collect::<String>(), "AB", "{shown}");
}

#[test]
fn the_list_holds_the_requested_pairs() {
    let mut desk = Harness::new();
    desk.compare();
    let compared = desk.app.compare.compared.clone().unwrap();
    assert_eq!((compared.pairs.len(), compared.alone), (150, 10));
    let flips = desk.app.compare.shown.len();
    assert_eq!(flips, compared.figures.flips.len());
    assert!(flips > 0);
    desk.keys("f");
    let gained = desk.app.compare.shown.len();
    desk.keys("f");
    assert_eq!(gained + desk.app.compare.shown.len(), flips);
    desk.keys("ff");
    assert_eq!(desk.app.compare.shown.len(), 150);
    desk.keys("/gold:fear");
    desk.press(KeyCode::Enter);
    let fear = desk.app.compare.shown.len();
    assert!(fear > 0 && fear < 30, "{fear}");
    assert_eq!(desk.app.compare.settings.len(), 1);
}

#[test]
fn both_models_ask_idle_model_once_they_are_open() {
    let mut desk = Harness::new();
    desk.compare();
    assert!(desk.text(120, 40).contains("enter lets both models look"));
    desk.press(KeyCode::Enter);
    assert!(desk.text(120, 40).contains("JS "));
    desk.keys("j");
    let image = desk.app.compare.image().unwrap().to_owned();
    let sides = desk.app.compare.sides.as_deref().unwrap();
    assert!(sides.iter().all(|side| side.looked(&image).is_some()));
}

#[test]
fn sessions_are_noted_renamed_and_removed() {
    let mut desk = Harness::new();
    desk.keys("sN#best");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.app.sessions.session().unwrap().note, "#best");
    desk.keys("/#best");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.app.sessions.shown.len(), 1);
    desk.keys("xR");
    desk.press(KeyCode::Backspace);
    desk.keys("c");
    desk.press(KeyCode::Enter);
    let names = |desk: &Harness| -> Vec<String> {
        (0..desk.app.sessions.shown.len())
            .map(|row| desk.app.sessions.row(row).unwrap().name.clone())
            .collect()
    };
    assert_eq!(names(&desk), ["b", "c"]);
    desk.keys("Dwrong");
    desk.press(KeyCode::Enter);
    assert!(desk.text(120, 40).contains("that is not its name"));
    desk.press(KeyCode::Esc);
    assert_eq!(names(&desk).len(), 2);
    let name = desk.app.sessions.session().unwrap().name.clone();
    desk.keys("D");
    desk.keys(&name);
    desk.press(KeyCode::Enter);
    assert_eq!(names(&desk).len(), 1);
}

#[test]
fn an_export_replaces_a_file_only_if_it_is_entered_twice() {
    let mut desk = Harness::new();
    desk.keys("sX");
    for _ in 0..20 {
        desk.press(KeyCode::Backspace);
    }
    desk.keys("there.htm");
    desk.keys("l");
    desk.press(KeyCode::Enter);
    assert!(desk.text(120, 40).contains("there.html exists; enter replaces it"));
    // A line that was edited is a new one.
    desk.press(KeyCode::Backspace);
    desk.keys("l");
    desk.press(KeyCode::Enter);
    assert!(desk.text(120, 40).contains("enter replaces it"));
    desk.press(KeyCode::Enter);
    assert!(!desk.text(120, 40).contains("enter replaces it"));
}

#[test]
fn a_session_without_predictions_says_so() {
    let mut desk = Harness::new();
    let root = desk.app.sessions.root.clone().unwrap();
    let folder = crate::session::SessionFolder::create(&root, "c").unwrap();
    let mut journal = crate::session::JournalWriter::open(&folder.journal()).unwrap();
    journal.append(evaluated::start()).unwrap();
    desk.app.sessions.marked = vec![root.join("a"), root.join("c")];
    desk.keys("3");
    assert!(desk.text(120, 40).contains("no predictions yet"));
}

#[test]
fn without_marks_two_evaluations_of_the_session_shown_are_compared() {
    let mut desk = Harness::new();
    let session = desk.root.path().join("a");
    let again = session.join("evaluations/20261122-120000-val");
    std::fs::create_dir(&again).unwrap();
    std::fs::copy(
        session.join("predictions/prompt-000600.jsonl"),
        again.join("predictions.jsonl"),
    )
    .unwrap();
    desk.keys("s");
    desk.press(KeyCode::Enter);
    desk.keys("3");
    let chosen = |desk: &Harness| {
        let sides = desk.app.compare.sides.as_deref().unwrap();
        let of = |side: &Side| (side.name.clone(), side.evaluation().unwrap().name.clone());
        [of(&sides[0]), of(&sides[1])]
    };
    let name = |evaluation: &str| ("a".to_owned(), evaluation.to_owned());
    assert_eq!(chosen(&desk), [name("val · prompt 600"), name("val · 20261122-120000")]);
    assert!(desk.text(120, 40).contains("only A is right 0"));
    // Another evaluation belongs to another checkpoint, so its model is opened.
    desk.keys("f");
    desk.keys("}");
    assert_eq!(chosen(&desk)[0], chosen(&desk)[1]);
    assert!(
        desk.app
            .compare
            .models()
            .into_iter()
            .flatten()
            .all(|model| !model.is_open())
    );
}

#[test]
fn one_image_is_under_the_cursor_of_both_tables() {
    let mut desk = Harness::new();
    desk.press(KeyCode::Enter);
    desk.keys("2");
    desk.keys("4");
    desk.compare();
    let browsed = |desk: &Harness| desk.app.shown.browse.row().map(|row| row.prediction.image.clone());
    let compared = |desk: &Harness| desk.app.compare.image().map(str::to_owned);
    // From flips to all images: the cursor stays on its image.
    desk.keys("jj");
    let image = compared(&desk);
    desk.keys("ffff");
    assert_eq!(compared(&desk), image);
    desk.keys("jjj");
    assert_ne!(compared(&desk), image);
    assert_eq!(browsed(&desk), compared(&desk));
    desk.keys("2");
    desk.keys("jj");
    desk.keys("3");
    assert_eq!(browsed(&desk), compared(&desk));
}
