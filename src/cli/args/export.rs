//! The arguments of `masp sessions export`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::SessionSpec;
use crate::export::{CurveMetric, FigureStyle, What};

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Name or path of a session, with @best, @last (default) or @STEP
    pub session: SessionSpec,
    /// File to write (parameters: .pth and .pt as the reference's PyTorch files, else safetensors); for TensorBoard a folder
    #[arg(value_name = "FILE")]
    pub to: PathBuf,
    /// What to write [default: what a word of the file's name says, such as confusion.pdf, else by extension: .svg and .pdf
    /// curves, .png heatmaps, .html report, .csv and .jsonl metrics, .md and .tex table, .npz attention, else parameters]
    #[arg(long, value_enum)]
    pub what: Option<ExportChoice>,
    /// Export from this evaluation: a folder's name under `evaluations`, or a file's under `predictions`
    #[arg(long, value_name = "NAME")]
    pub evaluation: Option<String>,
    /// What curves show: loss, accuracy, macro-f1, ece, brier, generated, polarity, wheel, lr, grad-norm, samples/s,
    /// cache-hits, recall:CLASS or aspect:NAME [default: loss]
    #[arg(long)]
    pub metric: Option<CurveMetric>,
    /// Draw the curves of this session too; may be repeated
    #[arg(long, value_name = "SESSION")]
    pub with: Vec<String>,
    /// Width of a figure [default: 85, a column; heatmaps 174, a page]
    #[arg(long, value_name = "MM", value_parser = FigureStyle::millimetres)]
    pub width_mm: Option<f64>,
    /// Height of a figure [default: what suits it]
    #[arg(long, value_name = "MM", value_parser = FigureStyle::millimetres)]
    pub height_mm: Option<f64>,
    /// Height of a figure's font in points [default: 8]
    #[arg(long, value_name = "POINTS", value_parser = FigureStyle::points)]
    pub font_pt: Option<f64>,
    /// Go on writing TensorBoard's events until the run ends
    #[arg(long)]
    pub live: bool,
    /// Replace a file that exists without asking
    #[arg(long)]
    pub force: bool,
}

/// What `sessions export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportChoice {
    /// A checkpoint's parameters (.safetensors, .pth, .pt)
    Parameters,
    /// Every step and evaluation (.csv, .jsonl)
    Metrics,
    /// The predictions of the session's newest evaluation, or of the newest of @STEP (.csv, .jsonl)
    Predictions,
    /// An evaluation's figures with 95 % intervals, and its classes (.md, .tex)
    Table,
    /// A metric over the steps (.svg, .pdf, .png)
    Curves,
    /// An evaluation's confusion matrix (.svg, .pdf, .png)
    Confusion,
    /// An evaluation's reliability diagram (.svg, .pdf, .png)
    Reliability,
    /// The recall of each class with 95 % intervals (.svg, .pdf, .png)
    Classes,
    /// The panel's images with their heatmaps (.png, .pdf, .svg)
    #[value(alias = "heatmaps")]
    Maps,
    /// The attention of the panel's images as arrays (.npz)
    Attention,
    /// A self-contained page (.html)
    Report,
    /// Every step and evaluation as TensorBoard events, in a folder of the session's name inside FILE
    #[value(name = "tensorboard")]
    TensorBoard,
}

impl ExportChoice {
    /// What [`crate::export`] writes; None for parameters, which are copied from a checkpoint.
    #[must_use]
    pub const fn what(self) -> Option<What> {
        Some(match self {
            Self::Parameters => return None,
            Self::Metrics => What::Metrics,
            Self::Predictions => What::Predictions,
            Self::Table => What::Table,
            Self::Curves => What::Curves,
            Self::Confusion => What::Confusion,
            Self::Reliability => What::Reliability,
            Self::Classes => What::Classes,
            Self::Maps => What::Maps,
            Self::Attention => What::Attention,
            Self::Report => What::Report,
            Self::TensorBoard => What::TensorBoard,
        })
    }
}

impl ExportArgs {
    /// What is written; None for parameters.
    #[must_use]
    pub fn kind(&self) -> Option<What> {
        match (self.what, &self.evaluation) {
            (Some(choice), _) => choice.what(),
            (None, Some(_)) => Some(of_evaluation(&self.to)),
            (None, None) => What::of_file(&self.to),
        }
    }

    /// Checks that nothing was asked that an export of parameters would ignore.
    ///
    /// # Errors
    /// A sentence that names the flags.
    pub fn check_of_parameters(&self) -> Result<(), &'static str> {
        let of_figures = self.metric.is_some() || !self.with.is_empty() || !self.style().is_usual();
        if of_figures || self.evaluation.is_some() || self.live {
            return Err(
                "parameters have no evaluation, no size and no curves, and are not written live; name a figure or a table with \
                 --what, or leave these flags out",
            );
        }
        Ok(())
    }

    #[must_use]
    pub fn style(&self) -> FigureStyle {
        FigureStyle {
            width_mm: self.width_mm,
            height_mm: self.height_mm,
            font_pt: self.font_pt,
        }
    }
}

/// What a file of an evaluation holds: its predictions, if its name says nothing else.
fn of_evaluation(to: &Path) -> What {
    What::of_file(to)
        .filter(|what| what.is_of_predictions())
        .unwrap_or(What::Predictions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command, SessionsCommand};

    fn parsed(line: &str) -> Box<ExportArgs> {
        let words = format!("masp sessions export {line}");
        match Cli::from_argv(words.split(' ').map(Into::into)).unwrap().command {
            Some(Command::Sessions {
                command: SessionsCommand::Export { asked, .. },
            }) => asked,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_kind_follows_from_what_or_the_file() {
        for (line, kind) in [
            ("S a.csv", Some(What::Metrics)),
            ("S a.csv --evaluation E", Some(What::Predictions)),
            ("S confusion.pdf --evaluation E", Some(What::Confusion)),
            ("S a.pdf --what maps", Some(What::Maps)),
            ("S a.pdf --what heatmaps", Some(What::Maps)),
            ("S a.pth", None),
            ("S a.csv --what parameters", None),
        ] {
            assert_eq!(parsed(line).kind(), kind, "{line}");
        }
    }

    #[test]
    fn parameters_take_no_flags_of_figures() {
        assert!(parsed("S a.pth --force").check_of_parameters().is_ok());
        for flag in ["--metric loss", "--with T", "--width-mm 60", "--live"] {
            assert!(
                parsed(&format!("S a.pth {flag}")).check_of_parameters().is_err(),
                "{flag}"
            );
        }
    }
}
