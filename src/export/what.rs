//! The kinds of export, and which files hold them.

use std::path::Path;

/// A kind of export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Every step and evaluation.
    Metrics,
    /// An evaluation's predictions.
    Predictions,
    /// An evaluation's figures with intervals.
    Table,
    /// A metric over the steps, of one or several runs.
    Curves,
    /// An evaluation's confusion matrix.
    Confusion,
    /// How far an evaluation's probabilities can be trusted.
    Reliability,
    /// The recall of each class.
    Classes,
    /// The panel's images with their aspects' attention maps.
    Maps,
    /// The attention of the panel's images as arrays.
    Attention,
    /// All of it on one page.
    Report,
    /// Every step and evaluation as an event file.
    TensorBoard,
}

impl What {
    /// All kinds that are single files.
    const FILES: [Self; 10] = [
        Self::Metrics,
        Self::Predictions,
        Self::Table,
        Self::Curves,
        Self::Confusion,
        Self::Reliability,
        Self::Classes,
        Self::Maps,
        Self::Attention,
        Self::Report,
    ];

    /// The word that stands for it in file names, such as `confusion.svg`.
    const fn word(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Predictions => "predictions",
            Self::Table => "table",
            Self::Curves => "curves",
            Self::Confusion => "confusion",
            Self::Reliability => "reliability",
            Self::Classes => "classes",
            Self::Maps => "heatmaps",
            Self::Attention => "attention",
            Self::Report => "report",
            Self::TensorBoard => "tensorboard",
        }
    }

    /// What an error calls it.
    pub(super) const fn said(self) -> &'static str {
        match self {
            Self::Confusion => "a confusion matrix",
            Self::Reliability => "a reliability diagram",
            Self::Classes => "bars of the classes",
            Self::Table => "a table of figures",
            Self::Attention => "arrays of attention",
            Self::Report => "a report",
            other => other.word(),
        }
    }

    /// The extensions of its files, the usual one first; none for an event file.
    #[must_use]
    pub const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Metrics | Self::Predictions => &["csv", "jsonl"],
            Self::Table => &["md", "tex"],
            Self::Curves | Self::Confusion | Self::Reliability | Self::Classes => &["svg", "pdf", "png"],
            Self::Maps => &["png", "pdf", "svg"],
            Self::Attention => &["npz"],
            Self::Report => &["html"],
            Self::TensorBoard => &[],
        }
    }

    /// Whether it is a drawing, which has a size.
    #[must_use]
    pub const fn is_figure(self) -> bool {
        matches!(
            self,
            Self::Curves | Self::Confusion | Self::Reliability | Self::Classes | Self::Maps
        )
    }

    /// Whether it is made of one evaluation's predictions.
    #[must_use]
    pub const fn is_of_predictions(self) -> bool {
        matches!(
            self,
            Self::Predictions | Self::Table | Self::Confusion | Self::Reliability | Self::Classes
        )
    }

    /// What a file of this name is to hold: what a word of its name says (`first-confusion.pdf`), else what its extension
    /// usually holds. None for extensions of other files.
    #[must_use]
    pub fn of_file(path: &Path) -> Option<Self> {
        let ending = ending(path);
        let fits = |what: &Self| what.endings().contains(&ending.as_str());
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let stem = stem.to_lowercase();
        let mut words = stem.split(|c: char| !c.is_alphanumeric());
        let named = words.find_map(|word| {
            let is_it = |what: &Self| what.word() == word || (*what == Self::Maps && word == "maps");
            Self::FILES.into_iter().filter(fits).find(is_it)
        });
        named.or_else(|| {
            Some(match ending.as_str() {
                "csv" | "jsonl" => Self::Metrics,
                "svg" | "pdf" => Self::Curves,
                "png" => Self::Maps,
                "md" | "tex" => Self::Table,
                "npz" => Self::Attention,
                "html" => Self::Report,
                _ => return None,
            })
        })
    }
}

/// A file name's extension in lower case; empty if there is none.
#[must_use]
pub fn ending(to: &Path) -> String {
    let ending = to.extension().and_then(|ending| ending.to_str());
    ending.unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_says_what_it_is_to_hold() {
        for (name, what) in [
            ("steps.csv", Some(What::Metrics)),
            ("Predictions.CSV", Some(What::Predictions)),
            ("first-confusion.pdf", Some(What::Confusion)),
            ("a.svg", Some(What::Curves)),
            ("reliability.png", Some(What::Reliability)),
            ("x.png", Some(What::Maps)),
            ("maps.pdf", Some(What::Maps)),
            ("classes.csv", Some(What::Metrics)),
            ("t.tex", Some(What::Table)),
            ("a.npz", Some(What::Attention)),
            ("report.html", Some(What::Report)),
            ("confusion.pth", None),
            ("runs", None),
        ] {
            assert_eq!(What::of_file(Path::new(name)), what, "{name}");
        }
    }
}
