//! The rows of an evaluation, and figures that are computed from them once.

use std::cmp::{Ordering, Reverse};

use rayon::prelude::*;

pub use super::rankings::Ranking;
use super::{
    query::Query,
    rankings::{Confusion, by_recall, confusions, of_classes, of_confidence},
};
use crate::{
    metrics::{Bin, Scored, reliability},
    session::ImageResult,
};

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Image,
    Gold,
    Predicted,
    Confidence,
    Margin,
    Loss,
    Annotation,
}

impl Column {
    pub const ALL: [Self; 7] = [
        Self::Image,
        Self::Gold,
        Self::Predicted,
        Self::Confidence,
        Self::Margin,
        Self::Loss,
        Self::Annotation,
    ];

    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Gold => "gold",
            Self::Predicted => "says",
            Self::Confidence => "conf",
            Self::Margin => "margin",
            Self::Loss => "loss",
            Self::Annotation => "annotation",
        }
    }

    /// Whether choosing the column first sorts it in descending order, as for most numbers.
    #[must_use]
    pub const fn falls_first(self) -> bool {
        matches!(self, Self::Confidence | Self::Margin | Self::Loss)
    }

    /// The column after this one.
    #[must_use]
    pub fn next(self) -> Self {
        let place = Self::ALL.iter().position(|&column| column == self).unwrap_or(0);
        Self::ALL[(place + 1) % Self::ALL.len()]
    }
}

/// An evaluation's rows and figures.
#[derive(Debug)]
pub struct Rows {
    all: Vec<ImageResult>,
    /// `[column][row]`: the row's rank, the same for equal values. Ranks are computed once, because sorting a hundred
    /// thousand names takes too long for a key press.
    ranks: Vec<Vec<u32>>,
    pub labels: Vec<String>,
    /// `[gold][predicted]`
    pub confusion: Vec<Vec<u32>>,
    /// The most frequent first.
    pub confusions: Vec<Confusion>,
    /// The classes, the lowest recall first.
    pub by_recall: Vec<usize>,
    /// Ten bins of equal width.
    pub bins: Vec<Bin>,
    /// For each class.
    pub precision_recall: Vec<Ranking>,
    pub risk_coverage: Ranking,
    pub figures: Figures,
}

/// Figures over all rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    pub accuracy: f64,
    pub macro_f1: f64,
    pub ece: f64,
    pub wheel_distance: Option<f64>,
    pub polarity_accuracy: Option<f64>,
}

impl Rows {
    /// The rows of a file; the classes are those to which its predictions assign probabilities.
    #[must_use]
    pub fn new(all: Vec<ImageResult>) -> Self {
        let labels = classes(&all);
        let place = |name: &str| labels.iter().position(|label| label == name);
        let probabilities: Vec<Vec<f64>> = all
            .iter()
            .map(|row| row.prediction.probabilities.values().copied().collect())
            .collect();
        let scored: Vec<Scored> = all
            .iter()
            .zip(&probabilities)
            .filter_map(|(row, probabilities)| {
                Some(Scored {
                    gold: place(&row.gold)?,
                    probabilities,
                    generated: &row.prediction.generated,
                })
            })
            .collect();
        let mut confusion = vec![vec![0; labels.len()]; labels.len()];
        for row in &all {
            if let (Some(gold), Some(predicted)) = (place(&row.gold), place(&row.prediction.prediction)) {
                confusion[gold][predicted] += 1;
            }
        }
        let figures = Figures {
            accuracy: crate::metrics::accuracy(&scored),
            macro_f1: crate::metrics::macro_f1(labels.len(), &scored),
            ece: crate::metrics::expected_calibration_error(&scored),
            wheel_distance: crate::metrics::wheel_distance(&labels, &scored),
            polarity_accuracy: crate::metrics::polarity_accuracy(&labels, &scored),
        };
        let bins = reliability(&scored);
        let (precision_recall, risk_coverage) = (of_classes(labels.len(), &scored), of_confidence(&scored));
        let ranks = Column::ALL.par_iter().map(|&column| ranks(&all, column)).collect();
        let mut rows = Self {
            all,
            ranks,
            labels,
            confusions: confusions(&confusion),
            by_recall: Vec::new(),
            confusion,
            bins,
            precision_recall,
            risk_coverage,
            figures,
        };
        let recalls: Vec<f64> = (0..rows.labels.len()).map(|class| rows.class(class).0).collect();
        rows.by_recall = by_recall(&recalls);
        rows
    }

    /// All rows, in the order of the evaluation.
    #[must_use]
    pub fn all(&self) -> &[ImageResult] {
        &self.all
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    #[must_use]
    pub fn get(&self, row: u32) -> Option<&ImageResult> {
        self.all.get(row as usize)
    }

    /// Recall, precision and support of a class. A class without images has no recall, and one that is never predicted either
    /// has no precision; they are NaN.
    #[must_use]
    pub fn class(&self, class: usize) -> (f64, f64, u32) {
        let of = |row: &Vec<u32>| row.get(class).copied().unwrap_or(0);
        let hits = self.confusion.get(class).map_or(0, of);
        let support: u32 = self.confusion.get(class).map_or(0, |row| row.iter().sum());
        let predicted: u32 = self.confusion.iter().map(of).sum();
        let precision = if support > 0 && predicted == 0 {
            0.0
        } else {
            f64::from(hits) / f64::from(predicted)
        };
        (f64::from(hits) / f64::from(support), precision, support)
    }

    /// The rows that pass `query`, sorted by a column (`true`: descending), or else in the order of the evaluation.
    #[must_use]
    pub fn arranged(&self, query: &Query, sort: Option<(Column, bool)>) -> Vec<u32> {
        let mut shown: Vec<u32> = (0..self.all.len() as u32)
            .filter(|&row| self.get(row).is_some_and(|row| query.holds(row)))
            .collect();
        let Some((column, falling)) = sort else { return shown };
        let Some(ranks) = self.ranks.get(column as usize) else {
            return shown;
        };
        let rank = |row: u32| ranks.get(row as usize).copied();
        if falling {
            shown.sort_by_key(|&row| Reverse(rank(row)));
        } else {
            shown.sort_by_key(|&row| rank(row));
        }
        shown
    }
}

/// The classes to which an evaluation's predictions assign probabilities.
#[must_use]
pub fn classes(all: &[ImageResult]) -> Vec<String> {
    let first = all.first();
    first
        .map(|row| row.prediction.probabilities.keys().cloned().collect())
        .unwrap_or_default()
}

/// Each row's rank in the column's order; equal values have the same rank.
fn ranks(all: &[ImageResult], column: Column) -> Vec<u32> {
    let text = |of: fn(&ImageResult) -> &str| ranks_by(all, of, Ord::cmp);
    let number = |of: fn(&ImageResult) -> f64| ranks_by(all, of, f64::total_cmp);
    match column {
        Column::Image => text(|row| &row.prediction.image),
        Column::Gold => text(|row| &row.gold),
        Column::Predicted => text(|row| &row.prediction.prediction),
        Column::Confidence => number(ImageResult::confidence),
        Column::Margin => number(ImageResult::margin),
        Column::Loss => number(|row| row.loss),
        Column::Annotation => ranks_by(all, annotation, Ord::cmp),
    }
}

fn ranks_by<'a, K>(all: &'a [ImageResult], key: impl Fn(&'a ImageResult) -> K, by: fn(&K, &K) -> Ordering) -> Vec<u32> {
    let keys: Vec<K> = all.iter().map(key).collect();
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|&a, &b| by(&keys[a], &keys[b]));
    let (mut ranks, mut rank) = (vec![0; keys.len()], 0);
    for (place, &row) in order.iter().enumerate() {
        if place > 0 && by(&keys[order[place - 1]], &keys[row]).is_ne() {
            rank += 1;
        }
        ranks[row] = rank;
    }
    ranks
}

/// The annotation's values, aspect by aspect.
#[must_use]
pub fn annotation(row: &ImageResult) -> String {
    let values: Vec<&str> = row.annotation.values().map(String::as_str).collect();
    values.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::evaluated;

    #[test]
    fn figures_are_those_of_the_rows() {
        let rows = Rows::new(evaluated::results(400));
        let right = rows.all.iter().filter(|row| row.is_right()).count();
        assert!((rows.figures.accuracy - right as f64 / 400.0).abs() < 1e-12);
        let diagonal: u32 = (0..rows.labels.len()).map(|class| rows.confusion[class][class]).sum();
        assert_eq!(diagonal as usize, right);
        assert_eq!(rows.confusion.iter().flatten().sum::<u32>(), 400);
        assert_eq!(rows.bins.iter().map(|bin| bin.samples).sum::<usize>(), 400);
        let support: u32 = (0..rows.labels.len()).map(|class| rows.class(class).2).sum();
        assert_eq!(support, 400);
    }

    #[test]
    fn sorting_keeps_the_order_of_equals() {
        let rows = Rows::new(evaluated::results(300));
        let all = Query::default();
        assert_eq!(rows.arranged(&all, None), (0..300).collect::<Vec<_>>());
        let by_loss = rows.arranged(&all, Some((Column::Loss, true)));
        assert!(
            by_loss
                .windows(2)
                .all(|two| rows.all[two[0] as usize].loss >= rows.all[two[1] as usize].loss)
        );
        let by_gold = rows.arranged(&all, Some((Column::Gold, false)));
        assert!(by_gold.windows(2).all(|two| {
            let (a, b) = (&rows.all[two[0] as usize].gold, &rows.all[two[1] as usize].gold);
            a < b || (a == b && two[0] < two[1])
        }));
    }

    #[test]
    fn an_empty_table_has_figures() {
        let rows = Rows::new(Vec::new());
        assert_eq!((rows.len(), rows.figures.accuracy), (0, 0.0));
        assert!(rows.arranged(&Query::default(), Some((Column::Loss, false))).is_empty());
    }
}
