//! Curves, accuracy and the cursor that all screens share: keys and mouse in the loop, and snapshots.

use std::path::Path;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use insta::assert_snapshot;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, style::Color};

use super::screens::{described, settled};
use crate::{
    keymap::Screen,
    made_up::{self, evaluated},
    session::{Event, JournalWriter, Metrics, SessionFolder, Stage, frozen_metrics},
    theme::{Depth, Theme},
    tui::{
        Exit, Viewer,
        app::App,
        event_loop,
        input::Input,
        rehearsal::settle,
        ui::{Layer, Pane},
    },
};

/// A finished run `a` of 600 steps per stage, beside the sessions `b` and `c` with higher losses.
struct Harness {
    app: App,
    root: tempfile::TempDir,
}

impl Harness {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        evaluated::session(root.path(), "a", 160, false);
        worse(root.path(), "b", 1.3, 600);
        worse(root.path(), "c", 0.8, 250);
        let mut viewer = Viewer::of_session(&root.path().join("a")).unwrap();
        viewer.theme = Theme::dark(Depth::True);
        viewer.sessions = Some(root.path().to_owned());
        let mut desk = Self {
            app: App::new(viewer).unwrap(),
            root,
        };
        desk.screen(120, 40);
        desk
    }

    fn settle(&mut self) {
        settle(&mut self.app);
    }

    fn press(&mut self, code: KeyCode) {
        self.app.input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        self.settle();
    }

    fn keys(&mut self, keys: &str) {
        keys.chars().for_each(|key| self.press(KeyCode::Char(key)));
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        self.app.input(mouse(kind, column, row));
        self.settle();
    }

    fn screen(&mut self, width: u16, height: u16) -> Buffer {
        self.settle();
        settled(&mut self.app, width, height)
    }

    fn text(&mut self, width: u16, height: u16) -> String {
        described(&self.screen(width, height), &Theme::dark(Depth::True))
    }

    fn zoom(&self) -> Option<(f64, f64)> {
        self.app.shown.zoom.map(|span| (span.from, span.to))
    }

    /// The stage and step of the look that is shown.
    fn look(&self) -> (Stage, u64) {
        let look = self.app.shown.cursor.sample(&self.app.shown.state).unwrap();
        (look.stage, look.step)
    }
}

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> Input {
    Input::Mouse(MouseEvent {
        kind,
        column,
        row,
        modifiers: KeyModifiers::NONE,
    })
}

const CLICK: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

/// A session with other losses, which ended at a step of stage 2.
fn worse(root: &Path, name: &str, times: f64, until: u64) {
    let folder = SessionFolder::create(root, name).unwrap();
    let mut journal = JournalWriter::open(&folder.journal()).unwrap();
    for record in made_up::records(600) {
        let mut event = record.event;
        if let Event::Step(step) = &mut event {
            step.loss *= times;
        }
        let last = matches!(&event, Event::Step(step) if step.stage == Stage::Prompt && step.step == until);
        journal.append(event).unwrap();
        if last {
            break;
        }
    }
}

/// The colour of the mark before a session's name.
fn mark(buffer: &Buffer, mark: &str, name: &str) -> Option<Color> {
    let area = buffer.area;
    let places = (0..area.height).flat_map(|y| (0..area.width).map(move |x| (x, y)));
    let text = format!("{mark} {name} ");
    let width = text.chars().count() as u16;
    let at = places.into_iter().find(|&(x, y)| {
        let cells = (x..area.width.min(x + width)).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>() == text
    })?;
    Some(buffer[at].fg)
}

#[test]
fn keys_zoom_and_move_the_curves_through_the_loop() {
    let mut viewer = Viewer::new("/nowhere".into(), "script");
    viewer.theme = Theme::dark(Depth::True);
    for record in made_up::records(600) {
        viewer.history.apply(&record);
    }
    let mut app = App::new(viewer).unwrap();
    let sender = app.inbox.inputs();
    let screen = std::thread::spawn(move || {
        let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
        let exit = event_loop::run(&mut terminal, &mut app);
        (exit, app)
    });
    // The middle is 300: 150 to 450, then 225 to 375; a quarter of that to the right, and the sample stays.
    for key in "++lMs[[q".chars() {
        sender
            .send(Input::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)))
            .unwrap();
    }
    let (exit, app) = screen.join().unwrap();
    let zoom = app.shown.zoom.unwrap();
    assert_eq!((exit, zoom.stage), (Exit::Quit, Stage::Prompt));
    assert_eq!((zoom.from, zoom.to, app.shown.cursor.sample), (263.0, 413.0, 0));
    assert_eq!(app.ui.metrics().len(), 2);
    let step = app.shown.cursor.step.unwrap();
    assert!((405..413).contains(&step), "{step}");
}

#[test]
fn a_zoom_is_left_and_stays_on_its_stage() {
    let mut desk = Harness::new();
    desk.keys("-");
    assert_eq!(desk.zoom(), None, "all is shown already");
    desk.keys("+");
    assert_eq!(desk.zoom(), Some((150.0, 450.0)));
    desk.keys("hh");
    assert_eq!(desk.zoom(), Some((0.0, 300.0)));
    assert!(desk.text(120, 40).contains("· zoomed"));
    desk.keys("t");
    let other = desk.text(120, 40);
    assert!(
        other.contains("stage aspects ─") && !other.contains("zoomed"),
        "{other}"
    );
    desk.keys("t0");
    assert_eq!(desk.zoom(), None);
    desk.keys("+");
    desk.press(KeyCode::Tab);
    desk.keys("l");
    assert_eq!((desk.zoom(), desk.app.shown.cursor.sample), (Some((150.0, 450.0)), 1));
    desk.press(KeyCode::Esc);
    assert_eq!(desk.zoom(), None);
}

#[test]
fn a_zoomed_curve_is_read_at_its_crosshair() {
    let mut desk = Harness::new();
    desk.screen(80, 24);
    desk.keys("++[[[[");
    assert_snapshot!("zoomed", desk.text(80, 24));
}

#[test]
fn several_metrics_stand_below_one_another() {
    let mut desk = Harness::new();
    desk.keys("M[");
    assert_snapshot!("metrics", desk.text(80, 24));
    let mut desk = Harness::new();
    desk.keys("MMM");
    let shown = desk.text(120, 40);
    assert!(
        shown.contains("╭ loss, accuracy, macro-F1, ECE ·") && shown.contains("↓ 2 more"),
        "{shown}"
    );
    desk.press(KeyCode::Enter);
    let large = desk.text(120, 40);
    assert!(
        large.contains("ECE   ◆ validation 0.060") && !large.contains(" more "),
        "{large}"
    );
    desk.keys("M");
    assert_eq!(desk.app.ui.metrics().len(), 1);
}

#[test]
fn the_mouse_reads_a_step_and_zooms_where_it_points() {
    let mut desk = Harness::new();
    // The plot's columns are 9 to 61: step 0 to 600.
    desk.mouse(CLICK, 35, 12);
    assert_eq!(
        (desk.app.shown.cursor.step, desk.app.ui.focus()),
        (Some(300), Pane::Loss)
    );
    assert!(desk.text(120, 40).contains("· step 300 ─"));
    desk.mouse(MouseEventKind::ScrollUp, 61, 12);
    assert_eq!(desk.zoom(), Some((180.0, 600.0)), "the right edge stays");
    desk.mouse(MouseEventKind::ScrollUp, 9, 12);
    assert_eq!(desk.zoom().unwrap().0, 180.0, "now the left one");
    for _ in 0..3 {
        desk.mouse(MouseEventKind::ScrollDown, 35, 12);
    }
    assert_eq!(desk.zoom(), None);
    desk.mouse(CLICK, 3, 12);
    assert_eq!(
        desk.app.shown.cursor.step,
        Some(300),
        "beside the plot there is no step"
    );
}

#[test]
fn a_session_is_chosen_to_lie_over_the_curves() {
    let mut desk = Harness::new();
    desk.keys("o");
    assert!(desk.text(80, 24).contains(" crashed       prompt 250/600  43.3 %│"));
    desk.keys("nothing");
    desk.press(KeyCode::Enter);
    assert!(desk.text(80, 24).contains("no session has this name"));
    desk.press(KeyCode::Esc);
    for name in ["b", "c"] {
        desk.keys("o");
        desk.keys(name);
        desk.press(KeyCode::Enter);
    }
    assert_eq!((desk.app.ui.layer, desk.app.overlays.shown().len()), (Layer::Main, 2));
    assert_snapshot!("overlaid", desk.text(80, 24));
    desk.keys("o");
    let list = desk.screen(120, 40);
    assert!(mark(&list, "━1", "b").is_some() && mark(&list, "━2", "c").is_some());
    desk.keys("b");
    desk.press(KeyCode::Enter);
    let left: Vec<&str> = desk
        .app
        .overlays
        .shown()
        .iter()
        .map(|overlaid| overlaid.name.as_str())
        .collect();
    assert_eq!(left, ["c"]);
    desk.keys("O");
    assert!(desk.app.overlays.shown().is_empty());
    assert!(mark(&desk.screen(120, 40), "━2", "c").is_none());
}

#[test]
fn an_overlaid_session_has_no_values_beyond_its_end() {
    let mut desk = Harness::new();
    desk.keys("oc");
    desk.press(KeyCode::Enter);
    let mut at = |step| {
        desk.app.shown.cursor.step = step;
        desk.text(120, 40)
    };
    let (within, beyond, newest) = (at(Some(250)), at(Some(251)), at(None));
    assert!(beyond.contains("c – (ends at 250)"), "{beyond}");
    assert!(!within.contains("ends at") && !newest.contains("ends at"), "{within}");
}

#[test]
fn a_session_has_the_same_colour_on_all_screens() {
    let mut desk = Harness::new();
    evaluated::session(desk.root.path(), "d", 150, true);
    desk.keys("od");
    desk.press(KeyCode::Enter);
    let train = mark(&desk.screen(120, 40), "━1", "d").unwrap();
    let theme = Theme::dark(Depth::True);
    assert!(theme.series().contains(&train));
    desk.app.sessions.marked = ["a", "d"].map(|name| desk.root.path().join(name)).to_vec();
    desk.keys("3");
    let compare = desk.screen(200, 55);
    assert_eq!(mark(&compare, "━ B", "d"), Some(train));
    assert_eq!(mark(&compare, "━ A", "a"), Some(theme.smooth), "the run's own colour");
    desk.app.sessions.marked.clear();
    desk.app.ui.screen = Screen::Sessions;
    let choose = |desk: &mut Harness, name: &str| {
        let sessions = &mut desk.app.sessions;
        let place = (0..sessions.shown.len()).find(|&row| sessions.row(row).unwrap().name == name);
        sessions.selected = place.unwrap();
    };
    choose(&mut desk, "b");
    desk.keys("o");
    assert_eq!(
        desk.app.overlays.shown().len(),
        2,
        "laid over from the list of sessions"
    );
    assert!(desk.text(120, 40).contains("its curves are overlaid on Train"));
    choose(&mut desk, "a");
    desk.keys("o");
    assert!(desk.text(120, 40).contains("choose another session"));
}

#[test]
fn missing_sessions_and_too_many_overlays_are_error_messages() {
    let mut desk = Harness::new();
    for n in 0..4 {
        worse(desk.root.path(), &format!("more-{n}"), 1.0, 20);
    }
    for name in ["b", "more-0", "more-1", "more-2"] {
        desk.keys("o");
        desk.keys(name);
        desk.press(KeyCode::Enter);
    }
    desk.keys("omore-3");
    desk.press(KeyCode::Enter);
    assert!(desk.text(120, 40).contains("4 sessions are overlaid already"));
    desk.press(KeyCode::Esc);
    desk.keys("O");
    std::fs::remove_dir_all(desk.root.path().join("b")).unwrap();
    desk.app.overlay(&desk.root.path().join("b")).unwrap();
    // A message that does not fit in the last row is shown on rows above it.
    let words: Vec<String> = desk.text(120, 40).split_whitespace().map(str::to_owned).collect();
    assert!(words.join(" ").contains("is not a session's folder"));
}

#[test]
fn the_frozen_models_figures_are_marked_in_the_bars() {
    let mut desk = Harness::new();
    assert!(!desk.text(120, 40).contains('┃'), "nothing is known of it");
    let folder = SessionFolder::at(&desk.root.path().join("a")).unwrap();
    let (newest, _) = desk.app.shown.state.evaluations_until(Stage::Prompt, u64::MAX);
    let mut metrics = Metrics {
        accuracy: 0.258,
        ..newest.unwrap().metrics.clone()
    };
    for (place, class) in metrics.per_class.values_mut().enumerate() {
        class.recall = [0.0, 0.1, 1.0, 0.5][place % 4];
    }
    std::fs::create_dir_all(folder.evaluations()).unwrap();
    std::fs::write(folder.frozen(), serde_json::to_vec(&metrics).unwrap()).unwrap();
    assert_eq!(frozen_metrics(folder.path()).unwrap().per_class, metrics.per_class);
    desk.app.read_evaluations();
    desk.app.ui.focus_on(Pane::Accuracy);
    desk.keys("jj");
    assert_snapshot!("frozen", desk.text(80, 24));
    metrics.samples = 400;
    std::fs::write(folder.frozen(), serde_json::to_vec(&metrics).unwrap()).unwrap();
    desk.app.read_evaluations();
    assert!(desk.text(120, 40).contains("┃ frozen, 400 images 25.8 %"));
    metrics.split = "test".to_owned();
    std::fs::write(folder.frozen(), serde_json::to_vec(&metrics).unwrap()).unwrap();
    desk.app.read_evaluations();
    assert!(desk.text(120, 40).contains("┃ frozen, test 25.8 %"));
    desk.keys("t");
    assert!(!desk.text(120, 40).contains('┃'), "the aspects have no such figure");
}

#[test]
fn an_evaluation_before_the_first_step_is_marked_too() {
    let mut desk = Harness::new();
    let history = desk.app.shown.state.stages.get_mut(&Stage::Aspects).unwrap();
    let mut first = history.evaluations[0].clone();
    first.step = 0;
    first.aspect_accuracy.iter_mut().for_each(|(_, share)| *share = 0.2);
    history.evaluations.insert(0, first);
    desk.keys("t");
    assert!(desk.text(120, 40).contains("┃ step 0 20.0 %"));
    desk.app.shown.cursor.stand_at(Stage::Aspects, 50);
    let shown = desk.text(120, 40);
    assert!(shown.contains("step 0 ─") && !shown.contains('┃'), "{shown}");
}

#[test]
fn one_step_for_curves_sample_accuracy_and_browse() {
    let mut desk = Harness::new();
    assert_eq!(desk.look(), (Stage::Prompt, 600));
    desk.keys(",");
    assert_eq!(
        (desk.look(), desk.app.shown.cursor.step),
        ((Stage::Prompt, 500), Some(500))
    );
    desk.app.shown.cursor.stand_at(Stage::Prompt, 299);
    assert_eq!(desk.look(), (Stage::Prompt, 200));
    let shown = desk.text(120, 40);
    assert!(shown.contains("val · 256 samples · step 200"), "{shown}");
    desk.keys(",,");
    assert_eq!(desk.look(), (Stage::Aspects, 600));
    assert!(desk.text(120, 40).contains("accuracy per aspect"));
    desk.keys("......");
    assert_eq!(
        (desk.look(), desk.app.shown.cursor.step),
        ((Stage::Prompt, 600), Some(600))
    );
    desk.keys(".");
    assert_eq!(desk.app.shown.cursor.step, None, "it goes with the run again");
    desk.app.shown.cursor.stand_at(Stage::Prompt, 50);
    assert!(desk.text(120, 40).contains("no evaluation up to this step"));
}

#[test]
fn browse_shows_the_evaluation_at_the_step_and_the_step_follows_it() {
    let mut desk = Harness::new();
    let early = desk.app.shown.folder.join("predictions/prompt-000300.jsonl");
    evaluated::write(&early, &desk.root.path().join("data"), 70);
    let history = desk.app.shown.state.stages.get_mut(&Stage::Prompt).unwrap();
    let third = history.evaluations.iter_mut().find(|seen| seen.step == 300).unwrap();
    third.predictions = Some("predictions/prompt-000300.jsonl".into());
    desk.app.read_evaluations();
    desk.settle();
    let rows = |desk: &Harness| desk.app.shown.browse.rows().unwrap().len();
    assert_eq!(rows(&desk), 160);
    desk.app.shown.cursor.stand_at(Stage::Prompt, 420);
    desk.keys("2");
    assert_eq!(rows(&desk), 70);
    desk.keys("1");
    desk.press(KeyCode::Esc);
    desk.keys("2");
    assert_eq!(rows(&desk), 160);
    desk.keys("[");
    assert_eq!((rows(&desk), desk.app.shown.cursor.step), (70, Some(300)));
    desk.keys("]");
    assert_eq!((rows(&desk), desk.app.shown.cursor.step), (160, None));
}

#[test]
fn one_sample_for_train_and_browse() {
    let mut desk = Harness::new();
    // The panel's second and fourth images are in the evaluation, too: rows 49 and 123.
    desk.keys("n");
    assert_eq!(desk.app.shown.browse.selected, 49);
    desk.keys("n");
    assert_eq!(desk.app.shown.browse.selected, 49, "Browse does not know the third");
    desk.keys("n");
    assert_eq!(desk.app.shown.browse.selected, 123);
    desk.keys("2");
    let image = |row: u32| {
        desk.app
            .shown
            .browse
            .rows()
            .unwrap()
            .get(row)
            .unwrap()
            .prediction
            .image
            .clone()
    };
    let before = image(48);
    desk.app.shown.browse.select(&before);
    desk.keys("j");
    assert_eq!((desk.app.shown.browse.selected, desk.app.shown.cursor.sample), (49, 1));
    desk.keys("j");
    assert_eq!(desk.app.shown.cursor.sample, 1, "the panel does not hold this one");
}

#[test]
fn one_class_for_train_and_browse() {
    let mut desk = Harness::new();
    desk.app.ui.focus_on(Pane::Accuracy);
    desk.keys("jjj");
    assert_eq!(desk.app.shown.cursor.class, 3);
    desk.keys("2");
    desk.press(KeyCode::Tab);
    desk.keys("v");
    desk.press(KeyCode::Down);
    desk.keys("v");
    let rows = desk.app.shown.browse.rows().unwrap().clone();
    let class = desk.app.shown.cursor.class;
    assert_eq!(class, rows.confusions[1].gold);
    desk.press(KeyCode::Enter);
    let filter = format!("gold={}", rows.labels[class]);
    assert_eq!(desk.app.shown.browse.filter, filter);
    desk.keys("1G");
    assert_eq!(desk.app.shown.cursor.class, 7, "the last one");
    desk.keys("t");
    desk.keys("g");
    assert_eq!(desk.app.shown.cursor.class, 7, "an aspect is no class");
}
