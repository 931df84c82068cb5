//! Which runs the table shows, and in what order.

use std::cmp::Ordering;

use super::{
    column::{Cell, Column},
    query::Query,
};
use crate::session::SessionSummary;

/// The order of the rows; runs without a value come last in either direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    pub column: Column,
    pub descending: bool,
}

impl Default for Sort {
    /// The latest start first.
    fn default() -> Self {
        Self::by(Column::Started)
    }
}

impl Sort {
    /// By a column, in the order that one looks for first: large figures and late starts, small errors and early letters.
    #[must_use]
    pub fn by(column: Column) -> Self {
        use super::column::Figure::{Accuracy, Generated, MacroF1};
        let descending = matches!(
            column,
            Column::Best(Accuracy | Generated | MacroF1)
                | Column::Test(Accuracy | Generated | MacroF1)
                | Column::Rate
                | Column::Steps
                | Column::Started
        );
        Self { column, descending }
    }

    /// `test`, or `-test` for the other direction.
    ///
    /// # Errors
    /// A sentence where it is no column.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix('-') {
            Some(name) => Ok(Self::by(Column::parse(name)?).turned()),
            None => Ok(Self::by(Column::parse(text)?)),
        }
    }

    /// The same column in the other direction.
    #[must_use]
    pub fn turned(self) -> Self {
        Self {
            descending: !self.descending,
            ..self
        }
    }

    /// The order of two values.
    #[must_use]
    pub fn compare(&self, a: &Cell, b: &Cell) -> Ordering {
        let turned = |order: Ordering| if self.descending { order.reverse() } else { order };
        match (a, b) {
            (Cell::Missing, Cell::Missing) => Ordering::Equal,
            (Cell::Missing, _) => Ordering::Greater,
            (_, Cell::Missing) => Ordering::Less,
            (Cell::Number(a), Cell::Number(b)) => turned(a.total_cmp(b)),
            (Cell::Text(a), Cell::Text(b)) => turned(a.cmp(b)),
            (Cell::Number(_), Cell::Text(_)) => Ordering::Less,
            (Cell::Text(_), Cell::Number(_)) => Ordering::Greater,
        }
    }
}

/// The runs that pass, in order, as indices into `all`; equal ones stay in the order of `all`.
#[must_use]
pub fn arrange(all: &[SessionSummary], query: &Query, sort: &Sort) -> Vec<usize> {
    let mut shown: Vec<(usize, Cell)> = all
        .iter()
        .enumerate()
        .filter(|(_, run)| query.holds(run))
        .map(|(row, run)| (row, sort.column.cell(run)))
        .collect();
    shown.sort_by(|(_, a), (_, b)| sort.compare(a, b));
    shown.into_iter().map(|(row, _)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::evaluated::summaries;

    #[test]
    fn runs_without_a_value_come_last_in_either_direction() {
        let all = summaries(9);
        for text in ["test", "-test"] {
            let sort = Sort::parse(text).unwrap();
            let order = arrange(&all, &Query::default(), &sort);
            let values: Vec<Option<f64>> = order.iter().map(|&row| all[row].test_accuracy).collect();
            let known: Vec<f64> = values.iter().flatten().copied().collect();
            assert!(values[..known.len()].iter().all(Option::is_some), "{values:?}");
            let falls = known.windows(2).all(|two| two[0] >= two[1]);
            let rises = known.windows(2).all(|two| two[0] <= two[1]);
            assert_eq!((falls, rises), (text == "test", text == "-test"), "{known:?}");
        }
    }

    #[test]
    fn the_filter_decides_what_is_shown() {
        let all = summaries(9);
        let query = Query::parse("lr<0.01").unwrap();
        assert_eq!(arrange(&all, &query, &Sort::default()), [1]);
    }
}
