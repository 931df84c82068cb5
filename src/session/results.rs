//! The predictions of a whole evaluation: one image a line.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Prediction, journal_block::LONGEST_LINE, nullable};
use crate::atomic_file::write_atomically;
use crate::bounded_file::{open_regular, read_line};
use crate::data::View;
use crate::printable::{printable, printable_path};

/// The model's answer for one image of an evaluation, with its gold label and annotation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageResult {
    /// Without maps and rationale, which are computed for single images only.
    #[serde(flatten)]
    pub prediction: Prediction,
    pub gold: String,
    /// Mean loss over the gold answer's supervised tokens, in nats.
    #[serde(default = "unknown", deserialize_with = "nullable::number")]
    pub loss: f64,
    /// What the annotation says of each aspect that it mentions.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub annotation: IndexMap<View, String>,
}

impl ImageResult {
    /// Whether the most likely label is the gold one.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.prediction.prediction == self.gold
    }

    /// The most likely label's probability.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        self.prediction
            .probabilities
            .get(&self.prediction.prediction)
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// The most likely label's probability minus that of the next one.
    #[must_use]
    pub fn margin(&self) -> f64 {
        let others = self.prediction.probabilities.iter();
        let others = others.filter(|(label, _)| **label != self.prediction.prediction);
        self.confidence() - others.map(|(_, p)| *p).fold(0.0, f64::max)
    }
}

/// Why predictions cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    #[error("cannot read the predictions {}: {source}", printable_path(path))]
    Io { path: PathBuf, source: io::Error },
    #[error("{}, line {line}: {reason}", printable_path(path))]
    Line { path: PathBuf, line: usize, reason: String },
}

const fn unknown() -> f64 {
    f64::NAN
}

/// Writes the rows of an evaluation.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_results<'a>(path: &Path, rows: impl Iterator<Item = &'a ImageResult>) -> io::Result<()> {
    write_atomically(path, |file| write_rows(file, rows))
}

/// [`write_results`] to an open file.
///
/// # Errors
/// What the file system reports.
pub fn write_rows<'a>(file: &mut File, rows: impl Iterator<Item = &'a ImageResult>) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    for row in rows {
        serde_json::to_writer(&mut file, row)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

/// Reads the rows of an evaluation.
///
/// # Errors
/// A file that cannot be read, a line that is no result.
pub fn read_results(path: &Path) -> Result<Vec<ImageResult>, ResultsError> {
    let failed = |source| ResultsError::Io {
        path: path.to_owned(),
        source,
    };
    let mut reader = BufReader::new(open_regular(path).map_err(failed)?);
    let (mut rows, mut line) = (Vec::new(), Vec::new());
    loop {
        read_line(&mut reader, &mut line, LONGEST_LINE).map_err(failed)?;
        if line.is_empty() {
            return Ok(rows);
        }
        rows.push(serde_json::from_slice(&line).map_err(|error| ResultsError::Line {
            path: path.to_owned(),
            line: rows.len() + 1,
            reason: printable(&error.to_string()).into_owned(),
        })?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{RunState, SessionFolder, kept_evaluations};

    fn result(probabilities: &[(&str, f64)], gold: &str) -> ImageResult {
        let probabilities: IndexMap<String, f64> = probabilities
            .iter()
            .map(|(label, p)| ((*label).to_owned(), *p))
            .collect();
        ImageResult {
            prediction: Prediction {
                image: "awe/1.jpg".into(),
                prediction: "awe".into(),
                log_likelihoods: probabilities.clone(),
                probabilities,
                generated: "awe".into(),
                rationale: String::new(),
                aspects: IndexMap::new(),
            },
            gold: gold.into(),
            loss: 0.25,
            annotation: IndexMap::from_iter([(View::Scene, "beach".to_owned())]),
        }
    }

    #[test]
    fn rows_survive_a_round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        let rows = [
            result(&[("awe", 0.7), ("fear", 0.3)], "awe"),
            result(&[("awe", 0.6), ("fear", f64::NAN)], "fear"),
        ];
        write_results(&path, rows.iter()).unwrap();
        let read = read_results(&path).unwrap();
        assert_eq!(read[0], rows[0]);
        assert!(read[1].prediction.probabilities["fear"].is_nan());
        assert!((read[0].margin() - 0.4).abs() < 1e-12 && read[0].is_right() && !read[1].is_right());
        assert!((read[1].margin() - 0.6).abs() < 1e-12);
    }

    #[test]
    fn the_examples_in_sessions_can_be_browsed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions");
        for name in ["example", "example-prompt-only"] {
            let folder = SessionFolder::open(&root, name).unwrap();
            let mut state = RunState::default();
            for record in crate::session::read_journal(&folder.journal()).unwrap() {
                state.apply(&record);
            }
            assert_eq!(state.ended.as_ref().map(|ended| ended.reason.as_str()), Some("done"));
            assert!(state.session.as_ref().is_some_and(|start| start.drawn.is_some()));
            let kept = kept_evaluations(folder.path(), &state);
            let rows = kept.iter().map(|kept| read_results(&kept.path).unwrap().len());
            assert_eq!(rows.collect::<Vec<_>>(), [96, 160, 240], "{name}");
            for look in state.panel.values().flatten() {
                assert!(folder.path().join(&look.file).is_file() && folder.path().join(&look.thumbnail).is_file());
            }
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        let good = serde_json::to_string(&result(&[("awe", 1.0)], "awe")).unwrap();
        std::fs::write(&path, format!("{good}\n{{\"image\": 3}}\n")).unwrap();
        let error = read_results(&path).unwrap_err().to_string();
        assert!(error.contains("rows.jsonl, line 2"), "{error}");
        assert!(read_results(&folder.path().join("none")).is_err());
    }
}
