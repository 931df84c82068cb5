//! Writes an export to the file that a person names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::evaluated_rows::{EvaluatedRows, frozen_on};
use super::predictions_table::{predictions_csv, predictions_jsonl};
use super::{
    Asked, ExportError, Source, What, attention, ending, evaluation_table, figures, maps, metrics_table, rationales,
    report, tensorboard, titled,
};
use crate::output_file::{check_output, is_stream, write_output_bytes};
use crate::session::{ImageResult, Origin};

/// Writes what is asked of a session to `to`, in the format of its extension. An event file goes into the folder `to`,
/// in a subfolder with the session's name, because TensorBoard compares runs in sibling folders. Returns the file's path.
///
/// # Errors
/// There is nothing of the kind, the extension does not fit `what`, or the file cannot be written.
pub fn export(source: &Source, what: What, asked: &Asked, to: &Path) -> Result<PathBuf, ExportError> {
    check(source, what, asked, to)?;
    let to = target(source, what, to);
    let bytes = contents(source, what, asked, &to)?;
    let folder = to.parent().filter(|_| what == What::TensorBoard);
    let made = folder.map_or(Ok(()), std::fs::create_dir_all);
    let written = made.and_then(|()| write_output_bytes(&to, &bytes));
    match written {
        Ok(()) => Ok(to),
        Err(source) => Err(ExportError::Write { path: to, source }),
    }
}

/// Checks that [`export`] would take what is asked, and could write there.
///
/// # Errors
/// The extension does not fit `what`, something is asked that has no effect on it, or no file can be written there.
pub fn check(source: &Source, what: What, asked: &Asked, to: &Path) -> Result<(), ExportError> {
    let to = target(source, what, to);
    check_output(&to).map_err(|source| ExportError::Write {
        path: to.clone(),
        source,
    })?;
    refuse_own_folder(source, &to)?;
    asked.check(what)?;
    format_of(what, &to).map(drop)
}

/// The file that is written.
fn target(source: &Source, what: What, to: &Path) -> PathBuf {
    match what {
        What::TensorBoard => to.join(&source.name).join(tensorboard::file_name(&source.times)),
        _ => to.to_owned(),
    }
}

/// Checks that [`export_rows`] could write to `to`.
///
/// # Errors
/// The extension is not that of a table, or a file cannot be written there.
pub fn check_rows_target(to: &Path) -> Result<(), ExportError> {
    format_of(What::Predictions, to)?;
    check_output(to).map_err(|source| ExportError::Write {
        path: to.to_owned(),
        source,
    })
}

/// Writes some rows of an evaluation to `to`, as CSV or JSON Lines; returns its path.
///
/// # Errors
/// The extension is not that of a table, or the file cannot be written.
pub fn export_rows(rows: &[ImageResult], origin: &Origin, to: &Path) -> Result<PathBuf, ExportError> {
    check_rows_target(to)?;
    let rationales = HashMap::new();
    let text = match format_of(What::Predictions, to)?.as_str() {
        "jsonl" => predictions_jsonl(rows, origin, &rationales),
        _ => predictions_csv(rows, origin, &rationales),
    };
    write_output_bytes(to, text.as_bytes()).map_err(|source| ExportError::Write {
        path: to.to_owned(),
        source,
    })?;
    Ok(to.to_owned())
}

/// The format that a file's extension asks for. A pipe's name has none and gets the usual one.
fn format_of(what: What, to: &Path) -> Result<String, ExportError> {
    let (ending, endings) = (ending(to), what.endings());
    match endings.first() {
        Some(usual) if ending.is_empty() && is_stream(to) => Ok((*usual).to_owned()),
        Some(_) if !endings.contains(&ending.as_str()) => Err(ExportError::Ending {
            ending,
            what: what.said(),
            use_instead: listed(endings),
        }),
        _ => Ok(ending),
    }
}

/// `.svg, .pdf or .png`
fn listed(endings: &[&str]) -> String {
    let dotted: Vec<String> = endings.iter().map(|ending| format!(".{ending}")).collect();
    match dotted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn contents(source: &Source, what: What, asked: &Asked, to: &Path) -> Result<Vec<u8>, ExportError> {
    let format = format_of(what, to)?;
    let Asked { selected, style, .. } = asked;
    Ok(match (what, format.as_str()) {
        (What::Metrics, "jsonl") => metrics_table::metrics_jsonl(source).into_bytes(),
        (What::Metrics, _) => metrics_table::metrics_csv(source).into_bytes(),
        (What::Predictions, format) => {
            let kept = selected.evaluation(source)?;
            let evaluated = EvaluatedRows::read(source, &kept)?;
            let rationales = rationales::rationales(source, &kept);
            let table = match format {
                "jsonl" => predictions_jsonl(&evaluated.rows, &evaluated.origin, &rationales),
                _ => predictions_csv(&evaluated.rows, &evaluated.origin, &rationales),
            };
            table.into_bytes()
        }
        (What::Table, format) => {
            let evaluated = EvaluatedRows::selected(source, selected)?;
            let frozen = frozen_on(source, &evaluated.origin.split);
            let table = match format {
                "tex" => evaluation_table::evaluation_latex(&evaluated, frozen.as_ref()),
                _ => evaluation_table::evaluation_markdown(&evaluated, frozen.as_ref()),
            };
            table.into_bytes()
        }
        (What::Curves, format) => {
            let metric = asked.metric.clone().unwrap_or_default();
            figures::encoded(&titled::curves(source, &asked.with, &metric, *style)?, format)?
        }
        (What::Confusion | What::Reliability | What::Classes, format) => {
            let evaluated = EvaluatedRows::selected(source, selected)?;
            let drawing = match what {
                What::Confusion => titled::confusion(&evaluated, *style),
                What::Reliability => titled::reliability(&evaluated, *style),
                _ => titled::classes(&evaluated, frozen_on(source, &evaluated.origin.split).as_ref(), *style),
            };
            figures::encoded(&drawing, format)?
        }
        (What::Maps, format) => figures::encoded(&maps::maps(source, selected.step, *style)?, format)?,
        (What::Attention, _) => attention::attention_npz(source, selected.step)?,
        (What::Report, _) => report::report_html(source, selected.step)?.into_bytes(),
        (What::TensorBoard, _) => tensorboard::events(source)?,
    })
}

/// Refuses a target inside the session's own folder. Where the target's folders do not exist yet, the nearest existing
/// ancestor decides.
fn refuse_own_folder(source: &Source, to: &Path) -> Result<(), ExportError> {
    let parents = to.ancestors().skip(1);
    let parents = parents.map(|parent| {
        if parent == Path::new("") {
            Path::new(".")
        } else {
            parent
        }
    });
    let there = parents.map(Path::canonicalize).find_map(Result::ok);
    match (there, source.folder.canonicalize()) {
        (Some(there), Ok(own)) if there.starts_with(&own) => Err(ExportError::Own(to.to_owned())),
        _ => Ok(()),
    }
}
