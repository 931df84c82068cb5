//! The real binary in a pseudo-terminal: it opens, trains the embedded model, answers keys and leaves.

use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtyPair, PtySize, native_pty_system};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{masp, stdout};

/// The binary on a terminal of 120 columns and 40 rows.
pub struct Screen {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    seen: Arc<Mutex<vt100::Parser>>,
    reader: JoinHandle<()>,
    closing: Arc<AtomicBool>,
    /// Whether the terminal was sent an escape sequence.
    escapes: Arc<AtomicBool>,
    /// Kept open, because closing the pair hangs up the terminal.
    pair: PtyPair,
}

impl Screen {
    pub fn open(folder: &Path, arguments: &[&str]) -> Self {
        Self::open_on("xterm-256color", folder, arguments)
    }

    /// On a terminal of another type.
    fn open_on(terminal: &str, folder: &Path, arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_masp"));
        command.args(arguments);
        Self::start(command, terminal, folder)
    }

    fn start(mut command: CommandBuilder, terminal: &str, folder: &Path) -> Self {
        let size = PtySize {
            rows: 40,
            cols: 120,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        command.cwd(folder);
        command.env("TERM", terminal);
        command.env_remove("TMUX");
        command.env_remove("COLORTERM");
        // This terminal does not answer queries.
        command.env("COLORFGBG", "15;0");
        command.env("XDG_CACHE_HOME", folder.join("cache"));
        command.env("XDG_RUNTIME_DIR", folder);
        let child = pair.slave.spawn_command(command).unwrap();
        let seen = Arc::new(Mutex::new(vt100::Parser::new(size.rows, size.cols, 0)));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (parser, closing) = (Arc::clone(&seen), Arc::new(AtomicBool::new(false)));
        let escapes = Arc::new(AtomicBool::new(false));
        let escaped = Arc::clone(&escapes);
        let (closed, master) = (Arc::clone(&closing), pair.master.as_raw_fd().unwrap());
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while !closed.load(Ordering::Relaxed) {
                // Does not block for long, so that a hang-up can close the descriptor.
                if !readable(master) {
                    continue;
                }
                match reader.read(&mut bytes) {
                    Ok(count) if count > 0 => {
                        escaped.fetch_or(bytes[..count].contains(&0x1b), Ordering::Relaxed);
                        parser.lock().unwrap().process(&bytes[..count]);
                    }
                    _ => break,
                }
            }
        });
        Self {
            child,
            keys: pair.master.take_writer().unwrap(),
            seen,
            reader,
            closing,
            escapes,
            pair,
        }
    }

    /// Closes the terminal as a dropped connection does; returns the process.
    pub fn hang_up(self) -> Box<dyn Child + Send + Sync> {
        self.closing.store(true, Ordering::Relaxed);
        self.reader.join().unwrap();
        drop((self.keys, self.pair));
        self.child
    }

    pub fn process(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Kills the process.
    pub fn kill(&mut self) {
        let process = rustix::process::Pid::from_raw(self.process() as i32).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
        self.child.wait().unwrap();
    }

    pub fn wait(&mut self) -> portable_pty::ExitStatus {
        self.child.wait().unwrap()
    }

    /// The states of the process's children, one letter each.
    #[cfg(target_os = "linux")]
    fn states(&self) -> String {
        let process = self.process();
        let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
        let stat = |child: &str| std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        // After the name, which is in brackets and may contain anything.
        let state = |stat: String| {
            stat.rsplit_once(')')
                .and_then(|(_, rest)| rest.trim_start().chars().next())
        };
        children
            .split_whitespace()
            .filter_map(|child| state(stat(child)))
            .collect()
    }

    /// Which modes the program has switched on in the terminal.
    #[cfg(target_os = "linux")]
    fn modes(&self) -> (bool, bool, bool) {
        let seen = self.seen.lock().unwrap();
        let screen = seen.screen();
        let mouse = screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None;
        (screen.alternate_screen(), screen.bracketed_paste(), mouse)
    }

    fn text(&self) -> String {
        self.seen.lock().unwrap().screen().contents()
    }

    pub fn wait_for(&self, what: &str) {
        let begin = Instant::now();
        while !self.text().contains(what) {
            assert!(
                begin.elapsed() < Duration::from_secs(120),
                "never saw {what:?}:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }
}

fn readable(master: std::os::fd::RawFd) -> bool {
    // SAFETY: the pair outlives the thread: `hang_up` joins it first, and otherwise both live until the process ends.
    #[expect(unsafe_code, reason = "portable-pty lends its descriptor as a number")]
    let master = unsafe { BorrowedFd::borrow_raw(master) };
    let mut watched = [PollFd::new(&master, PollFlags::IN)];
    let wait = Timespec {
        tv_sec: 0,
        tv_nsec: 20_000_000,
    };
    poll(&mut watched, Some(&wait)).is_ok_and(|count| count > 0)
}

/// Both stages on a few drawn pictures, seen to train.
fn start_run(folder: &Path, session: &str, steps: &str) -> Screen {
    stdout(&masp(folder, &["data", "synth", "drawn", "--images", "60"]));
    let mut arguments = vec!["train", "--data", "drawn", "--session", session, "--max-steps", steps];
    arguments.extend(["--set", "eval.panel=1", "--set", "train.batch_size=4"]);
    let screen = Screen::open(folder, &arguments);
    screen.wait_for("stage 1 of 2");
    screen
}

#[test]
fn trains_on_the_screen_and_leaves_with_the_session_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut screen = start_run(folder.path(), "seen", "2");
    screen.press("?");
    screen.wait_for("the run");
    screen.press("\u{1b}");
    screen.wait_for("done");
    screen.press("q");
    let status = screen.child.wait().unwrap();
    assert!(status.success(), "{status:?}:\n{}", screen.text());
    let journal = std::fs::read_to_string(folder.path().join("sessions/seen/journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"event\":\"step\"").count(), 4);
    assert!(journal.contains("\"event\":\"evaluation\"") && journal.contains("\"event\":\"sample\""));
    assert!(journal.trim_end().ends_with("\"reason\":\"done\"}"), "{journal}");

    let json = stdout(&masp(folder.path(), &["eval", "seen", "--split", "test", "--json"]));
    let metrics: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(metrics["confusion"]["labels"].as_array().unwrap().len(), 8);

    stdout(&masp(folder.path(), &["eval", "seen", "--split", "val", "--frozen"]));

    // Opens the session again: the frozen model's marks, the predictions, the model's answer on an image with and
    // without an aspect, and two evaluations side by side.
    let mut screen = Screen::open(folder.path(), &["attach", "seen"]);
    screen.wait_for("✓ done");
    screen.wait_for("┃ frozen");
    screen.press("2");
    screen.wait_for("confusion");
    screen.press("\r");
    screen.wait_for("attention  low");
    screen.press("F");
    screen.wait_for("without face");
    screen.press("e");
    screen.wait_for("and without");
    screen.press("3");
    screen.wait_for("McNemar p");
    screen.press("q");
    assert!(screen.child.wait().unwrap().success());
    let mut screen = Screen::open(folder.path(), &["replay", "seen"]);
    screen.wait_for("▶ 10x");
    screen.press("q");
    assert!(screen.child.wait().unwrap().success());
    let mut screen = Screen::open(folder.path(), &[]);
    screen.wait_for("finished");
    screen.press("\r");
    screen.wait_for("accuracy per emotion");
    screen.press("q");
    assert!(screen.child.wait().unwrap().success());
}

#[test]
fn the_demo_leaves_its_test_figures_and_says_what_to_try_next() {
    let folder = tempfile::tempdir().unwrap();
    stdout(&masp(folder.path(), &["data", "synth", "drawn", "--images", "60"]));
    let mut arguments = vec!["demo"];
    for setting in [
        "data.root=drawn",
        "train.aspects.max_steps=1",
        "train.prompt.max_steps=1",
        "eval.panel=1",
    ] {
        arguments.extend(["--set", setting]);
    }
    let mut screen = Screen::open(folder.path(), &arguments);
    screen.wait_for("images are right");
    screen.wait_for("✓ done");
    screen.press("q");
    screen.wait_for("masp replay demo --speed 0.25");
    assert!(screen.wait().success());
    let listed = stdout(&masp(folder.path(), &["sessions", "list", "--json"]));
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert!(listed[0]["test_accuracy"].is_number(), "{listed}");
    let mut screen = Screen::open(folder.path(), &["replay", "demo", "--speed", "0.25"]);
    screen.wait_for("▶ 0.25x");
    screen.press("q");
    assert!(screen.wait().success());
    let refused = masp(folder.path(), &["replay", "demo", "--speed", "3"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("choose one of 0.25, 0.5, 1"));
}

/// A hang-up ends the screen, not the run.
#[test]
fn a_run_outlives_a_hang_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut screen = start_run(folder.path(), "left", "3");
    let process = rustix::process::Pid::from_raw(screen.child.process_id().unwrap() as i32).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::HUP).unwrap();
    assert!(screen.child.wait().unwrap().success());
    let journal = std::fs::read_to_string(folder.path().join("sessions/left/journal.jsonl")).unwrap();
    assert!(journal.trim_end().ends_with("\"reason\":\"done\"}"), "{journal}");
}

/// In a shell with job control: ctrl-z restores the terminal and stops the process, which redraws everything when the
/// shell continues it.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_z_gives_the_terminal_back_until_the_shell_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = CommandBuilder::new("sh");
    let script = "set -m; \"$0\"; echo the shell is back; read line; fg; echo the shell has it";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_masp")]);
    let mut screen = Screen::start(shell, "xterm-256color", folder.path());
    screen.wait_for("no sessions yet");
    assert_eq!(screen.modes(), (true, true, true));
    screen.press("\u{1a}");
    screen.wait_for("the shell is back");
    assert_eq!((screen.modes(), screen.states().as_str()), ((false, false, false), "T"));
    assert!(!screen.text().contains("no sessions yet"), "{}", screen.text());
    screen.press("\n");
    screen.wait_for("no sessions yet");
    assert_eq!(screen.modes(), (true, true, true));
    assert!(!screen.text().contains("the shell is back"), "{}", screen.text());
    // The keys work again.
    screen.press("?");
    screen.wait_for("keys · esc closes");
    screen.press("?q");
    screen.wait_for("the shell has it");
    assert!(screen.wait().success());
}

/// A terminal that cannot position its cursor gets no screens and no control sequences.
#[test]
fn a_dumb_terminal_gets_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut screen = Screen::open_on("dumb", folder.path(), &[]);
    screen.wait_for("the workbench needs a terminal");
    assert!(!screen.wait().success());
    stdout(&masp(folder.path(), &["data", "synth", "drawn", "--images", "60"]));
    let mut arguments = vec!["train", "--data", "drawn", "--session", "lines", "--max-steps", "1"];
    arguments.extend(["--set", "eval.panel=1", "--set", "train.batch_size=4"]);
    let mut screen = Screen::open_on("dumb", folder.path(), &arguments);
    screen.wait_for("lines is done");
    assert!(screen.wait().success());
    assert!(!screen.escapes.load(Ordering::Relaxed), "{}", screen.text());
}
