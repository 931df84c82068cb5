//! The terminal closes while a run is shown on it.

use std::time::Duration;

use super::{Left, command, journal, tell, times, train, uninterrupted, wait_for_text, workplace};
use crate::cli::screen::Screen;

/// Clock ticks that a process has used, from /proc; 0 where only Linux could tell.
fn cpu_ticks(process: u32) -> u64 {
    if !cfg!(target_os = "linux") {
        return 0;
    }
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let field = |place: usize| {
        after_name
            .split_whitespace()
            .nth(place)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    field(11) + field(12)
}

/// A logout: the terminal closes and all processes get SIGTERM at the same moment.
#[test]
fn a_run_terminated_as_its_terminal_closes_writes_a_checkpoint() {
    let folder = workplace();
    let folder = folder.path();
    let (whole, _) = uninterrupted(folder);
    let arguments = train("logout", &[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let screen = Screen::open(folder, &arguments);
    screen.wait_for("stage 1 of 2");
    let process = rustix::process::Pid::from_raw(screen.process() as i32).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    let status = screen.hang_up().wait().unwrap();
    assert!(status.success(), "{status:?}");
    let resumed = command(folder)
        .args(train("logout", &["--headless", "--resume"]))
        .output();
    assert!(resumed.unwrap().status.success());
    let left = Left::by(folder, "logout").without_those_between();
    left.assert_same(&whole.without_those_between(), "after a logout");
}

#[test]
fn a_run_whose_terminal_closes_continues_and_is_idle_while_paused() {
    let folder = workplace();
    let folder = folder.path();
    let (whole, _) = uninterrupted(folder);
    for time in 0..times("MASP_HANG_UPS", 2) {
        let name = format!("left-{time}");
        let arguments = train(&name, &[]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let screen = Screen::open(folder, &arguments);
        screen.wait_for("stage 1 of 2");
        tell(folder, "{\"command\":\"pause\"}");
        wait_for_text(&journal(folder, &name), "\"command\":\"pause\"");
        let process = screen.process();
        let mut child = screen.hang_up();
        // Handling the hang-up itself takes some time.
        std::thread::sleep(Duration::from_millis(300));
        let before = cpu_ticks(process);
        std::thread::sleep(Duration::from_millis(700));
        let used = cpu_ticks(process) - before;
        assert!(used <= 7, "{used} ticks of 10 ms in 700 ms");
        tell(folder, "{\"command\":\"resume\"}");
        let status = child.wait().unwrap();
        assert!(status.success(), "{status:?}");
        Left::by(folder, &name).assert_same(&whole, &name);
        std::fs::remove_dir_all(folder.join("sessions").join(&name)).unwrap();
    }
}
