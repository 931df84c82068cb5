//! Runs that differ by their seed alone, as one row with mean, standard deviation and n.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::{
    arrange::Sort,
    column::{Cell, Column, Figure},
};
use crate::{
    metrics::{MeanDifference, Spread},
    session::{SessionSummary, comparable},
};

/// Settings that change nothing of what is learnt, by what their keys begin with: checkpoints, log and caches.
const NOT_LEARNT: [&str; 5] = [
    "checkpoint.",
    "train.logging_steps",
    "train.save_strategy",
    "data.cache",
    "data.disk_cache_mb",
];

/// Whether two runs that differ by this setting may learn different things.
#[must_use]
pub fn changes_what_is_learnt(key: &str) -> bool {
    !NOT_LEARNT.iter().any(|begin| key.starts_with(begin))
}

/// The groups of some runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    /// The settings that tell the groups apart, as columns.
    pub settings: Vec<Column>,
    pub groups: Vec<Group>,
}

/// Runs whose settings are equal but for those that the group is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Indices into the list that was grouped, at least one.
    pub runs: Vec<usize>,
}

impl Groups {
    /// Groups runs over the settings `over`, the seed for instance: all other settings that differ between any two of the
    /// runs tell the groups apart. The groups have the order of their first runs.
    #[must_use]
    pub fn of(runs: &[&SessionSummary], over: &[Column]) -> Self {
        let over: Vec<&str> = over
            .iter()
            .filter_map(|column| match column {
                Column::Setting(key) => Some(key.as_str()),
                _ => None,
            })
            .collect();
        let settings: Vec<_> = runs.iter().map(|run| &run.settings).collect();
        let flat = comparable(&settings);
        let keys: BTreeSet<&String> = flat.iter().flat_map(IndexMap::keys).collect();
        let differ = |key: &&String| flat.windows(2).any(|two| two[0].get(*key) != two[1].get(*key));
        let keys: Vec<&String> = keys
            .into_iter()
            .filter(|key| !over.contains(&key.as_str()) && changes_what_is_learnt(key))
            .filter(differ)
            .collect();
        let mut groups: IndexMap<Vec<String>, Vec<usize>> = IndexMap::new();
        for (run, settings) in flat.iter().enumerate() {
            let own = keys
                .iter()
                .map(|key| settings.get(*key).map(ToString::to_string).unwrap_or_default());
            groups.entry(own.collect()).or_default().push(run);
        }
        Self {
            settings: keys.into_iter().map(|key| Column::Setting(key.clone())).collect(),
            groups: groups.into_values().map(|runs| Group { runs }).collect(),
        }
    }

    /// The figure by which groups are compared: the test accuracy if it is among `figures` and any group has it, else the
    /// first that any has.
    #[must_use]
    pub fn compared<'a>(&self, runs: &[&SessionSummary], figures: &'a [Column]) -> Option<&'a Column> {
        let known = |column: &&Column| self.groups.iter().any(|group| group.spread(runs, column).is_some());
        let test = Column::Test(Figure::Accuracy);
        let is_test = |column: &&Column| **column == test;
        let of_test = figures.iter().find(is_test).filter(known);
        of_test.or_else(|| figures.iter().find(known))
    }

    /// Sorts the groups by a column, figures by their means.
    pub fn sort(&mut self, runs: &[&SessionSummary], sort: &Sort) {
        self.groups
            .sort_by(|a, b| sort.compare(&a.cell(runs, &sort.column), &b.cell(runs, &sort.column)));
    }
}

impl Group {
    /// A figure over the group's runs; `None` where none has it, or the column is no figure.
    #[must_use]
    pub fn spread(&self, runs: &[&SessionSummary], column: &Column) -> Option<Spread> {
        let values: Vec<f64> = self
            .runs
            .iter()
            .filter_map(|&run| match column.cell(runs[run]) {
                Cell::Number(number) if column.is_figure() => Some(number),
                _ => None,
            })
            .collect();
        Spread::of(&values)
    }

    /// The group's value in a column: a figure's mean, what all its runs have, or nothing.
    #[must_use]
    pub fn cell(&self, runs: &[&SessionSummary], column: &Column) -> Cell {
        if column.is_figure() {
            return self
                .spread(runs, column)
                .map_or(Cell::Missing, |spread| Cell::Number(spread.mean));
        }
        let mut cells = self.runs.iter().map(|&run| column.cell(runs[run]));
        let first = cells.next().unwrap_or(Cell::Missing);
        if cells.all(|cell| cell == first) {
            first
        } else {
            Cell::Missing
        }
    }

    /// A figure's mean minus that of `other`, with a 95 % interval.
    #[must_use]
    pub fn minus(&self, other: &Self, runs: &[&SessionSummary], column: &Column) -> Option<MeanDifference> {
        self.spread(runs, column)?.minus(&other.spread(runs, column)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{made_up::evaluated::summaries, runs::parse_columns};

    /// Two learning rates with three seeds each, one of them without a test.
    fn six() -> Vec<SessionSummary> {
        let mut runs = summaries(6);
        for (n, run) in runs.iter_mut().enumerate() {
            let rate = if n % 2 == 0 { 1e-3 } else { 3e-3 };
            run.settings = json!({ "train": { "seed": n / 2, "prompt": { "learning_rate": rate } }, "session": { "name": run.name },
                "checkpoint": { "keep_last": n + 1 } });
            run.test_accuracy = (n != 5).then_some(0.8 + 0.01 * n as f64);
        }
        runs
    }

    #[test]
    fn runs_that_differ_by_their_seed_are_one_group() {
        let six = six();
        let runs: Vec<&SessionSummary> = six.iter().collect();
        let over = [Column::parse("seed").unwrap()];
        let mut found = Groups::of(&runs, &over);
        assert_eq!(found.settings, [Column::parse("lr").unwrap()]);
        assert_eq!(
            found.groups.iter().map(|group| group.runs.clone()).collect::<Vec<_>>(),
            [vec![0, 2, 4], vec![1, 3, 5]]
        );
        let test = Column::Test(Figure::Accuracy);
        let figures = parse_columns("time best test").unwrap();
        assert_eq!(found.compared(&runs, &figures), Some(&test));
        assert_eq!(found.compared(&runs, &figures[..2]), Some(&Column::Time));
        let [a, b] = [0, 1].map(|n| found.groups[n].spread(&runs, &test).unwrap());
        assert_eq!((a.n, b.n), (3, 2));
        assert!((a.mean - 0.82).abs() < 1e-12 && (b.mean - 0.82).abs() < 1e-12);
        let difference = found.groups[0].minus(&found.groups[1], &runs, &test).unwrap();
        assert!(difference.low < 0.0 && difference.high > 0.0);

        six.iter().for_each(|run| assert!(run.settings["session"].is_object()));
        let lr = Sort::parse("-lr").unwrap();
        found.sort(&runs, &lr);
        assert_eq!(found.groups[0].runs, [1, 3, 5]);
        assert_eq!(found.groups[0].cell(&runs, &Column::Name), Cell::Missing);
    }

    #[test]
    fn groups_over_nothing_are_the_different_settings() {
        let six = six();
        let runs: Vec<&SessionSummary> = six.iter().collect();
        let found = Groups::of(&runs, &[]);
        assert_eq!(found.groups.len(), 6);
        assert_eq!(found.settings.len(), 2);
        assert_eq!(Groups::of(&[], &[]).groups, []);
    }
}
