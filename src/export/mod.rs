//! Exports a session for use elsewhere: tables, curves, heatmaps, a report. Reads only files in the session's folder.

mod curves;
mod error;
mod escape;
mod event_file;
#[cfg(test)]
mod hostile;
mod maps;
mod report;
mod selected;
mod source;
mod tables;
mod tensorboard;
mod what;

use std::path::{Path, PathBuf};

use crate::output_file::{check_output, is_stream, write_output_bytes};
use crate::session::{ImageResult, Origin, read_results};

pub use curves::curves_svg;
pub use error::ExportError;
pub use maps::maps_png;
pub use report::report_html;
pub use selected::Selected;
pub use source::Source;
pub use tables::{metrics_csv, metrics_jsonl, predictions_csv, predictions_jsonl};
pub use what::What;

/// Writes what is `selected` of a session to `to`, in the format of its extension. An event file goes into the folder `to`,
/// in a subfolder with the session's name, because TensorBoard compares runs in sibling folders. Returns the file's path.
///
/// # Errors
/// There is nothing of the kind, the extension does not fit `what`, or the file cannot be written.
pub fn export(source: &Source, what: What, selected: &Selected, to: &Path) -> Result<PathBuf, ExportError> {
    let to = match what {
        What::TensorBoard => to.join(&source.name).join(tensorboard::file_name(&source.times)),
        _ => to.to_owned(),
    };
    let failed = |source| ExportError::Write {
        path: to.clone(),
        source,
    };
    check_output(&to).map_err(failed)?;
    refuse_own_folder(source, &to)?;
    selected.check(what)?;
    let bytes = contents(source, what, selected, &to)?;
    let folder = to.parent().filter(|_| what == What::TensorBoard);
    let made = folder.map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| write_output_bytes(&to, &bytes)).map_err(failed)?;
    Ok(to)
}

/// Checks that [`export_rows`] could write to `to`.
///
/// # Errors
/// The extension is not that of a table, or a file cannot be written there.
pub fn check_rows_target(to: &Path) -> Result<(), ExportError> {
    let fits = matches!(rows_ending(to).as_str(), "csv" | "jsonl");
    if !fits {
        return Err(ExportError::Ending {
            ending: ending(to),
            what: "predictions",
            use_instead: ".csv or .jsonl",
        });
    }
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
    let text = match rows_ending(to).as_str() {
        "jsonl" => predictions_jsonl(rows, origin),
        _ => predictions_csv(rows, origin),
    };
    write_output_bytes(to, text.as_bytes()).map_err(|source| ExportError::Write {
        path: to.to_owned(),
        source,
    })?;
    Ok(to.to_owned())
}

/// The extension of a target for rows. A pipe has none and gets CSV.
fn rows_ending(to: &Path) -> String {
    let ending = ending(to);
    if ending.is_empty() && is_stream(to) {
        "csv".to_owned()
    } else {
        ending
    }
}

/// A file name's extension in lower case; empty if there is none.
#[must_use]
pub fn ending(to: &Path) -> String {
    let ending = to.extension().and_then(|ending| ending.to_str());
    ending.unwrap_or_default().to_lowercase()
}

fn contents(source: &Source, what: What, selected: &Selected, to: &Path) -> Result<Vec<u8>, ExportError> {
    let mut ending = ending(to);
    if ending.is_empty() && is_stream(to) {
        // A pipe's name has no extension: use the default format.
        ending = match what {
            What::Metrics | What::Predictions => "csv",
            What::Curves => "svg",
            What::Maps => "png",
            What::Report => "html",
            What::TensorBoard => "",
        }
        .to_owned();
    }
    let wrong = |what, use_instead| {
        Err(ExportError::Ending {
            ending: ending.clone(),
            what,
            use_instead,
        })
    };
    Ok(match (what, ending.as_str()) {
        (What::Metrics, "csv") => metrics_csv(&source.state).into_bytes(),
        (What::Metrics, "jsonl") => metrics_jsonl(&source.state).into_bytes(),
        (What::Metrics, _) => return wrong("metrics", ".csv or .jsonl"),
        (What::Predictions, "csv" | "jsonl") => {
            let kept = selected.evaluation(source)?;
            let own_data = source.state.session.as_ref().map_or("", |session| &session.data);
            let (rows, origin) = (read_results(&kept.path)?, kept.origin(&source.name, own_data));
            let table = match ending.as_str() {
                "csv" => predictions_csv(&rows, &origin),
                _ => predictions_jsonl(&rows, &origin),
            };
            table.into_bytes()
        }
        (What::Predictions, _) => return wrong("predictions", ".csv or .jsonl"),
        (What::Curves, "svg") => curves_svg(&source.state)?.into_bytes(),
        (What::Curves, _) => return wrong("curves", ".svg"),
        (What::Maps, "png") => maps_png(source, selected.step)?,
        (What::Maps, _) => return wrong("heatmaps", ".png"),
        (What::Report, "html") => report_html(source, selected.step)?.into_bytes(),
        (What::Report, _) => return wrong("a report", ".html"),
        (What::TensorBoard, _) => tensorboard::events(&source.name, &source.state, &source.times)?,
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

#[cfg(test)]
mod tests;
