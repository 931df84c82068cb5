//! The Sessions screen, and its state: all sessions, those that are shown, and the two that are marked for a
//! comparison.

pub mod form;
mod form_keys;
mod keys;
pub mod layout;
pub mod panes;

use std::path::{Path, PathBuf};

use form::Form;

use super::palette::matching;
use crate::session::SessionSummary;

/// The screen's state.
#[derive(Debug, Default)]
pub struct Sessions {
    /// The folder of all sessions.
    pub root: Option<PathBuf>,
    /// All sessions, the latest start first; `None` until the folder has been read.
    pub all: Option<Result<Vec<SessionSummary>, String>>,
    /// Words that must all occur in a row.
    pub filter: String,
    pub sort: Sort,
    /// Indices into `all`, in order.
    pub shown: Vec<usize>,
    /// The row under the cursor, an index into `shown`.
    pub selected: usize,
    /// The sessions to be compared, by path: the first is A.
    pub marked: Vec<PathBuf>,
    /// The form for a new run, while it is filled in.
    pub form: Option<Form>,
}

/// The order of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// The latest start first.
    #[default]
    Started,
    Name,
    /// The most accurate first.
    Best,
    State,
}

impl Sort {
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Started => Self::Name,
            Self::Name => Self::Best,
            Self::Best => Self::State,
            Self::State => Self::Started,
        }
    }
}

impl Sessions {
    /// Takes a new list; the cursor stays on its session.
    pub fn listed(&mut self, all: Result<Vec<SessionSummary>, String>) {
        let path = self.session().map(|session| session.path.clone());
        self.all = Some(all);
        self.arrange();
        if let Some(path) = path {
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

    /// The session under the cursor.
    #[must_use]
    pub fn session(&self) -> Option<&SessionSummary> {
        self.row(self.selected)
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
        let last = self.shown.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }

    /// Sets the filter.
    pub fn set_filter(&mut self, text: &str) {
        text.trim().clone_into(&mut self.filter);
        self.arrange();
    }

    /// Sorts by the next column.
    pub fn sort_on(&mut self) {
        self.sort_by(self.sort.next());
    }

    /// Sorts by a column.
    pub fn sort_by(&mut self, sort: Sort) {
        self.sort = sort;
        self.arrange();
    }

    /// Marks the session under the cursor, or unmarks it.
    ///
    /// # Errors
    /// A message if two others are already marked.
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
        if let [a, b] = self.marked.as_slice() {
            let [a, b] = [a, b].map(|path| path.file_name().unwrap_or_default().to_string_lossy());
            return Err(format!(
                "{a} and {b} are marked already, and only two can be compared: unmark one first"
            ));
        }
        self.marked.push(path);
        Ok(())
    }

    fn arrange(&mut self) {
        let Some(Ok(all)) = &self.all else {
            self.shown.clear();
            return;
        };
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let holds = |session: &SessionSummary| {
            let parts = [
                session.name.as_str(),
                session.state.name(),
                &session.dataname,
                &session.data,
                &session.model,
                &session.note,
            ];
            let text = parts.join(" ").to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        let mut shown: Vec<usize> = (0..all.len()).filter(|&row| holds(&all[row])).collect();
        match self.sort {
            Sort::Started => {}
            Sort::Name => shown.sort_by(|&a, &b| all[a].name.cmp(&all[b].name)),
            Sort::Best => {
                let best = |row: usize| all[row].best_accuracy.unwrap_or(f64::NEG_INFINITY);
                shown.sort_by(|&a, &b| best(b).total_cmp(&best(a)));
            }
            Sort::State => shown.sort_by_key(|&row| all[row].state.name()),
        }
        self.shown = shown;
        self.selected = self.selected.min(self.shown.len().saturating_sub(1));
    }
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
        sessions.set_filter("finished RUN-3");
        assert_eq!(names(&sessions), ["run-3"]);
        sessions.set_filter("nothing");
        assert!(sessions.session().is_none());
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
    fn at_most_two_sessions_are_marked() {
        let mut sessions = listed(4);
        let mut said = Vec::new();
        for _ in 0..3 {
            said.push(sessions.mark());
            sessions.step(1);
        }
        let [first, second] = [0, 1].map(|row| names(&sessions)[row].clone());
        let refused = said[2].clone().unwrap_err();
        assert!(said[0].is_ok() && said[1].is_ok());
        assert!(
            refused.contains(&format!("{first} and {second} are marked")),
            "{refused}"
        );
        let marked: Vec<_> = sessions
            .marked
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(marked, [&first, &second].map(|name| name.as_str()));
        sessions.step(-2);
        sessions.mark().unwrap();
        assert_eq!(sessions.marked.len(), 1);
    }

    #[test]
    fn the_most_accurate_comes_first() {
        let mut sessions = listed(6);
        while sessions.sort != Sort::Best {
            sessions.sort_on();
        }
        let best: Vec<f64> = (0..6)
            .filter_map(|row| sessions.row(row).unwrap().best_accuracy)
            .collect();
        assert!(best.windows(2).all(|two| two[0] >= two[1]), "{best:?}");
    }
}
