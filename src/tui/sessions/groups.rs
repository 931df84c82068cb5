//! The sessions that are shown as groups of runs that differ by their seed alone.

use super::Sessions;
use crate::{
    runs::{Column, Figure, Group, Groups, Sort},
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

impl Sessions {
    /// Shows groups, or single runs again.
    pub fn group(&mut self) {
        self.groups = match self.groups {
            Some(_) => None,
            None => Some(of(&self.runs(), &self.sort)),
        };
        self.selected = 0;
    }

    /// The group under the cursor.
    #[must_use]
    pub fn chosen_group(&self) -> Option<&Group> {
        self.groups.as_ref()?.groups.get(self.selected)
    }

    /// Shows the runs of the group under the cursor alone.
    pub fn open_group(&mut self) {
        let Some(group) = self.chosen_group() else { return };
        let runs = self.runs();
        let within = group
            .runs
            .iter()
            .filter_map(|&run| runs.get(run))
            .map(|run| run.path.clone());
        self.within = Some(within.collect());
        self.groups = None;
        self.selected = 0;
        self.arrange();
    }
}
