//! The Browse screen on a made-up evaluation: snapshots, and what keys do.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;

use super::{
    host::MadeUpHost,
    screens::{described, settled},
};
use crate::{
    data::View,
    keymap::Screen,
    made_up::{self, evaluated},
    session::{Event, Record, SavedCheckpoint, Stage},
    theme::{Depth, Theme},
    tui::{
        Viewer,
        app::App,
        browse::{Loaded, Summary},
        input::Input,
        rehearsal::settle,
        ui::{Layer, Pane},
    },
};

/// A finished run whose last evaluation has `rows` rows.
pub struct Harness {
    pub app: App,
    _folder: tempfile::TempDir,
}

impl Harness {
    pub fn new(rows: usize, theme: Theme) -> Self {
        let folder = tempfile::tempdir().unwrap();
        made_up::write_samples(folder.path()).unwrap();
        let data = folder.path().join("data");
        evaluated::write(&folder.path().join("predictions/prompt-000600.jsonl"), &data, rows);
        let mut viewer = Viewer::new(folder.path().to_owned(), "made-up");
        viewer.theme = theme;
        viewer.host = Some(Box::new(MadeUpHost::default()));
        for mut record in made_up::records(600) {
            match &mut record.event {
                Event::Session(session) => session.data = data.display().to_string(),
                Event::Evaluation(seen) if seen.step == 600 && seen.aspect_accuracy.is_empty() => {
                    seen.predictions = Some(PathBuf::from("predictions/prompt-000600.jsonl"));
                }
                _ => {}
            }
            viewer.history.apply(&record);
        }
        let mut desk = Self {
            app: App::new(viewer).unwrap(),
            _folder: folder,
        };
        desk.keys("2");
        desk.settle();
        desk
    }

    pub fn press(&mut self, code: KeyCode) {
        self.app.input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    pub fn keys(&mut self, keys: &str) {
        keys.chars().for_each(|key| self.press(KeyCode::Char(key)));
    }

    /// Waits for the rows and for the model's pending answers.
    pub fn settle(&mut self) {
        settle(&mut self.app);
        while self.app.shown.browse.intervention.waiting.is_some() {
            assert!(self.app.handle_arrived(None).is_continue());
        }
    }

    /// The run reports a new evaluation of `rows` rows.
    fn evaluate(&mut self, step: u64, rows: usize) {
        let path = PathBuf::from(format!("predictions/prompt-{step:06}.jsonl"));
        evaluated::write(
            &self.app.shown.folder.join(&path),
            &self.app.shown.folder.join("data"),
            rows,
        );
        let mut newest = made_up::records(600)
            .into_iter()
            .rev()
            .find_map(|record| match record.event {
                Event::Evaluation(seen) => Some(seen),
                _ => None,
            })
            .unwrap();
        (newest.step, newest.predictions) = (step, Some(path));
        self.send_event(Event::Evaluation(newest));
    }

    fn send_event(&mut self, event: Event) {
        let record = Record::new(self.app.shown.state.next_seq, 1.7e9, event);
        self.app.record(&record);
    }

    pub fn screen(&mut self, width: u16, height: u16) -> Buffer {
        self.settle();
        settled(&mut self.app, width, height)
    }

    pub fn text(&mut self, width: u16, height: u16) -> String {
        let buffer = self.screen(width, height);
        described(&buffer, &Theme::dark(Depth::True))
    }

    fn image(&self) -> String {
        self.app.shown.browse.row().unwrap().prediction.image.clone()
    }
}

pub fn dark() -> Theme {
    Theme::dark(Depth::True)
}

#[test]
fn browse_at_four_sizes() {
    for (width, height) in [(20, 5), (80, 24), (120, 40), (200, 55)] {
        let mut desk = Harness::new(400, dark());
        desk.press(KeyCode::Enter);
        insta::assert_snapshot!(format!("browse_{width}x{height}"), desk.text(width, height));
    }
}

#[test]
fn a_long_message_is_wrapped_in_full_at_every_width() {
    let message = "the picture image/fear/fear_00012.png is gone from the dataset's folder; put it back, or choose another \
                   one with the arrows";
    for (width, height) in [(60, 12), (80, 24), (120, 40), (200, 55)] {
        let mut desk = Harness::new(40, dark());
        desk.app.ui.notice = Some(message.to_owned());
        let text = desk.text(width, height);
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(words.join(" ").contains(message), "{width}x{height}\n{text}");
        assert!(text.contains("help"), "the keys stay");
    }
    // So is the reason why a line was refused; on a tiny screen only its beginning.
    let mut desk = Harness::new(40, dark());
    desk.keys("/");
    desk.app.ui.refused = Some(message.to_owned());
    let words = desk.text(80, 24).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(message));
    assert!(desk.text(20, 5).contains("the picture"));
}

#[test]
fn an_answer_is_brought_into_view_when_only_one_pane_fits() {
    let mut desk = Harness::new(40, dark());
    desk.screen(80, 24);
    assert_eq!(desk.app.ui.focus(), Pane::Table);
    desk.press(KeyCode::Enter);
    assert_eq!(desk.app.ui.focus(), Pane::Image);
    desk.screen(80, 24);
    desk.keys("e");
    assert_eq!(desk.app.ui.focus(), Pane::Answers);

    // If the pane is on the screen already, the focus stays on the table.
    let mut desk = Harness::new(40, dark());
    desk.screen(200, 55);
    desk.press(KeyCode::Enter);
    desk.keys("e");
    assert_eq!(desk.app.ui.focus(), Pane::Table);
}

#[test]
fn each_figure_and_pane() {
    let mut desk = Harness::new(400, dark());
    desk.press(KeyCode::Enter);
    desk.settle();
    desk.keys("Fd");
    for (name, pane, keys) in [
        ("browse_confusion", Pane::Summary, ""),
        ("browse_confusions", Pane::Summary, "v"),
        ("browse_classes", Pane::Summary, "v"),
        ("browse_reliability", Pane::Summary, "v"),
        ("browse_ranking", Pane::Summary, "v"),
        ("browse_answers", Pane::Answers, ""),
    ] {
        desk.app.ui.focus_on(pane);
        desk.keys(keys);
        insta::assert_snapshot!(name, desk.text(80, 24));
    }
}

/// Muting an aspect asks for the unchanged image, too, if that was not asked about before.
#[test]
fn an_aspect_is_muted_on_an_image_that_was_not_asked_about() {
    let mut desk = Harness::new(40, dark());
    let before = desk.text(120, 40);
    assert!(before.contains("lets the model look"), "{before}");
    desk.keys("F");
    desk.settle();
    let image = desk.app.shown.browse.row().unwrap().prediction.image.clone();
    let answers = desk.app.shown.browse.answers(&image).unwrap();
    assert!(answers.plain.is_some() && answers.tried.is_some());
    assert!(desk.text(120, 40).contains("without face"));
}

#[test]
fn a_filter_is_typed_refused_and_cleared() {
    let mut desk = Harness::new(300, dark());
    desk.keys("/conf<x");
    desk.press(KeyCode::Enter);
    assert!(desk.text(120, 40).contains("`x` is not a number"));
    desk.press(KeyCode::Backspace);
    desk.keys("0.5 wrong");
    desk.press(KeyCode::Enter);
    let shown = desk.app.shown.browse.shown.len();
    assert!((1..300).contains(&shown), "{shown}");
    let row = desk.app.shown.browse.row().unwrap();
    assert!(!row.is_right() && row.confidence() < 0.5);
    assert!(desk.text(120, 40).contains("conf<0.5 wrong"));
    desk.keys("/");
    desk.press(KeyCode::Esc);
    assert_eq!(
        desk.app.shown.browse.shown.len(),
        shown,
        "esc leaves the filter as it was"
    );
    desk.press(KeyCode::Esc);
    assert_eq!(desk.app.shown.browse.shown.len(), 300, "a second one clears it");
}

#[test]
fn a_cell_of_the_confusion_matrix_becomes_the_filter() {
    let mut desk = Harness::new(300, dark());
    desk.press(KeyCode::Tab);
    desk.keys("jjl");
    desk.press(KeyCode::Enter);
    let rows = desk.app.shown.browse.rows().unwrap();
    let count = rows.confusion[2][1] as usize;
    assert_eq!(desk.app.shown.browse.filter, "gold=contentment pred=awe");
    assert_eq!(desk.app.shown.browse.shown.len(), count);
}

#[test]
fn sorting_and_moving_keep_the_cursor_on_a_row() {
    let mut desk = Harness::new(300, dark());
    desk.keys("s");
    let rows: Vec<f64> = {
        let browse = &desk.app.shown.browse;
        let rows = browse.rows().unwrap();
        browse
            .shown
            .iter()
            .map(|&row| rows.get(row).unwrap().confidence())
            .collect()
    };
    assert!(rows.windows(2).all(|two| two[0] >= two[1]));
    desk.keys("Gjj");
    assert_eq!(desk.app.shown.browse.selected, 299);
    desk.keys("gk");
    assert_eq!(desk.app.shown.browse.selected, 0);
}

#[test]
fn the_model_looks_and_what_is_muted_changes_the_answer() {
    let mut desk = Harness::new(100, dark());
    assert!(desk.text(120, 40).contains("enter lets the model look"));
    desk.press(KeyCode::Enter);
    desk.settle();
    let image = desk.image();
    assert!(desk.app.shown.browse.answers(&image).unwrap().plain.is_some());
    // From now on the model is asked about each image that the cursor reaches.
    desk.keys("j");
    desk.settle();
    let next = desk.image();
    assert_ne!(image, next);
    assert!(desk.app.shown.browse.answers(&next).unwrap().plain.is_some());

    desk.keys("C");
    let shown = desk.text(120, 40);
    assert!(shown.contains("without scene") && shown.contains("▼ 10.0"), "{shown}");
    desk.keys("o");
    assert_eq!(desk.app.shown.browse.intervention.muted.len(), 5);
    assert!(!desk.app.shown.browse.intervention.muted.contains(&View::Scene));
    desk.keys("u");
    assert!(!desk.text(120, 40).contains("without"));
}

#[test]
fn patches_are_blanked_and_a_question_is_asked() {
    let mut desk = Harness::new(100, dark());
    desk.keys("b");
    assert_eq!(desk.app.ui.layer, Layer::Main, "the grid is not known yet");
    desk.press(KeyCode::Enter);
    desk.settle();
    desk.keys("b ll ");
    assert_eq!(
        (desk.app.ui.layer, desk.app.shown.browse.intervention.blanked.len()),
        (Layer::Region, 2)
    );
    desk.press(KeyCode::Enter);
    let shown = desk.text(120, 40);
    assert!(
        shown.contains("without 2 patches") && shown.contains("▼ 20.0"),
        "{shown}"
    );
    desk.press(KeyCode::Esc);
    desk.keys("awho is it?");
    desk.press(KeyCode::Enter);
    assert!(desk.text(120, 40).contains("you asked: who is it?"));
    desk.keys("ais it <|image_pad|>?");
    desk.press(KeyCode::Enter);
    let refused = desk.app.ui.refused.clone().unwrap_or_default();
    assert!(refused.contains("`<|image_pad|>`, a control token"), "{refused}");
    assert_eq!(desk.app.ui.line.value(), "is it <|image_pad|>?", "it can be mended");
    desk.press(KeyCode::Esc);
    desk.keys("d");
    assert!(desk.text(120, 40).contains("deletion"));
}

#[test]
fn a_new_evaluation_of_the_run_is_shown() {
    let mut desk = Harness::new(50, dark());
    desk.keys("jjj");
    let image = desk.image();
    desk.evaluate(700, 80);
    desk.settle();
    assert_eq!(desk.app.shown.browse.rows().unwrap().len(), 80);
    assert_eq!(desk.image(), image, "the cursor stays on its image");
    desk.keys("[");
    desk.settle();
    assert_eq!(desk.app.shown.browse.rows().unwrap().len(), 50);
}

#[test]
fn the_checkpoint_of_the_evaluation_shown_is_asked_where_it_is_kept() {
    let mut desk = Harness::new(50, dark());
    desk.evaluate(700, 80);
    desk.evaluate(800, 80);
    std::fs::create_dir(desk.app.shown.folder.join("checkpoints")).unwrap();
    for step in [700, 800] {
        let file = PathBuf::from(format!("checkpoints/prompt-{step:06}.safetensors"));
        if step == 700 {
            std::fs::write(desk.app.shown.folder.join(&file), "").unwrap();
        }
        desk.send_event(Event::Checkpoint(SavedCheckpoint {
            stage: Stage::Prompt,
            step,
            file,
            best: false,
        }));
    }
    desk.settle();
    let asked = |desk: &mut Harness| {
        desk.press(KeyCode::Enter);
        desk.settle();
        let image = desk.image();
        desk.app
            .shown
            .browse
            .answers(&image)
            .unwrap()
            .plain
            .as_ref()
            .unwrap()
            .step
    };
    assert_eq!(
        asked(&mut desk),
        600,
        "what is not kept is asked of the newest, which the host chooses"
    );
    desk.keys("[");
    desk.settle();
    assert!(
        desk.app.shown.browse.answers(&desk.image()).is_none(),
        "that was another model's"
    );
    assert_eq!(asked(&mut desk), 700);
    assert!(desk.text(120, 40).contains("answers · prompt 700"));
}

#[test]
fn enter_on_the_image_shows_one_map_on_the_whole_screen() {
    let mut desk = Harness::new(50, dark());
    desk.app.ui.focus_on(Pane::Image);
    desk.press(KeyCode::Enter);
    desk.settle();
    assert!(!desk.app.ui.enlarged, "the model looks first");
    desk.press(KeyCode::Enter);
    assert_eq!(
        (desk.app.ui.enlarged, desk.app.ui.alone),
        (true, Some(View::FacialExpression))
    );
    insta::assert_snapshot!("full_screen", desk.text(80, 24));
    desk.press(KeyCode::Enter);
    assert_eq!((desk.app.ui.enlarged, desk.app.ui.alone), (false, None));
}

#[test]
fn one_aspect_alone_and_one_query_alone() {
    let mut desk = Harness::new(50, dark());
    desk.press(KeyCode::Enter);
    desk.settle();
    desk.app.ui.focus_on(Pane::Image);
    desk.keys("z;;yyw");
    assert_eq!(
        (desk.app.ui.alone, desk.app.ui.heat.query),
        (Some(View::Object), Some(1))
    );
    let shown = desk.text(120, 40);
    assert!(shown.contains(" object q2 7% ") && !shown.contains("scene "), "{shown}");
    desk.keys(";;;;;");
    assert_eq!(desk.app.ui.alone, None);
}

#[test]
fn the_palette_finds_and_runs_a_command() {
    let mut desk = Harness::new(50, dark());
    desk.keys(":relia");
    assert!(desk.text(120, 40).contains("commands"));
    desk.press(KeyCode::Enter);
    assert_eq!(
        (desk.app.ui.layer, desk.app.shown.browse.summary),
        (Layer::Main, Summary::Confusions)
    );
    desk.keys(":zzzz");
    desk.press(KeyCode::Enter);
    assert!(desk.text(80, 24).contains("no command matches"));
    desk.press(KeyCode::Esc);
    desk.keys(":");
    desk.press(KeyCode::Down);
    assert_eq!(desk.app.ui.choice, 1);
    assert!(desk.text(80, 24).contains(" tui.keys.filter "));
}

#[test]
fn unreadable_predictions_are_an_error_message() {
    let mut desk = Harness::new(10, dark());
    let path = desk.app.shown.folder.join("predictions/prompt-000600.jsonl");
    std::fs::write(&path, "{").unwrap();
    let kept = desk.app.shown.browse.evaluation().unwrap().path.clone();
    desk.app.reader.read(kept);
    desk.settle();
    assert!(matches!(desk.app.shown.browse.state(), Some(Loaded::Failed(_))));
    assert!(desk.text(120, 40).contains("line 1"));
    assert_eq!(desk.app.ui.screen, Screen::Browse);
}

#[test]
fn a_confusion_of_the_list_becomes_the_filter() {
    let mut desk = Harness::new(400, dark());
    desk.app.ui.focus_on(Pane::Summary);
    desk.keys("vj");
    let rows = desk.app.shown.browse.rows().unwrap().clone();
    let second = rows.confusions[1];
    assert!(rows.confusions[0].images >= second.images);
    assert_eq!(
        (desk.app.shown.cursor.class, desk.app.shown.browse.predicted),
        (second.gold, second.predicted)
    );
    desk.press(KeyCode::Enter);
    assert_eq!(desk.app.shown.browse.shown.len(), second.images as usize);
    // The classes stand in the order of their recalls, and the keys follow it.
    desk.keys("xv");
    desk.press(KeyCode::Home);
    assert_eq!(desk.app.shown.cursor.class, rows.by_recall[0]);
    desk.keys("j");
    assert_eq!(desk.app.shown.cursor.class, rows.by_recall[1]);
}
