//! Showing sessions as groups, and the runs of one group.

use super::{Sessions, groups};
use crate::runs::Group;

impl Sessions {
    /// Shows groups, or single runs again.
    pub fn group(&mut self) {
        self.groups = match self.groups {
            Some(_) => None,
            None => Some(groups::of(&self.runs(), &self.sort)),
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
