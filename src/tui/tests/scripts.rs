//! Keys through the real loop: the commands that they send, and how the screen is left.

use std::{
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{Terminal, backend::TestBackend};

use crate::{
    made_up,
    session::{Command, CommandRecord, Ended, Event, Record, Stage, StopAfter},
    theme::{Depth, Theme},
    tui::{Exit, Viewer, app::App, event_loop, input::Input, post::Post, rehearsal::settle},
};

/// A workbench on a thread of its own, with the ends of its channels.
struct LoopHarness {
    inputs: Option<Post<Input>>,
    records: Option<Sender<Record>>,
    commands: Receiver<Command>,
    seq: u64,
    screen: JoinHandle<(Exit, App, Terminal<TestBackend>)>,
}

impl LoopHarness {
    fn start(owns_run: bool) -> Self {
        let ((to_records, records), (to_engine, commands)) = (unbounded(), unbounded());
        let mut viewer = Viewer::new("/nowhere".into(), "script");
        viewer.link.records = Some(records);
        (viewer.link.commands, viewer.owns_run, viewer.theme) = (Some(to_engine), owns_run, Theme::dark(Depth::True));
        for record in made_up::records(60).into_iter().take(120) {
            viewer.history.apply(&record);
        }
        let seq = viewer.history.next_seq;
        let mut app = App::new(viewer).unwrap();
        let inputs = app.inbox.inputs();
        let screen = thread::spawn(move || {
            let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
            let exit = event_loop::run(&mut terminal, &mut app);
            (exit, app, terminal)
        });
        Self {
            inputs: Some(inputs),
            records: Some(to_records),
            commands,
            seq,
            screen,
        }
    }

    fn press(&self, code: KeyCode) {
        self.input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    fn keys(&self, keys: &str) {
        keys.chars().for_each(|key| self.press(KeyCode::Char(key)));
    }

    fn input(&self, input: Input) {
        self.inputs.as_ref().unwrap().send(input).unwrap();
    }

    fn send_event(&mut self, event: Event) {
        self.records
            .as_ref()
            .unwrap()
            .send(Record::new(self.seq, 1.7e9, event))
            .unwrap();
        self.seq += 1;
    }

    fn next_command(&self) -> Command {
        self.commands.recv_timeout(Duration::from_secs(10)).unwrap()
    }

    /// Waits for the loop's end.
    fn exit(self) -> (Exit, App, Terminal<TestBackend>) {
        self.screen.join().unwrap()
    }
}

#[test]
fn keys_send_commands_to_the_run() {
    let mut bench = LoopHarness::start(true);
    bench.keys("ec ");
    assert_eq!(
        [bench.next_command(), bench.next_command(), bench.next_command()],
        [Command::Evaluate, Command::Checkpoint, Command::Pause]
    );
    bench.send_event(Event::Command(CommandRecord {
        command: Command::Pause,
        stage: Some(Stage::Aspects),
        step: 60,
    }));
    // The loop must have handled the pause before the key that ends it.
    thread::sleep(Duration::from_millis(300));
    bench.keys("p");
    assert_eq!(bench.next_command(), Command::Resume);
    // A rate that is not a number is refused; typing replaces the rate that is shown at first.
    for rate in ["fast", "0.002"] {
        bench.keys("R");
        bench.keys(rate);
        bench.press(KeyCode::Enter);
        bench.press(KeyCode::Esc);
    }
    bench.keys("ES");
    let stop = |after| Command::Stop { after };
    assert_eq!(
        [bench.next_command(), bench.next_command(), bench.next_command()],
        [
            Command::SetLearningRate { lr: 0.002 },
            stop(StopAfter::Epoch),
            stop(StopAfter::Step)
        ]
    );
    bench.input(Input::Gone);
    assert_eq!(bench.exit().0, Exit::TerminalGone);
}

#[test]
fn leaving_the_processes_own_run_asks_first() {
    let bench = LoopHarness::start(true);
    bench.keys("q");
    bench.press(KeyCode::Esc);
    bench.keys("qg");
    let (exit, app, _) = bench.exit();
    assert_eq!((exit, app.ui.stopping), (Exit::Detach, false));

    let bench = LoopHarness::start(true);
    bench.keys("q");
    [KeyCode::Down, KeyCode::Down, KeyCode::Enter]
        .into_iter()
        .for_each(|code| bench.press(code));
    bench.input(Input::Gone);
    assert_eq!(bench.exit().0, Exit::TerminalGone, "the third choice stays");
}

#[test]
fn the_screen_closes_after_a_stop_when_the_run_has_ended() {
    let mut bench = LoopHarness::start(true);
    bench.keys("qs");
    assert_eq!(bench.next_command(), Command::Stop { after: StopAfter::Step });
    thread::sleep(Duration::from_millis(200));
    assert!(
        !bench.screen.is_finished(),
        "the screen stays until the checkpoint is written"
    );
    bench.send_event(Event::Ended(Ended {
        reason: "stopped".into(),
    }));
    assert_eq!(bench.exit().0, Exit::Stopped);

    let bench = LoopHarness::start(true);
    bench.keys("qsq");
    assert_eq!(bench.exit().0, Exit::StopRequested, "a second q does not wait");
}

#[test]
fn leaving_another_processes_run_does_not_ask() {
    let bench = LoopHarness::start(false);
    bench.keys("q");
    assert_eq!(bench.exit().0, Exit::Quit);

    let mut bench = LoopHarness::start(true);
    bench.send_event(Event::Ended(Ended { reason: "done".into() }));
    drop(bench.records.take());
    thread::sleep(Duration::from_millis(200));
    bench.keys("q");
    assert_eq!(bench.exit().0, Exit::Quit, "a run that has ended is not asked about");
}

#[test]
fn a_termination_request_stops_the_run() {
    let bench = LoopHarness::start(true);
    bench.input(Input::Terminated);
    assert_eq!(bench.next_command(), Command::Stop { after: StopAfter::Step });
    assert_eq!(bench.exit().0, Exit::StopRequested);
}

#[test]
fn keys_move_the_cursor_and_the_focus() {
    let bench = LoopHarness::start(false);
    bench.keys("nnNs?");
    bench.press(KeyCode::Esc);
    let keys = [KeyCode::Tab, KeyCode::Tab, KeyCode::BackTab, KeyCode::Enter];
    keys.into_iter().for_each(|code| bench.press(code));
    bench.keys("q");
    let (_, app, _) = bench.exit();
    assert_eq!(
        (app.shown.cursor.sample, app.ui.focus().title(), app.ui.enlarged),
        (1, "accuracy", true)
    );
    assert_eq!(app.ui.smoothing.weight(), 0.98);
}

#[test]
fn a_lost_input_thread_counts_as_a_lost_terminal() {
    let mut bench = LoopHarness::start(true);
    drop(bench.inputs.take());
    assert_eq!(bench.exit().0, Exit::TerminalGone);
}

#[test]
fn an_idle_screen_draws_nothing_and_waits_without_work() {
    let mut bench = LoopHarness::start(false);
    drop(bench.records.take());
    thread::sleep(Duration::from_millis(700));
    let asked = Instant::now();
    bench.keys("q");
    let (_, _, mut terminal) = bench.exit();
    assert!(asked.elapsed() < Duration::from_millis(300));
    // Frames: the first, and one for each batch of pictures. There must not be one every 100 ms, or thousands because
    // of the closed channel.
    let frames = terminal.get_frame().count();
    assert!(frames < 12, "{frames} frames");
}

#[test]
fn a_replay_plays_pauses_and_seeks() {
    let root = tempfile::tempdir().unwrap();
    let folder = made_up::evaluated::session(root.path(), "run", 20, false);
    let mut records = crate::session::read_journal(&folder.journal()).unwrap();
    // One record per second, as from a real run.
    (0..)
        .zip(&mut records)
        .for_each(|(n, record)| record.time = f64::from(n));
    let all = records.len() as u64;
    let mut app = App::new(Viewer::replay(&folder, records)).unwrap();
    let begin = Instant::now();
    let key = |app: &mut App, code| app.input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    app.play(begin + Duration::from_secs(1));
    let after_a_second = app.shown.state.next_seq;
    assert!((5..60).contains(&after_a_second), "{after_a_second}");
    key(&mut app, KeyCode::Char(' '));
    assert!(!app.play(begin + Duration::from_secs(60)), "stopped");
    for _ in 0..10 {
        key(&mut app, KeyCode::Char('>'));
    }
    settle(&mut app);
    let half = app.shown.state.next_seq;
    assert!(half.abs_diff(all / 2) < all / 10, "{half} of {all}");
    key(&mut app, KeyCode::Char('<'));
    settle(&mut app);
    assert!(app.shown.state.next_seq < half);
    for _ in 0..20 {
        key(&mut app, KeyCode::Char('>'));
    }
    settle(&mut app);
    assert_eq!(app.shown.state.next_seq, all);
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
    terminal.draw(|frame| app.draw(frame)).unwrap();
    assert!(format!("{:?}", terminal.backend().buffer()).contains("10x 100 %"));
    assert_eq!(key(&mut app, KeyCode::Char('q')), Some(Exit::Quit));
}
