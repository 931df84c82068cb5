//! `masp sessions show`.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::error::SessionsError;
use super::evaluated;
use super::table::{aligned, figure, session_row};
use crate::cli::json::write_line;
use crate::printable::printable;
use crate::session::{
    CheckpointFile, Checkpoints, Event, Record, SessionFolder, SessionSummary, each_record, later_evaluations,
    summarise_session,
};

/// Prints one session to `out`: as text, or with `json` as one document, its [`SessionSummary`] with `settings`, `plan`,
/// `evaluations`, `kept_evaluations` (of `masp eval`) and `checkpoints`.
///
/// # Errors
/// A closed output.
pub(super) fn show(folder: &SessionFolder, json: bool, out: &mut impl Write) -> Result<(), SessionsError> {
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
    let [name, cells @ ..] = session_row(&summary);
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
