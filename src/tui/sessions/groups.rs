//! Groups of runs that differ by their seed alone: what they are over, and their figures.

use crate::{
    runs::{Column, Figure, Groups, Sort},
    session::SessionSummary,
};

/// What runs of a group differ by.
const SEED: &str = "train.seed";

/// The groups of `runs`. By an order that only runs have, such as their start, the best group stands first: the others are
/// compared with it.
#[must_use]
pub fn of(runs: &[&SessionSummary], sort: &Sort) -> Groups {
    let mut groups = Groups::of(runs, &[Column::Setting(SEED.to_owned())]);
    let can_sort = sort.column.is_figure() || groups.settings.contains(&sort.column);
    let best = groups
        .compared(runs, &figures())
        .cloned()
        .map(Sort::by)
        .unwrap_or_default();
    groups.sort(runs, if can_sort { sort } else { &best });
    groups
}

/// The figures of a group.
#[must_use]
pub const fn figures() -> [Column; 4] {
    [
        Column::Test(Figure::Accuracy),
        Column::Test(Figure::MacroF1),
        Column::Test(Figure::Ece),
        Column::Best(Figure::Accuracy),
    ]
}
