//! A session for use elsewhere: tables, curves, heatmaps, a report. Reads what lies in the session's folder alone.

mod curves;
mod event_file;
#[cfg(test)]
mod hostile;
mod maps;
mod png_text;
mod report;
mod selected;
mod tables;
mod tensorboard;

use std::io;
use std::path::{Path, PathBuf};

use crate::bounded_file::read_bounded;
use crate::inside::inside_links_too;
use crate::output_file::{check_output, is_stream, write_output_bytes};
use crate::printable::printable_path;
use crate::session::{
    ImageResult, JournalError, Origin, Prediction, ResultsError, RunState, SampleSeen, SessionFolder, each_record,
    read_results,
};

use tensorboard::Times;

pub use curves::curves_svg;
pub use maps::maps_png;
pub use report::report_html;
pub use selected::Selected;
pub use tables::{metrics_csv, metrics_jsonl, predictions_csv, predictions_jsonl};

/// In bytes; with the maps of six aspects over a large image it is one.
const LARGEST_PREDICTION: u64 = 64 << 20;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Every step and evaluation.
    Metrics,
    /// An evaluation's predictions.
    Predictions,
    Curves,
    Maps,
    Report,
    /// Every step and evaluation as an event file.
    TensorBoard,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Results(#[from] ResultsError),
    #[error("{0}")]
    Nothing(String),
    #[error("{0}")]
    Selected(String),
    #[error("cannot write {}: {source}", printable_path(path))]
    Write { path: PathBuf, source: io::Error },
    #[error("{} lies in the session's own folder, which keeps what the run wrote; name a file elsewhere", printable_path(.0))]
    Own(PathBuf),
    #[error("a name in .{ending} cannot hold {what}; use {use_instead}")]
    Ending {
        ending: String,
        what: &'static str,
        use_instead: &'static str,
    },
}

/// A session as it was read.
pub struct Source {
    pub name: String,
    pub folder: PathBuf,
    pub state: RunState,
    times: Times,
}

impl Source {
    /// Reads a session's journal.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(folder: &SessionFolder) -> Result<Self, ExportError> {
        let (mut state, mut times) = (RunState::default(), Times::default());
        each_record(&folder.journal(), |record| {
            state.apply(&record);
            times.take(&record);
        })?;
        Ok(Self {
            name: folder.name().to_owned(),
            folder: folder.path().to_owned(),
            state,
            times,
        })
    }

    /// What was said of a panel's image when it was looked at.
    ///
    /// # Errors
    /// Where the file that the look names cannot be read.
    pub fn prediction(&self, look: &SampleSeen) -> Result<Prediction, ExportError> {
        let path = self.inside(&look.file)?;
        let says = |reason: String| ExportError::Nothing(format!("{}: {reason}", printable_path(&path)));
        let text = read_bounded(&path, LARGEST_PREDICTION).map_err(|error| says(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| says(error.to_string()))
    }

    /// A name from a journal stays inside the session's folder.
    fn inside(&self, file: &Path) -> Result<PathBuf, ExportError> {
        inside_links_too(&self.folder, file).ok_or_else(|| {
            ExportError::Nothing(format!(
                "{}: not a path inside the session's folder",
                printable_path(file)
            ))
        })
    }
}

/// Writes what is `selected` of a session to `to`, in the form that its ending names; an event file into a folder of the
/// session's name in the folder `to`, as TensorBoard wants the runs that it shows beside each other. Gives the file's path.
///
/// # Errors
/// Where there is nothing of the kind, the ending is another's, or the file cannot be written.
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

/// Whether [`export_rows`] could write there.
///
/// # Errors
/// Where the ending is another's, or what lies there is no file.
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

/// Writes some rows of an evaluation to `to`, as CSV or JSON Lines; gives its path.
///
/// # Errors
/// Where the ending is another's, or the file cannot be written.
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

/// A pipe has no ending, and tables are what goes into one.
fn rows_ending(to: &Path) -> String {
    let ending = ending(to);
    if ending.is_empty() && is_stream(to) {
        "csv".to_owned()
    } else {
        ending
    }
}

/// What a file's name ends in, in small letters.
#[must_use]
pub fn ending(to: &Path) -> String {
    let ending = to.extension().and_then(|ending| ending.to_str());
    ending.unwrap_or_default().to_lowercase()
}

fn contents(source: &Source, what: What, selected: &Selected, to: &Path) -> Result<Vec<u8>, ExportError> {
    let mut ending = ending(to);
    if ending.is_empty() && is_stream(to) {
        // A pipe's name says nothing.
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

/// Nothing is written into the session's own folder. Of folders that are still to be made, the first that is there counts.
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
