//! A full disk: simulated by a limit on the size of files, and by a small tmpfs if mounting is allowed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::{Left, command, journal, signal, tell, train, uninterrupted, wait_for_text, wait_until, workplace};

#[test]
fn a_run_waits_for_space_for_its_checkpoint() {
    let folder = workplace();
    let folder = folder.path();
    let (whole, _) = uninterrupted(folder);
    // In kilobytes: the journal fits, a checkpoint does not.
    let script = "ulimit -f 64; exec \"$0\" \"$@\"";
    let mut limited = command(folder);
    let mut shell = Command::new("bash");
    shell
        .args(["-c", script, env!("CARGO_BIN_EXE_masp")])
        .args(train("full", &["--headless"]))
        .current_dir(folder)
        .envs(limited.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stderr(Stdio::piped());
    let child = shell.spawn().unwrap();
    let journal = journal(folder, "full");
    wait_for_text(&journal, "until the next checkpoint");
    wait_for_text(&journal, "the run keeps its parameters in memory");
    // The limit still holds, so the run waits again.
    tell(folder, "{\"command\":\"resume\"}");
    signal(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("aspects-000006.safetensors") && said.contains("File too large"),
        "{said}"
    );
    assert!(
        std::fs::read_to_string(&journal)
            .unwrap()
            .trim_end()
            .ends_with("nothing was changed\"}")
    );

    let output = limited
        .args(train("full", &["--headless", "--resume"]))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Left::by(folder, "full").assert_same(&whole, "after a full disk");
}

#[test]
fn a_run_that_waits_for_its_checkpoint_can_be_stopped() {
    let folder = workplace();
    let folder = folder.path();
    // The model's files are larger than the limit below, so this run puts them into the cache first.
    uninterrupted(folder);
    let script = "ulimit -f 64; exec \"$0\" \"$@\"";
    let mut shell = Command::new("bash");
    shell
        .args(["-c", script, env!("CARGO_BIN_EXE_masp")])
        .args(train("full", &["--headless"]))
        .current_dir(folder)
        .envs(
            command(folder)
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stderr(Stdio::piped());
    let child = shell.spawn().unwrap();
    let journal = journal(folder, "full");
    wait_for_text(&journal, "the run keeps its parameters in memory");
    // A stop after the epoch does not end the wait; a stop after the step does, after one more attempt.
    tell(folder, "{\"command\":\"stop\",\"after\":\"epoch\"}");
    wait_for_text(&journal, "\"after\":\"epoch\"");
    tell(folder, "{\"command\":\"stop\",\"after\":\"step\"}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = std::fs::read_to_string(&journal).unwrap();
    assert_eq!(
        said.matches("keeps its parameters in memory").count(),
        1,
        "it is told once"
    );
}

/// A small file system mounted on a folder, unmounted when dropped.
pub(super) struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    pub(super) fn mount(at: &'a Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", size, "masp-test"])
            .arg(at)
            .output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0).status());
    }
}

#[test]
fn a_run_waits_until_a_full_disk_has_space() {
    let folder = workplace();
    let folder = folder.path();
    let (whole, _) = uninterrupted(folder);
    std::fs::rename(folder.join("sessions"), folder.join("done")).unwrap();
    let sessions = folder.join("sessions");
    let Some(_small) = SmallDisk::mount(&sessions, "size=32m") else {
        println!("skipped: no tmpfs can be mounted here; the limit on file sizes stands in for it");
        return;
    };
    let child = command(folder).args(train("small", &["--headless"])).spawn().unwrap();
    let journal = journal(folder, "small");
    wait_for_text(&journal, "\"event\":\"step\"");
    // Fills the rest of the disk, so that neither a line of the journal nor a checkpoint fits.
    let fill = |name: &str| {
        let file = std::fs::File::create(sessions.join(name)).unwrap();
        drop(std::io::copy(&mut std::io::repeat(0), &mut &file));
    };
    fill("filler");
    // It waits once the journal's last page is full, which takes a slow machine longer.
    let length = || std::fs::metadata(&journal).unwrap().len();
    wait_until("a journal that no longer grows", || {
        let before = length();
        std::thread::sleep(std::time::Duration::from_millis(1500));
        length() == before
    });
    std::fs::remove_file(sessions.join("filler")).unwrap();
    // The journal's last page may have room for all lines until the stage's end; then the run waits for the checkpoint.
    wait_until("a word on the wait", || {
        let said = std::fs::read_to_string(&journal).unwrap();
        said.contains("so the run waited") || said.contains("keeps its parameters in memory")
    });
    // The run also waits if the last checkpoint cannot be written.
    let mut child = child;
    let mut told = 0;
    while child.try_wait().unwrap().is_none() {
        let holds = std::fs::read_to_string(&journal)
            .unwrap()
            .matches("keeps its parameters in memory")
            .count();
        if holds > told {
            told = holds;
            tell(folder, "{\"command\":\"resume\"}");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(child.wait().unwrap().success());
    // Predictions made while there was no space were not saved, with a warning.
    let left = Left::by(folder, "small");
    assert_eq!(left.steps, whole.steps);
    // A checkpoint in the middle of a stage is skipped; the run waits for the one at the end.
    for last in ["aspects-000006", "prompt-000006"] {
        let is = |name: &PathBuf| name.starts_with("checkpoints") && name.to_string_lossy().contains(last);
        assert!(left.files.keys().any(is), "{last}: {:?}", left.files.keys());
    }
    assert!(
        left.files
            .iter()
            .all(|(name, bytes)| whole.files.get(name) == Some(bytes))
    );
}
