//! Slow reads of sessions and slow seeks in journals, in the real loop: the keys must work meanwhile.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{
    Terminal,
    backend::{Backend, ClearType, TestBackend, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};

use super::{
    screens::{described, settled},
    workbench,
};
use crate::{
    keymap::Screen,
    made_up::evaluated,
    session::read_journal,
    theme::{Depth, Theme},
    tui::{
        Exit, Viewer, app::App, event_loop, follow::follow, input::Input, opening::For, post::Post, rehearsal::settle,
        seeking::fold, ui::Layer, waits::Waits,
    },
};

/// A terminal whose content can be read while the loop paints on it.
#[derive(Clone)]
struct SharedBackend(Arc<Mutex<TestBackend>>);

impl SharedBackend {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(TestBackend::new(120, 40))))
    }

    fn text(&self) -> String {
        let backend = self.0.lock().unwrap();
        let rows = backend.buffer().content.chunks(120);
        rows.map(|row| row.iter().map(Cell::symbol).collect::<String>() + "\n")
            .collect()
    }
}

impl Backend for SharedBackend {
    type Error = Infallible;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> Result<(), Infallible> {
        self.0.lock().unwrap().draw(content)
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, _: P) -> Result<(), Infallible> {
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.0.lock().unwrap().clear()
    }

    fn clear_region(&mut self, region: ClearType) -> Result<(), Infallible> {
        self.0.lock().unwrap().clear_region(region)
    }

    fn size(&self) -> Result<Size, Infallible> {
        self.0.lock().unwrap().size()
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        self.0.lock().unwrap().window_size()
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A workbench on a folder with the sessions a and b. Reading a session waits until the test opens its gate.
struct LoopHarness {
    root: tempfile::TempDir,
    inputs: Post<Input>,
    seen: SharedBackend,
    screen: JoinHandle<(Exit, App)>,
    /// Opens a session's gate.
    gates: HashMap<&'static str, Sender<()>>,
}

/// The app, and the senders that open the gates of the sessions in `slow`.
fn app(root: &tempfile::TempDir, slow: &[&'static str]) -> (App, HashMap<&'static str, Sender<()>>) {
    for (name, other) in [("a", false), ("b", true)] {
        if !root.path().join(name).exists() {
            evaluated::session(root.path(), name, 20, other);
        }
    }
    let mut app = workbench::app(root);
    while app.sessions.session().is_some_and(|session| session.name != "a") {
        app.sessions.sort_on();
        app.sessions.step(isize::MIN / 2);
    }
    let gates = gate(&mut app, slow);
    (app, gates)
}

fn gate(app: &mut App, slow: &[&'static str]) -> HashMap<&'static str, Sender<()>> {
    let (gates, waits): (HashMap<_, _>, HashMap<_, _>) = slow
        .iter()
        .map(|&name| {
            let (open, wait) = unbounded();
            ((name, open), (name, wait))
        })
        .unzip();
    app.readers.follow = Arc::new(move |path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(wait) = waits.get(name) {
            let _: Result<(), _> = Receiver::recv(wait);
        }
        follow(path)
    });
    gates
}

impl LoopHarness {
    fn new(slow: &[&'static str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (app, gates) = app(&root, slow);
        Self::on(root, app, gates)
    }

    fn on(root: tempfile::TempDir, mut app: App, gates: HashMap<&'static str, Sender<()>>) -> Self {
        let inputs = app.inbox.inputs();
        let seen = SharedBackend::new();
        let backend = seen.clone();
        let screen = thread::spawn(move || {
            let mut terminal = Terminal::new(backend).unwrap();
            (event_loop::run(&mut terminal, &mut app), app)
        });
        Self {
            root,
            inputs,
            seen,
            screen,
            gates,
        }
    }

    fn press(&self, code: KeyCode) {
        let key = KeyEvent::new(code, KeyModifiers::NONE);
        self.inputs.send(Input::Key(key)).unwrap();
    }

    fn keys(&self, keys: &str) {
        keys.chars().for_each(|key| self.press(KeyCode::Char(key)));
    }

    #[track_caller]
    fn sees(&self, what: &str) {
        self.waits_until(what, |text| text.contains(what));
    }

    #[track_caller]
    fn waits_until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let begin = Instant::now();
        while !holds(&self.seen.text()) {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "{what}:\n{}",
                self.seen.text()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn quit(self) -> (Exit, App, tempfile::TempDir) {
        self.press(KeyCode::Char('q'));
        let (exit, app) = self.screen.join().unwrap();
        (exit, app, self.root)
    }
}

#[test]
fn while_a_session_is_read_the_keys_work_and_then_it_is_shown() {
    let mut bench = LoopHarness::new(&["a"]);
    bench.press(KeyCode::Enter);
    bench.sees("opening a …");
    bench.sees("◌ opening");
    bench.sees("esc give up");
    bench.keys("?");
    bench.sees("keys · esc closes");
    bench.press(KeyCode::Esc);
    bench.waits_until("the help is closed", |text| !text.contains("keys · esc closes"));
    bench.sees("opening a …");
    bench.gates.clear();
    bench.sees("✓ done");
    let (exit, app, root) = bench.quit();
    assert_eq!((exit, app.ui.screen), (Exit::Quit, Screen::Train));
    assert_eq!(app.shown.folder, root.path().join("a"));
    assert!(app.shown.state.next_seq > 600 && app.waits().is_none());
}

#[test]
fn esc_cancels_and_the_session_read_is_discarded() {
    let mut bench = LoopHarness::new(&["a"]);
    bench.press(KeyCode::Enter);
    bench.sees("opening a …");
    bench.press(KeyCode::Esc);
    bench.sees("a was not opened");
    bench.gates.clear();
    thread::sleep(Duration::from_millis(200));
    let (_, app, root) = bench.quit();
    assert_eq!(app.ui.screen, Screen::Sessions);
    assert!(app.shown.state.session.is_none() && app.shown.folder == root.path());
}

#[test]
fn of_two_requested_sessions_the_last_is_shown() {
    let mut bench = LoopHarness::new(&["a", "b"]);
    bench.press(KeyCode::Enter);
    bench.sees("opening a …");
    bench.press(KeyCode::Down);
    bench.press(KeyCode::Enter);
    bench.sees("opening b …");
    // The first session is read before the second, and is discarded.
    drop(bench.gates.remove("a"));
    thread::sleep(Duration::from_millis(200));
    assert!(bench.seen.text().contains("opening b …"), "{}", bench.seen.text());
    drop(bench.gates.remove("b"));
    bench.sees("✓ done");
    let (_, app, root) = bench.quit();
    assert_eq!(app.shown.folder, root.path().join("b"));
}

#[test]
fn an_unreadable_session_gives_a_message_and_the_shown_one_stays() {
    let root = tempfile::tempdir().unwrap();
    let (mut app, _) = app(&root, &[]);
    app.readers.follow = Arc::new(|_| Err("the journal is cut".to_owned()));
    let bench = LoopHarness::on(root, app, HashMap::new());
    bench.press(KeyCode::Enter);
    bench.sees("the journal is cut");
    let (_, app, _) = bench.quit();
    assert!(app.ui.screen == Screen::Sessions && app.waits().is_none());
}

#[test]
fn a_thread_that_dies_is_an_error_too() {
    let root = tempfile::tempdir().unwrap();
    let (mut app, _) = app(&root, &[]);
    app.readers.follow = Arc::new(|_| panic!("the thread dies"));
    let bench = LoopHarness::on(root, app, HashMap::new());
    bench.press(KeyCode::Enter);
    bench.sees("its thread has ended");
    bench.quit();
}

/// A session that was read is not shown while a line is being typed, because the line refers to the shown one.
#[test]
fn a_session_waits_for_the_line_that_is_being_typed() {
    let mut bench = LoopHarness::new(&["a"]);
    bench.press(KeyCode::Enter);
    bench.sees("opening a …");
    bench.keys("/fin");
    bench.sees("fin");
    bench.gates.clear();
    thread::sleep(Duration::from_millis(200));
    bench.keys("ish");
    bench.sees("finish");
    bench.press(KeyCode::Enter);
    bench.sees("✓ done");
    let (_, app, _) = bench.quit();
    assert_eq!((app.sessions.filter.as_str(), app.ui.screen), ("finish", Screen::Train));
}

#[test]
fn opening_a_session_does_not_leave_the_screen_chosen_meanwhile() {
    let mut bench = LoopHarness::new(&["a"]);
    bench.press(KeyCode::Enter);
    bench.sees("opening a …");
    bench.keys("2");
    bench.sees("╭ predictions");
    bench.gates.clear();
    bench.sees("✓ done");
    let (_, mut app, _root) = bench.quit();
    // The rows may still be loading.
    settle(&mut app);
    assert_eq!(app.ui.screen, Screen::Browse);
    assert_eq!(app.shown.browse.rows().map(|rows| rows.len()), Some(20));
}

/// As `masp attach` starts the screens.
#[test]
fn the_session_on_the_command_line_is_opened_in_the_background() {
    let attached = |slow: &[&'static str]| {
        let root = tempfile::tempdir().unwrap();
        let (mut app, gates) = app(&root, slow);
        let path = root.path().join("a");
        (app.ui.screen, app.shown.title, app.shown.folder) = (Screen::Train, "a".to_owned(), path.clone());
        app.ui.notice = Some("half blocks: the terminal says so".to_owned());
        app.open(&path, For::TheStart);
        LoopHarness::on(root, app, gates)
    };
    let mut bench = attached(&["a"]);
    bench.sees("◌ opening");
    bench.gates.clear();
    bench.sees("✓ done");
    bench.sees("half blocks: the terminal says so");
    assert_eq!(bench.quit().1.ui.screen, Screen::Train);

    let bench = attached(&["a"]);
    bench.sees("◌ opening");
    bench.press(KeyCode::Esc);
    bench.sees("╭ sessions");
    bench.press(KeyCode::Char('q'));
    assert_eq!(bench.screen.join().unwrap().1.ui.screen, Screen::Sessions);

    let root = tempfile::tempdir().unwrap();
    let folder = evaluated::session(root.path(), "a", 20, false);
    std::fs::write(folder.journal(), "no record\n").unwrap();
    let bench = LoopHarness::on(root, App::new(Viewer::opening(&folder)).unwrap(), HashMap::new());
    let (exit, app) = bench.screen.join().unwrap();
    let reason = app.cannot_start.unwrap_or_default();
    assert!(exit == Exit::NotOpened && reason.contains("journal"), "{reason}");
}

#[test]
fn the_waiting_badge_is_visible_at_any_size() {
    let root = tempfile::tempdir().unwrap();
    let (mut app, _gates) = app(&root, &["a"]);
    app.input(Input::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
    for (width, height, words) in [
        (20, 5, ["◌ opening", "esc give up"]),
        (80, 24, ["opening a …", "esc give up"]),
        (200, 55, ["opening a …", "esc give up"]),
    ] {
        let shown = described(&settled(&mut app, width, height), &Theme::dark(Depth::True));
        assert!(words.iter().all(|word| shown.contains(word)), "{shown}");
    }
}

#[test]
fn a_session_resumed_by_another_process_is_read_in_the_background() {
    let root = tempfile::tempdir().unwrap();
    let (mut app, _) = app(&root, &[]);
    app.open(&root.path().join("a"), For::Person(Screen::Sessions));
    settle(&mut app);
    let gates = gate(&mut app, &["a"]);
    app.rejoin();
    let mut bench = LoopHarness::on(root, app, gates);
    bench.sees("◌ reading");
    bench.keys("?");
    bench.sees("keys · esc closes");
    bench.press(KeyCode::Esc);
    bench.gates.clear();
    bench.sees("another process has resumed this session");
    let (_, app, _) = bench.quit();
    assert!(app.waits().is_none() && app.shown.state.next_seq > 600);
}

#[test]
fn a_session_renamed_while_shown_or_opened_keeps_its_new_name() {
    let root = tempfile::tempdir().unwrap();
    let (mut app, gates) = app(&root, &["a"]);
    let press = |app: &mut App, code| {
        app.input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    };
    press(&mut app, KeyCode::Enter);
    for key in [KeyCode::Char('R'), KeyCode::Char('2'), KeyCode::Enter] {
        press(&mut app, key);
    }
    assert_eq!(app.waits(), Some(Waits::Opening("a2".to_owned())));
    settle(&mut app);
    assert_eq!(
        (app.shown.folder.clone(), app.shown.title.as_str()),
        (root.path().join("a2"), "a2")
    );
    drop(gates);
    press(&mut app, KeyCode::Char('4'));
    settle(&mut app);
    while app.sessions.session().is_some_and(|session| session.name != "a2") {
        press(&mut app, KeyCode::Down);
    }
    for key in [KeyCode::Char('R'), KeyCode::Char('3'), KeyCode::Enter] {
        press(&mut app, key);
    }
    settle(&mut app);
    assert_eq!(
        (app.shown.folder.clone(), app.shown.title.as_str()),
        (root.path().join("a23"), "a23")
    );
    assert_eq!((app.ui.layer, app.ui.screen), (Layer::Main, Screen::Sessions));
    assert!(app.shown.state.next_seq > 600 && app.ui.notice.is_none());
}

#[test]
fn a_run_that_took_no_commands_is_asked_again_when_it_is_opened_again() {
    let root = tempfile::tempdir().unwrap();
    let (mut app, _) = app(&root, &[]);
    let (tell, told) = unbounded();
    app.readers.follow = Arc::new(move |path| {
        let mut followed = follow(path)?;
        followed.link.read_only = told.try_recv().ok();
        followed.link.commands = followed.link.read_only.is_none().then(|| unbounded().0);
        Ok(followed)
    });
    let enter = |app: &mut App| {
        app.input(Input::Key(KeyEvent::new(KeyCode::Char('4'), KeyModifiers::NONE)));
        settle(app);
        app.input(Input::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
        settle(app);
        (
            app.ui.notice.clone().unwrap_or_default(),
            app.shown.link.commands.is_some(),
        )
    };
    for _ in 0..2 {
        tell.send("read-only: it does not answer".to_owned()).unwrap();
        assert_eq!(enter(&mut app), ("read-only: it does not answer".to_owned(), false));
    }
    assert_eq!(
        enter(&mut app),
        ("the run takes commands from here now".to_owned(), true)
    );
    assert_eq!((enter(&mut app).0.as_str(), app.ui.screen), ("", Screen::Train));
}

/// A replay whose seeks wait at a gate, and the sender that opens it once.
fn replay() -> (LoopHarness, Sender<()>, u64) {
    let root = tempfile::tempdir().unwrap();
    let folder = evaluated::session(root.path(), "run", 20, false);
    let mut records = read_journal(&folder.journal()).unwrap();
    // An hour between records, so that none arrives by itself.
    (0..)
        .zip(&mut records)
        .for_each(|(n, record)| record.time = 3600.0 * f64::from(n));
    let all = records.len() as u64;
    let mut app = App::new(Viewer::replay(&folder, records)).unwrap();
    let (open, gate) = unbounded();
    app.readers.fold = Arc::new(move |records, given_up| {
        let _: Result<(), _> = gate.recv();
        fold(records, given_up)
    });
    (LoopHarness::on(root, app, HashMap::new()), open, all)
}

#[test]
fn while_seeking_the_keys_work_and_the_last_position_counts() {
    let (bench, gate, all) = replay();
    bench.keys(">>>>>>>>");
    bench.sees("◌ seeking");
    bench.sees("40 %");
    bench.keys("?");
    bench.sees("keys · esc closes");
    bench.press(KeyCode::Esc);
    bench.sees("seeking …");
    bench.keys(">>");
    bench.sees("50 %");
    drop(gate);
    bench.waits_until("the state is there", |text| !text.contains("seeking"));
    let (_, app, _) = bench.quit();
    let half = app.shown.state.next_seq;
    assert!(half.abs_diff(all / 2) < all / 10, "{half} of {all}");
}

#[test]
fn esc_cancels_seeking_and_keeps_the_position() {
    let (bench, gate, _) = replay();
    bench.keys(">>>>");
    bench.sees("20 %");
    bench.press(KeyCode::Esc);
    bench.waits_until("it is back", |text| {
        text.contains("10x   0 %") && !text.contains("seeking")
    });
    drop(gate);
    thread::sleep(Duration::from_millis(100));
    let (_, app, _) = bench.quit();
    assert!(app.shown.state.next_seq <= 1 && app.waits().is_none());
}
