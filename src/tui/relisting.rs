//! When the list of sessions is read again by itself: while runs in it are at work, or more are to come.

use std::time::{Duration, Instant};

use crate::session::{SessionState, SessionSummary};

/// How long a list stays as it is, at least.
const PERIOD: Duration = Duration::from_secs(2);
/// How many times as long as its reading took it stays, at least: long journals take a while, and the runs need the processor.
const REST: u32 = 10;

/// The time of the next reading.
#[derive(Debug, Default)]
pub struct Relisting {
    /// Whether another process begins runs.
    more_to_come: bool,
    asked: Option<Instant>,
    due: Option<Instant>,
}

impl Relisting {
    /// Nothing has been read yet.
    #[must_use]
    pub fn new(more_to_come: bool) -> Self {
        Self {
            more_to_come,
            ..Self::default()
        }
    }

    /// The list is being read.
    pub const fn asked(&mut self, now: Instant) {
        (self.asked, self.due) = (Some(now), None);
    }

    /// The list has been read.
    pub fn listed(&mut self, all: &Result<Vec<SessionSummary>, String>, now: Instant) {
        let took = self.asked.take().map_or(Duration::ZERO, |asked| now - asked);
        let at_work = |run: &SessionSummary| matches!(run.state, SessionState::Live | SessionState::Paused);
        let changes = self.more_to_come || all.as_ref().is_ok_and(|all| all.iter().any(at_work));
        self.due = changes.then(|| now + PERIOD.max(took.saturating_mul(REST)));
    }

    /// When it is to be read again, if so.
    #[must_use]
    pub const fn due(&self) -> Option<Instant> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::evaluated::summaries;

    #[test]
    fn a_list_with_a_live_run_is_read_again_after_a_rest() {
        let mut runs = summaries(3);
        runs.iter_mut().for_each(|run| run.state = SessionState::Finished);
        let (mut list, now) = (Relisting::default(), Instant::now());
        list.asked(now);
        list.listed(&Ok(runs.clone()), now);
        assert_eq!(list.due(), None);
        runs[1].state = SessionState::Live;
        list.listed(&Ok(runs.clone()), now);
        assert_eq!(list.due(), Some(now + PERIOD));
        list.asked(now);
        assert_eq!(list.due(), None);
        let took = Duration::from_secs(1);
        list.listed(&Ok(runs), now + took);
        assert_eq!(list.due(), Some(now + took + REST * took));
        list.listed(&Err("gone".to_owned()), now);
        assert_eq!(list.due(), None);
        let mut list = Relisting::new(true);
        list.listed(&Ok(Vec::new()), now);
        assert_eq!(list.due(), Some(now + PERIOD));
    }
}
