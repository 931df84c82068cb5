//! The Sessions screen, and its state: all sessions, those that are shown, alone or in groups, and those that are marked for a
//! comparison.

pub mod form;
mod form_keys;
mod grouping;
pub mod groups;
mod keys;
pub mod layout;
pub mod panes;

use std::path::{Path, PathBuf};

use form::Form;

use super::{overlays::MOST, palette::matching};
use crate::{
    runs::{Column, Figure, Groups, Query, Sort, arrange, parse_columns},
    session::SessionSummary,
    text::{clean, columns},
};

/// The screen's state.
#[derive(Debug)]
pub struct Sessions {
    /// The folder of all sessions.
    pub root: Option<PathBuf>,
    /// All sessions, the latest start first; `None` until the folder has been read.
    pub all: Option<Result<Vec<SessionSummary>, String>>,
    /// The filter as it was typed, and what it asks for.
    pub filter: String,
    query: Query,
    /// The table's columns, from the left.
    pub columns: Vec<Column>,
    /// The width that each column would like, over the rows shown.
    pub widths: Vec<usize>,
    pub sort: Sort,
    /// The column that was chosen for the order; `None`: the latest start first.
    sorted_by: Option<usize>,
    /// Indices into `all`, in order.
    pub shown: Vec<usize>,
    /// The row under the cursor: an index into `shown`, or into the groups.
    pub selected: usize,
    /// The sessions to be compared or overlaid, by path: the first is A.
    pub marked: Vec<PathBuf>,
    /// The shown sessions as groups, where groups are shown.
    pub groups: Option<Groups>,
    /// The sessions of the group that was opened: no others are shown.
    pub within: Option<Vec<PathBuf>>,
    /// The form for a new run, while it is filled in.
    pub form: Option<Form>,
}

impl Default for Sessions {
    fn default() -> Self {
        let columns = vec![
            Column::Name,
            Column::State,
            Column::Progress,
            Column::Best(Figure::Accuracy),
            Column::Test(Figure::Accuracy),
            Column::Time,
            Column::Curve,
            Column::Started,
            Column::Data,
            Column::Model,
        ];
        Self {
            root: None,
            all: None,
            filter: String::new(),
            query: Query::default(),
            widths: vec![0; columns.len()],
            columns,
            sort: Sort::default(),
            sorted_by: None,
            shown: Vec::new(),
            selected: 0,
            marked: Vec::new(),
            groups: None,
            within: None,
            form: None,
        }
    }
}

impl Sessions {
    /// The sessions under a root, which has not been read yet.
    #[must_use]
    pub fn of(root: Option<PathBuf>) -> Self {
        Self {
            root,
            ..Self::default()
        }
    }

    /// Takes a new list; the cursor stays on its session.
    pub fn listed(&mut self, all: Result<Vec<SessionSummary>, String>) {
        let path = self.session().map(|session| session.path.clone());
        self.all = Some(all);
        self.arrange();
        if let Some(path) = path.filter(|_| self.groups.is_none()) {
            let place = (0..self.shown.len()).find(|&row| self.row(row).is_some_and(|session| session.path == path));
            self.selected = place.unwrap_or(self.selected);
        }
    }

    /// The session in a row.
    #[must_use]
    pub fn row(&self, row: usize) -> Option<&SessionSummary> {
        let all = self.all.as_ref()?.as_ref().ok()?;
        all.get(*self.shown.get(row)?)
    }

    /// The session under the cursor; `None` on a group.
    #[must_use]
    pub fn session(&self) -> Option<&SessionSummary> {
        self.groups.is_none().then(|| self.row(self.selected)).flatten()
    }

    /// The session that the one under the cursor is compared with in the details: the first marked one, or else the
    /// next row.
    #[must_use]
    pub fn beside(&self) -> Option<&SessionSummary> {
        let own = self.session()?;
        let all = self.all.as_ref()?.as_ref().ok()?;
        let marked = self
            .marked
            .first()
            .and_then(|path| all.iter().find(|session| session.path == *path));
        marked
            .filter(|marked| marked.path != own.path)
            .or_else(|| self.row(self.selected + 1))
    }

    /// The sessions other than `own` whose names match `text`, the best match first.
    #[must_use]
    pub fn others(&self, text: &str, own: &Path) -> Vec<&SessionSummary> {
        let all = self.all.as_ref().and_then(|all| all.as_ref().ok());
        let others = all.into_iter().flatten().filter(|session| session.path != own);
        matching(others.collect(), text, |session| {
            format!("{} {} {}", session.name, session.state.name(), session.note)
        })
    }

    /// Moves the cursor.
    pub fn step(&mut self, by: isize) {
        let last = self.rows().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }

    /// Rows of the table.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.groups
            .as_ref()
            .map_or(self.shown.len(), |groups| groups.groups.len())
    }

    /// Sets the filter.
    ///
    /// # Errors
    /// A sentence on the first term that is none.
    pub fn set_filter(&mut self, text: &str) -> Result<(), String> {
        self.query = Query::parse(text)?;
        text.trim().clone_into(&mut self.filter);
        self.arrange();
        Ok(())
    }

    /// Shows all sessions again.
    pub fn clear_filter(&mut self) {
        (self.query, self.within) = (Query::default(), None);
        self.filter.clear();
        self.arrange();
    }

    /// Sets the columns.
    ///
    /// # Errors
    /// A sentence on the first name that is no column.
    pub fn set_columns(&mut self, text: &str) -> Result<(), String> {
        self.columns = parse_columns(text)?;
        self.sorted_by = self.columns.iter().position(|column| *column == self.sort.column);
        self.arrange();
        Ok(())
    }

    /// The names of the columns, as [`Self::set_columns`] reads them.
    #[must_use]
    pub fn named_columns(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(Column::name).collect();
        names.join(" ")
    }

    /// Sorts by the next column of the table; after the last one, the latest start comes first again.
    pub fn sort_on(&mut self) {
        let next = self.sorted_by.map_or(0, |place| place + 1);
        self.sorted_by = Some(next).filter(|place| *place < self.columns.len());
        let column = self.sorted_by.and_then(|place| self.columns.get(place));
        self.sort = column.cloned().map(Sort::by).unwrap_or_default();
        self.arrange();
    }

    /// Sorts by a column of the table, or the other way round if it is sorted by that one.
    pub fn sort_by(&mut self, place: usize) {
        let Some(column) = self.columns.get(place) else { return };
        if self.sort.column == *column {
            return self.turn();
        }
        self.sort = Sort::by(column.clone());
        self.sorted_by = Some(place);
        self.arrange();
    }

    /// Turns the order.
    pub fn turn(&mut self) {
        self.sort = self.sort.clone().turned();
        self.arrange();
    }

    /// Marks the session under the cursor, or unmarks it.
    ///
    /// # Errors
    /// A message if as many as have a colour of their own are already marked.
    pub fn mark(&mut self) -> Result<(), String> {
        let Some(path) = self.session().map(|session| session.path.clone()) else {
            return Ok(());
        };
        if let Some(place) = self.marked.iter().position(|marked| *marked == path) {
            self.marked.remove(place);
            return Ok(());
        }
        if let Some(Ok(all)) = &self.all {
            // Drops marks of sessions that no longer exist; no key could remove these.
            self.marked
                .retain(|marked| all.iter().any(|session| session.path == *marked));
        }
        if self.marked.len() == MOST {
            return Err(format!(
                "{MOST} sessions are marked, as many as have a colour of their own: unmark one first"
            ));
        }
        self.marked.push(path);
        Ok(())
    }

    /// The letter of a marked session: A and B are compared.
    #[must_use]
    pub fn letter(&self, path: &Path) -> Option<char> {
        let place = self.marked.iter().position(|marked| marked == path)?;
        ('A'..='Z').nth(place)
    }

    fn arrange(&mut self) {
        let Some(Ok(all)) = &self.all else {
            self.shown.clear();
            self.groups = self.groups.take().map(|_| Groups::of(&[], &[]));
            return;
        };
        self.shown = arrange(all, &self.query, &self.sort);
        if let Some(within) = &self.within {
            self.shown.retain(|&row| within.contains(&all[row].path));
        }
        if self.groups.is_some() {
            self.groups = Some(groups::of(&self.runs(), &self.sort));
        }
        self.widths = widths(&self.columns, &self.runs());
        self.selected = self.selected.min(self.rows().saturating_sub(1));
    }

    /// The sessions that are shown, in order.
    #[must_use]
    pub fn runs(&self) -> Vec<&SessionSummary> {
        let all = self.all.as_ref().and_then(|all| all.as_ref().ok());
        self.shown.iter().filter_map(|&row| all?.get(row)).collect()
    }
}

/// The widest cell of each column, heading included.
fn widths(columns_shown: &[Column], runs: &[&SessionSummary]) -> Vec<usize> {
    let width = |column: &Column| {
        let cells = runs.iter().map(|run| columns(&clean(&column.shown(&column.cell(run)))));
        // The heading has room for the mark of the order.
        cells.max().unwrap_or(0).max(columns(column.name()) + 1)
    };
    columns_shown.iter().map(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::evaluated::summaries;

    fn listed(count: usize) -> Sessions {
        let mut sessions = Sessions::default();
        sessions.listed(Ok(summaries(count)));
        sessions
    }

    fn names(sessions: &Sessions) -> Vec<String> {
        (0..sessions.shown.len())
            .map(|row| sessions.row(row).unwrap().name.clone())
            .collect()
    }

    #[test]
    fn words_of_the_filter_must_all_occur() {
        let mut sessions = listed(9);
        assert_eq!(sessions.shown.len(), 9);
        sessions.set_filter("finished RUN-3").unwrap();
        assert_eq!(names(&sessions), ["run-3"]);
        sessions.set_filter("nothing").unwrap();
        assert!(sessions.session().is_none());
        assert!(sessions.set_filter("mood:x").unwrap_err().contains("`mood`"));
        assert_eq!(sessions.filter, "nothing");
    }

    #[test]
    fn the_cursor_stays_on_its_session_when_others_come() {
        let mut sessions = listed(5);
        sessions.step(2);
        let name = sessions.session().unwrap().name.clone();
        let mut more = summaries(8);
        more.rotate_left(3);
        sessions.listed(Ok(more));
        assert_eq!(sessions.session().unwrap().name, name);
    }

    #[test]
    fn as_many_sessions_are_marked_as_have_a_colour() {
        let mut sessions = listed(MOST + 1);
        for _ in 0..MOST {
            sessions.mark().unwrap();
            sessions.step(1);
        }
        let refused = sessions.mark().unwrap_err();
        assert!(refused.contains(&format!("{MOST} sessions are marked")), "{refused}");
        let letters: Vec<_> = sessions
            .marked
            .iter()
            .map(|path| sessions.letter(path).unwrap())
            .collect();
        assert_eq!(
            letters.iter().collect::<String>(),
            ('A'..='Z').take(MOST).collect::<String>()
        );
        sessions.step(-2);
        sessions.mark().unwrap();
        assert_eq!(sessions.marked.len(), MOST - 1);
    }

    #[test]
    fn the_order_goes_through_the_columns_and_is_turned() {
        let mut sessions = listed(6);
        let best = Column::Best(Figure::Accuracy);
        while sessions.sort.column != best {
            sessions.sort_on();
        }
        let values = |sessions: &Sessions| -> Vec<f64> {
            (0..6)
                .filter_map(|row| sessions.row(row).unwrap().best_accuracy)
                .collect()
        };
        let falling = values(&sessions);
        assert!(falling.windows(2).all(|two| two[0] >= two[1]), "{falling:?}");
        sessions.turn();
        assert_eq!(values(&sessions), falling.into_iter().rev().collect::<Vec<_>>());
        sessions.set_columns("name lr").unwrap();
        assert_eq!(sessions.named_columns(), "name lr");
        assert!(sessions.set_columns("name lrr").unwrap_err().contains("lr"));
        sessions.sort_on();
        assert_eq!(sessions.sort.column, Column::Name);
        sessions.sort_on();
        sessions.sort_on();
        assert_eq!(sessions.sort, Sort::default());
    }
}
