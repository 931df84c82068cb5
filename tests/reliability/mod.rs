//! Processes killed, terminals closed, viewers gone, disks full: each run must end like an undisturbed one.

mod attach;
mod disk;
mod download;
mod faults;
mod hang_up;
mod kills;
mod moved;
mod no_flock;
mod power;
mod removal;
mod resume;
mod signals;
mod unreadable;

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use masp::session::{RunState, each_record};

use crate::cli::{masp, stdout};

const TIMEOUT: Duration = Duration::from_secs(120);

/// A folder with a drawn dataset of a few pictures.
pub fn workplace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    stdout(&masp(folder.path(), &["data", "synth", "drawn", "--images", "24"]));
    folder
}

/// `masp train` of both stages, which evaluates, predicts the panel and saves every few steps.
pub fn train(session: &str, more: &[&str]) -> Vec<String> {
    let settings = [
        "train.batch_size=2",
        "train.aspects.learning_rate=1e-3",
        "train.prompt.learning_rate=1e-2",
        "eval.panel=1",
        "eval.max_samples=3",
        "eval.every_steps=3",
        "checkpoint.every_steps=2",
    ];
    let begin = ["train", "--data", "drawn", "--session", session, "--max-steps", "6"];
    let begin = begin.into_iter().chain(more.iter().copied()).map(str::to_owned);
    begin
        .chain(
            settings
                .into_iter()
                .flat_map(|set| ["--set".to_owned(), set.to_owned()]),
        )
        .collect()
}

/// A command that runs the binary in `folder`, with its control socket there too.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_masp"));
    command
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env("XDG_RUNTIME_DIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

pub fn journal(folder: &Path, session: &str) -> PathBuf {
    folder.join("sessions").join(session).join("journal.jsonl")
}

pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < TIMEOUT, "never came: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until a journal contains `text`.
pub fn wait_for_text(journal: &Path, text: &str) {
    wait_until(text, || {
        std::fs::read_to_string(journal).is_ok_and(|said| said.contains(text))
    });
}

/// Sends a line to the run whose socket is under `folder`.
pub fn tell(folder: &Path, line: &str) {
    let socket = || {
        let mut entries = std::fs::read_dir(folder.join("masp")).ok()?;
        UnixStream::connect(entries.next()?.ok()?.path()).ok()
    };
    let mut stream = None;
    wait_until("the control socket", || {
        stream = socket();
        stream.is_some()
    });
    writeln!(stream.unwrap(), "{line}").unwrap();
}

pub fn signal(child: &Child, signal: rustix::process::Signal) {
    let process = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(process, signal).unwrap();
}

/// The results of a run that must be the same however often it was interrupted.
#[derive(Debug, PartialEq)]
pub struct Left {
    /// Stage, step, and the bits of loss, rate and gradient norm.
    steps: Vec<(String, u64, [u64; 3])>,
    /// Without their speed.
    evaluations: Vec<serde_json::Value>,
    /// The bytes of checkpoints (parameters, moments, counters), predictions and panel samples.
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Left {
    /// Without the checkpoints between the best and the last of each stage: SIGTERM leaves one at any step.
    pub fn without_those_between(mut self) -> Self {
        for stage in ["aspects", "prompt"] {
            let of_stage = |name: &&PathBuf| name.to_string_lossy().contains(&format!("checkpoints/{stage}-"));
            let names: Vec<PathBuf> = self.files.keys().filter(of_stage).cloned().collect();
            let kept = |name: &PathBuf| {
                let name = name.to_string_lossy();
                // In these runs the first evaluation or the last is the best one.
                name.ends_with("-000003.safetensors") || name.ends_with("-000006.safetensors")
            };
            for name in names.iter().filter(|name| !kept(name)) {
                self.files.remove(name);
            }
        }
        self
    }

    pub fn by(folder: &Path, session: &str) -> Self {
        let mut state = RunState::default();
        each_record(&journal(folder, session), |record| state.apply(&record)).unwrap();
        assert_eq!(state.ended.as_ref().map(|ended| ended.reason.as_str()), Some("done"));
        let (mut steps, mut evaluations) = (Vec::new(), Vec::new());
        for (stage, history) in &state.stages {
            let bits = |point: &masp::session::StepPoint| [point.loss, point.lr, point.grad_norm].map(f64::to_bits);
            steps.extend(
                history
                    .steps
                    .iter()
                    .map(|point| (stage.name().to_owned(), point.step, bits(point))),
            );
            for evaluation in &history.evaluations {
                let mut figures = serde_json::to_value(evaluation).unwrap();
                let all = figures.as_object_mut().unwrap();
                all.remove("images_per_s");
                all.remove("generated_images_per_s");
                evaluations.push(figures);
            }
        }
        let root = folder.join("sessions").join(session);
        let mut files = BTreeMap::new();
        for part in ["checkpoints", "predictions", "samples", "thumbnails"] {
            for entry in std::fs::read_dir(root.join(part)).unwrap() {
                let path = entry.unwrap().path();
                files.insert(
                    path.strip_prefix(&root).unwrap().to_owned(),
                    std::fs::read(&path).unwrap(),
                );
            }
        }
        Self {
            steps,
            evaluations,
            files,
        }
    }

    /// Fails with the names of what differs instead of the megabytes themselves.
    pub fn assert_same(&self, other: &Self, what: &str) {
        assert_eq!(self.steps, other.steps, "{what}");
        assert_eq!(self.evaluations, other.evaluations, "{what}");
        let names = |left: &Self| left.files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(self), names(other), "{what}");
        for (name, bytes) in &self.files {
            assert!(other.files[name] == *bytes, "{what}: {} differs", name.display());
        }
    }
}

/// An undisturbed run, and how long it takes.
pub fn uninterrupted(folder: &Path) -> (Left, Duration) {
    let begin = Instant::now();
    let output = command(folder).args(train("whole", &["--headless"])).output().unwrap();
    stdout(&output);
    (Left::by(folder, "whole"), begin.elapsed())
}

/// How often a test repeats: a few times in CI, or the number in an environment variable for the long form.
pub fn times(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |times| times.parse().unwrap())
}
