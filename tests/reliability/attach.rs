//! Several viewers on a run of another process: all receive its records, all can send commands, and each may die.

use masp::session::SessionFolder;

use super::{command, journal, tell, train, wait_for_text, wait_until, workplace};
use crate::cli::screen::Screen;
use crate::cli::{masp, stdout};

/// Kills a detached run if the test fails before the run has ended.
struct KillOnDrop(SessionFolder);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let holder = std::fs::read_to_string(self.0.path().join("lock")).unwrap_or_default();
        let process = holder.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
        if let Some(process) = process.filter(|_| self.0.is_live().unwrap_or(false)) {
            let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
        }
    }
}

#[test]
fn viewers_attach_send_commands_and_die_and_the_run_continues() {
    let folder = workplace();
    let folder = folder.path();
    let mut arguments = train("away", &["--detach"]);
    let steps = arguments.iter().position(|argument| argument == "6").unwrap();
    arguments[steps] = "100000".to_owned();
    let output = command(folder).args(&arguments).output().unwrap();
    stdout(&output);
    let _ends = KillOnDrop(SessionFolder::open(&folder.join("sessions"), "away").unwrap());
    let journal = journal(folder, "away");

    let mut first = Screen::open(folder, &["attach", "away"]);
    first.wait_for("● running");
    first.press(" ");
    first.wait_for("‖ paused");
    let mut second = Screen::open(folder, &["attach", "away"]);
    second.wait_for("‖ paused");
    // The paused run predicts an image for the second viewer; the maps come only through the socket.
    wait_for_text(&journal, "\"event\":\"sample\"");
    first.kill();
    second.press(" ");
    second.wait_for("● running");
    wait_for_text(&journal, "\"event\":\"evaluation\"");
    second.press("q");
    assert!(second.wait().success(), "a viewer leaves without a question");

    let mut third = Screen::open(folder, &[]);
    third.wait_for("live");
    third.press("\r");
    third.wait_for("● running");
    tell(folder, "{\"command\":\"stop\",\"after\":\"step\"}");
    third.wait_for("■ stopped");
    third.press("q");
    assert!(third.wait().success());
    wait_until("the end", || {
        let shown = stdout(&masp(folder, &["sessions", "show", "away", "--json"]));
        shown.contains("\"state\": \"stopped\"") || shown.contains("\"state\":\"stopped\"")
    });
    let sockets = std::fs::read_dir(folder.join("masp")).unwrap().count();
    assert_eq!(sockets, 0, "the socket went with the run");
}

/// A viewer stays open while the run is killed and resumed, and sends commands to the new process.
#[test]
fn a_viewer_follows_a_killed_run_to_the_process_that_resumes_it() {
    let folder = workplace();
    let folder = folder.path();
    let mut endless = train("killed", &["--headless", "--resume"]);
    let steps = endless.iter().position(|argument| argument == "6").unwrap();
    endless[steps] = "100000".to_owned();
    let mut child = command(folder).args(&endless).spawn().unwrap();
    wait_for_text(&journal(folder, "killed"), "\"event\":\"checkpoint\"");
    let mut screen = Screen::open(folder, &["attach", "killed"]);
    screen.wait_for("● running");
    child.kill().unwrap();
    child.wait().unwrap();
    screen.wait_for("crashed");
    let mut child = command(folder).args(&endless).spawn().unwrap();
    screen.wait_for("● running");
    screen.press(" ");
    screen.wait_for("‖ paused");
    tell(folder, "{\"command\":\"stop\",\"after\":\"step\"}");
    screen.wait_for("■ stopped");
    assert!(child.wait().unwrap().success());
    screen.press("q");
    assert!(screen.wait().success());
}

/// A journal that another program holds, without a socket.
#[test]
fn a_run_without_a_socket_is_shown_read_only_and_says_so() {
    let folder = workplace();
    let folder = folder.path();
    let nobody = folder.join("no-folder");
    std::fs::write(&nobody, "").unwrap();
    let mut child = command(folder)
        .args(train("alone", &["--headless"]))
        .env("XDG_RUNTIME_DIR", &nobody)
        .env("XDG_STATE_HOME", &nobody)
        .spawn()
        .unwrap();
    wait_for_text(&journal(folder, "alone"), "can watch this run but not command it");
    let mut screen = Screen::open(folder, &["attach", "alone"]);
    screen.wait_for("read-only: no process listens");
    screen.press("q");
    assert!(screen.wait().success());
    assert!(child.wait().unwrap().success());
}

/// A stopped process does not greet a viewer. The viewer waits in the background, and the keys work.
#[test]
fn a_stopped_run_is_opened_while_the_keys_work() {
    let folder = workplace();
    let folder = folder.path();
    let mut endless = train("asleep", &["--headless"]);
    let steps = endless.iter().position(|argument| argument == "6").unwrap();
    endless[steps] = "100000".to_owned();
    let mut child = command(folder).args(&endless).spawn().unwrap();
    wait_for_text(&journal(folder, "asleep"), "\"event\":\"step\"");
    let process = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    let signal = |signal| rustix::process::kill_process(process, signal).unwrap();
    signal(rustix::process::Signal::STOP);
    let mut screen = Screen::open(folder, &["attach", "asleep"]);
    screen.wait_for("◌ opening");
    screen.press("?");
    screen.wait_for("keys · esc closes");
    screen.press("?");
    screen.wait_for("read-only: the run does not answer");
    screen.press("q");
    assert!(screen.wait().success());
    signal(rustix::process::Signal::CONT);
    let mut screen = Screen::open(folder, &["attach", "asleep"]);
    screen.wait_for("● running");
    screen.press("S");
    screen.wait_for("■ stopped");
    screen.press("q");
    assert!(screen.wait().success() && child.wait().unwrap().success());
    // An unreadable session ends the command with the reason on the shell's own screen.
    std::fs::write(journal(folder, "asleep"), "{}\n").unwrap();
    let mut screen = Screen::open(folder, &["attach", "asleep"]);
    let status = screen.wait();
    assert_eq!(status.exit_code(), 1);
    screen.wait_for("journal.jsonl");
}
