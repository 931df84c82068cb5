//! `masp sessions`: lists the runs under a folder as a table or as JSON, exports from them for use elsewhere, and removes
//! them.

mod evaluated;
mod export;
mod remove;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::{Map, Value, json};

use super::say::say;
use super::{
    args::{ExportChoice, SessionsCommand},
    failure::Failure,
    json::write_line,
    progress::duration,
};
use crate::aspects::checkpoint::CheckpointError as ParameterError;
use crate::config::{self, Sources};
use crate::export::{ExportError, Selected, Source};
use crate::output_file::is_stdout;
use crate::printable::printable;
use crate::session::{
    CheckpointError, CheckpointFile, Checkpoints, Event, FolderError, JournalError, ListError, Record, SessionFolder,
    SessionSummary, Utc, each_record, later_evaluations, list_sessions, summarise_session,
};

/// Why the sessions cannot be shown, exported or removed.
#[derive(Debug, thiserror::Error)]
pub enum SessionsError {
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Checkpoints(#[from] CheckpointError),
    #[error("cannot print the sessions: {0}")]
    Print(#[from] io::Error),
    #[error("cannot write the sessions as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    #[error(transparent)]
    Export(#[from] export::BadTarget),
    #[error(transparent)]
    Written(#[from] ExportError),
    #[error(transparent)]
    Remove(#[from] remove::RemoveError),
}

impl SessionsError {
    /// Whether the command line was wrong (exit status 2), not the machine (1).
    fn is_wrong_usage(&self) -> bool {
        match self {
            Self::Folder(error) => error.is_wrong_usage(),
            Self::Export(_)
            | Self::Written(ExportError::Ending { .. } | ExportError::Own(_) | ExportError::Selected(_)) => true,
            Self::Remove(error) => error.is_wrong_usage(),
            _ => false,
        }
    }
}

impl From<SessionsError> for Failure {
    fn from(error: SessionsError) -> Self {
        if error.is_wrong_usage() {
            Self::usage(error)
        } else {
            Self::failed(error)
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Wrong settings or usage, an unknown session, files that cannot be read, written or removed, a closed output.
pub fn run(command: &SessionsCommand) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    match command {
        SessionsCommand::List { settings, json } => {
            print(&root(settings.sources())?, None, *json, &mut out)?;
        }
        SessionsCommand::Show {
            session,
            settings,
            json,
        } => {
            print(&root(settings.sources())?, Some(session), *json, &mut out)?;
        }
        SessionsCommand::Export {
            session,
            to,
            what,
            evaluation,
            settings,
        } => {
            let root = root(settings.sources())?;
            let by_ending = || match evaluation {
                Some(_) => ExportChoice::Predictions,
                None => ExportChoice::by_ending(to),
            };
            let Some(what) = what.unwrap_or_else(by_ending).what() else {
                export::export(&root, session, to, &mut out)?;
                return Ok(ExitCode::SUCCESS);
            };
            let folder = SessionFolder::open(&root, &session.session).map_err(SessionsError::from)?;
            let source = Source::read(&folder).map_err(SessionsError::from)?;
            let selected = Selected {
                step: export::step(&folder, session.checkpoint).map_err(SessionsError::from)?,
                evaluation: evaluation.clone(),
            };
            let written = crate::export::export(&source, what, &selected, to).map_err(SessionsError::from)?;
            let told = format!("wrote {}", printable(&written.to_string_lossy()));
            if is_stdout(to) {
                say(told);
            } else {
                writeln!(out, "{told}")?;
            }
        }
        SessionsCommand::Rm {
            sessions,
            settings,
            yes,
        } => {
            let ask = if *yes {
                remove::do_not_ask
            } else {
                remove::ask_on_terminal
            };
            remove::remove(&root(settings.sources())?, sessions, ask, &mut out)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Removes one session without a question.
///
/// # Errors
/// A session that runs, a folder that is not a session, an error of the file system.
pub fn remove(root: &Path, session: &str) -> Result<(), Failure> {
    Ok(remove::remove(
        root,
        &[session.to_owned()],
        remove::do_not_ask,
        &mut io::sink(),
    )?)
}

/// The folder of all sessions.
fn root(sources: Sources) -> Result<PathBuf, Failure> {
    Ok(config::load(sources)?.settings.session.root)
}

/// Prints all sessions under `root`, or the one named (by name or path) in detail, to `out`: text for people, or
/// with `json` one document (a list of [`SessionSummary`]; of one session its summary with `settings`, `plan`,
/// `evaluations`, `kept_evaluations` (of `masp eval`) and `checkpoints`).
///
/// # Errors
/// An unknown session, a root that cannot be read, a closed output.
fn print(root: &Path, name: Option<&str>, json: bool, out: &mut impl Write) -> Result<(), SessionsError> {
    match name {
        None => list(&list_sessions(root)?, json, out),
        Some(name) => show(&SessionFolder::open(root, name)?, json, out),
    }
}

fn list(sessions: &[SessionSummary], json: bool, out: &mut impl Write) -> Result<(), SessionsError> {
    if json {
        return Ok(write_line(out, &sessions)?);
    }
    if sessions.is_empty() {
        writeln!(out, "no sessions yet; `masp demo` makes the first ones")?;
        return Ok(());
    }
    let heads = [
        "NAME",
        "STATE",
        "PROGRESS",
        "STEPS",
        "BEST",
        "TEST",
        "STARTED (UTC)",
        "TIME",
        "DATA",
        "MODEL",
    ];
    let mut table = vec![heads.map(str::to_owned)];
    table.extend(sessions.iter().map(row));
    for line in aligned(&table) {
        writeln!(out, "{line}")?;
    }
    for session in sessions {
        if let Some(problem) = &session.problem {
            writeln!(out, "{}: {}", printable(&session.name), printable(problem))?;
        }
    }
    Ok(())
}

fn show(folder: &SessionFolder, json: bool, out: &mut impl Write) -> Result<(), SessionsError> {
    let summary = summarise_session(folder);
    // Show what can be read; the summary says what cannot be read, and why.
    let checkpoints = Checkpoints::read(folder);
    let mut records = Vec::new();
    drop(each_record(&folder.journal(), |record| records.push(record)));
    if json {
        let kept = evaluated::json(&later_evaluations(folder.path()));
        let mut document = details(&summary, &records, checkpoints.as_ref().ok())?;
        document.insert("kept_evaluations".to_owned(), kept);
        return Ok(write_line(out, &document)?);
    }
    let heads = [
        "state", "progress", "steps", "best", "test", "started", "time", "data", "model",
    ];
    let [name, cells @ ..] = row(&summary);
    writeln!(out, "{name}  {}", printable(&folder.path().to_string_lossy()))?;
    for (head, cell) in heads.iter().zip(cells) {
        writeln!(out, "  {head:<12}{cell}")?;
    }
    writeln!(out, "  {:<12}{}", "device", printable(&summary.device))?;
    let files = match &checkpoints {
        Ok(checkpoints) => {
            let files: Vec<String> = checkpoints.files().map(|file| file.to_string()).collect();
            files.join(" ")
        }
        Err(error) => error.to_string(),
    };
    // If the journal cannot be read, give the reason only once.
    if summary.problem.as_ref() != Some(&files) {
        writeln!(out, "  {:<12}{}", "checkpoints", printable(&files))?;
    }
    if let Some(problem) = &summary.problem {
        writeln!(out, "  {:<12}{}", "problem", printable(problem))?;
    }
    let mut table = vec![["EVALUATION", "SPLIT", "SAMPLES", "ACCURACY", "MACRO-F1", "ECE"].map(str::to_owned)];
    for record in &records {
        if let Event::Evaluation(seen) = &record.event {
            let metrics = &seen.metrics;
            table.push([
                format!("{}@{}", seen.stage.name(), seen.step),
                printable(&metrics.split).into_owned(),
                metrics.samples.to_string(),
                figure(metrics.accuracy),
                figure(metrics.macro_f1),
                figure(metrics.ece),
            ]);
        }
    }
    if table.len() > 1 {
        for line in aligned(&table) {
            writeln!(out, "{line}")?;
        }
    }
    let kept = evaluated::table(&later_evaluations(folder.path()));
    for line in aligned(&kept) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The summary's keys, and further details of the session.
fn details(
    summary: &SessionSummary,
    records: &[Record],
    checkpoints: Option<&Checkpoints>,
) -> serde_json::Result<Map<String, Value>> {
    let mut document = match serde_json::to_value(summary)? {
        Value::Object(keys) => keys,
        other => Map::from_iter([("summary".to_owned(), other)]),
    };
    let mut evaluations = Vec::new();
    for record in records {
        match &record.event {
            Event::Session(start) => {
                document.insert("settings".to_owned(), start.settings.clone());
                document.insert("plan".to_owned(), json!(start.plan));
            }
            Event::Evaluation(seen) => evaluations.push(serde_json::to_value(seen)?),
            _ => {}
        }
    }
    document.insert("evaluations".to_owned(), Value::Array(evaluations));
    let files = checkpoints.map(|checkpoints| {
        let file = |file: CheckpointFile| json!({"stage": file.stage, "step": file.step, "file": file.path});
        checkpoints.files().map(file).collect()
    });
    document.insert("checkpoints".to_owned(), files.unwrap_or(Value::Null));
    Ok(document)
}

/// A share, or a dash where it was not computed.
fn figure(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.4}")
    } else {
        "-".to_owned()
    }
}

fn row(session: &SessionSummary) -> [String; 10] {
    let share = |accuracy: Option<f64>| accuracy.map(|a| format!("{:.2} %", 100.0 * a)).unwrap_or_default();
    [
        printable(&session.name).into_owned(),
        session.state.name().to_owned(),
        session.progress(),
        session.steps.to_string(),
        share(session.best_accuracy),
        share(session.test_accuracy),
        session
            .started
            .map(|start| Utc::from_seconds(start).to_minutes())
            .unwrap_or_default(),
        duration(session.duration),
        format!("{} {}", printable(&session.dataname), printable(&session.data)),
        printable(&session.model).into_owned(),
    ]
}

/// Columns padded to their widest cell; the last one is not padded.
fn aligned<const N: usize>(table: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        let cells = table.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;
    use crate::session::{Ended, JournalWriter, SessionStart, Stage};

    pub(super) fn start() -> SessionStart {
        SessionStart {
            format: 1,
            program: "0.1.0".into(),
            name: "run".into(),
            settings: json!({"session": "run"}),
            model: "tiny\u{1b}[2J".into(),
            data: "data".into(),
            dataname: "EmoSet".into(),
            classes: vec![],
            splits: [0; 3],
            device: "cpu".into(),
            views: vec![],
            plan: vec![(Stage::Prompt, 8)],
        }
    }

    fn printed(root: &Path, name: Option<&str>, json: bool) -> Result<String, Box<dyn Error>> {
        let mut out = Vec::new();
        print(root, name, json, &mut out)?;
        Ok(String::from_utf8(out)?)
    }

    #[test]
    fn text_and_json_tell_the_same_run() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let root = root.path();
        assert!(printed(root, None, false)?.starts_with("no sessions yet"));
        assert_eq!(printed(root, None, true)?, "[]\n");
        let folder = SessionFolder::create(root, "run")?;
        let mut journal = JournalWriter::open(&folder.journal())?;
        journal.append(Event::Session(Box::new(start())))?;
        journal.append(Event::Ended(Ended { reason: "done".into() }))?;

        let table = printed(root, None, false)?;
        assert!(
            table
                .lines()
                .nth(1)
                .is_some_and(|row| row.starts_with("run   finished")),
            "{table}"
        );
        assert!(!table.contains('\u{1b}'), "{table:?}");
        let listed: Value = serde_json::from_str(&printed(root, None, true)?)?;
        assert_eq!(
            (&listed[0]["name"], &listed[0]["state"]),
            (&json!("run"), &json!("finished"))
        );

        let text = printed(root, Some("run"), false)?;
        assert!(
            text.contains("  state       finished\n") && !text.contains('\u{1b}'),
            "{text:?}"
        );
        let shown: Value = serde_json::from_str(&printed(root, Some("run"), true)?)?;
        assert_eq!(
            (&shown["settings"]["session"], &shown["plan"]),
            (&json!("run"), &json!([["prompt", 8]]))
        );
        assert!(printed(root, Some("other"), false).is_err());
        Ok(())
    }
}
