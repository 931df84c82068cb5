//! Signals and limits of batch systems and shells: save a checkpoint, end, use fewer cores.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::Signal;

use super::{Left, command, journal, signal, train, wait_for_text, wait_until, workplace};
use crate::cli::stdout;

/// A run of a hundred thousand steps that saves no checkpoints by itself.
fn endless(session: &str) -> Vec<String> {
    let quiet = [
        "--headless",
        "--set",
        "checkpoint.every_steps=1000000",
        "--set",
        "eval.every_steps=0",
    ];
    let mut arguments = train(session, &[]);
    let steps = arguments.iter().position(|argument| argument == "6").unwrap();
    arguments[steps] = "100000".to_owned();
    arguments.extend(quiet.map(str::to_owned));
    arguments
}

/// Kills the process if the test fails before it has ended.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_batch_systems_warning_saves_a_checkpoint_and_its_limit_ends_the_run_with_one() {
    let folder = workplace();
    let folder = folder.path();
    let mut run = KillOnDrop(command(folder).args(endless("job")).spawn().unwrap());
    let journal = journal(folder, "job");
    let count = |word: &str| fs::read_to_string(&journal).unwrap_or_default().matches(word).count();
    let (checkpoints, steps) = ("\"event\":\"checkpoint\"", "\"event\":\"step\"");
    wait_for_text(&journal, steps);
    for (before, warning) in [Signal::USR1, Signal::USR2].into_iter().enumerate() {
        assert_eq!(count(checkpoints), before);
        signal(&run.0, warning);
        wait_until("a checkpoint", || count(checkpoints) == before + 1);
        let made = count(steps);
        wait_until("a step after it", || count(steps) > made);
    }
    signal(&run.0, Signal::XCPU);
    assert!(run.0.wait().unwrap().success());
    assert_eq!(count(checkpoints), 3);
    wait_for_text(&journal, "\"reason\":\"stopped\"");
}

/// Standard error is a full pipe that nobody reads.
#[test]
fn a_run_with_a_blocked_output_trains_and_ends_on_a_signal() {
    let folder = workplace();
    let folder = folder.path();
    let (_reader, mut writer) = std::io::pipe().unwrap();
    let chatty = ["--set", "train.logging_steps=1"].map(str::to_owned);
    let mut run = command(folder);
    run.args(endless("unheard"))
        .args(chatty)
        .stderr(writer.try_clone().unwrap());
    fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    while writer.write(&[b'x'; 4096]).is_ok() {}
    fcntl_setfl(&writer, OFlags::empty()).unwrap();
    let mut run = KillOnDrop(run.spawn().unwrap());
    let journal = journal(folder, "unheard");
    wait_for_text(&journal, "\"step\":20,");
    signal(&run.0, Signal::TERM);
    let begin = Instant::now();
    wait_until("the end", || run.0.try_wait().unwrap().is_some());
    // It takes two seconds on an idle machine; without the watchdog it would never end.
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    assert!(run.0.wait().unwrap().success());
    wait_for_text(&journal, "\"event\":\"checkpoint\"");
}

#[test]
fn a_process_limited_to_one_core_uses_one_thread() {
    let taskset = ["/usr/bin/taskset", "/bin/taskset"]
        .into_iter()
        .find(|path| fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o111 != 0));
    let Some(taskset) = taskset else { return };
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let allowed = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .unwrap();
    let first = allowed.trim().split([',', '-']).next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(taskset)
        .args(["-c", first, env!("CARGO_BIN_EXE_masp"), "doctor"])
        .current_dir(folder.path())
        .env_remove("RAYON_NUM_THREADS")
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("1 cores, 1 threads"), "{said}");
}

/// The number of threads does not change any result.
#[test]
fn numbers_do_not_depend_on_the_number_of_threads() {
    let folder = workplace();
    let folder = folder.path();
    let left = |session: &str, threads: &str| {
        let output = command(folder)
            .args(train(session, &["--headless"]))
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap();
        stdout(&output);
        Left::by(folder, session)
    };
    let two = left("two", "2");
    left("three", "3").assert_same(&two, "3 threads");
}
