//! How a sweep's sessions stand, and whether they are this sweep's.

use super::plan::{Plan, Planned};
use crate::cli::failure::Failure;
use crate::printable::printable;
use crate::runs::changes_what_is_learnt;
use crate::session::{
    Difference, SessionFolder, SessionState, SessionSummary, Stage, differences, summarise_session, trained_stages,
};

/// How many settings that differ are named.
const MOST_NAMED: usize = 3;

/// How the session of a planned run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Missing,
    /// Ended early: stopped, failed or crashed.
    Unfinished,
    Finished,
    /// A process holds it.
    Live,
}

impl Plan {
    /// How each run's session stands.
    ///
    /// # Errors
    /// A session that cannot be read, or that has other settings than this sweep would give it.
    pub fn found(&self) -> Result<Vec<Found>, Failure> {
        self.runs.iter().map(|run| self.find(run)).collect()
    }

    /// How one run's session stands.
    ///
    /// # Errors
    /// As [`Self::found`].
    pub fn find(&self, run: &Planned) -> Result<Found, Failure> {
        let Some(folder) = SessionFolder::at(&self.root.join(&run.name)) else {
            return Ok(Found::Missing);
        };
        let session = summarise_session(&folder);
        // A run that ended before its first record has no settings yet.
        if !session.settings.is_null() {
            self.check_is_of_this_sweep(run, &folder, &session)?;
        }
        Ok(match session.state {
            SessionState::Live | SessionState::Paused => Found::Live,
            SessionState::Finished => Found::Finished,
            SessionState::Stopped | SessionState::Failed | SessionState::Crashed => Found::Unfinished,
            SessionState::Unreadable => {
                let problem = session.problem.unwrap_or_default();
                return Err(Failure::failed(format!("{}: {problem}", run.name)));
            }
        })
    }

    /// The sessions that there are, in the plan's order.
    pub fn sessions(&self) -> Vec<SessionSummary> {
        let folders = self
            .runs
            .iter()
            .filter_map(|run| SessionFolder::at(&self.root.join(&run.name)));
        folders.map(|folder| summarise_session(&folder)).collect()
    }

    fn check_is_of_this_sweep(
        &self,
        run: &Planned,
        folder: &SessionFolder,
        session: &SessionSummary,
    ) -> Result<(), Failure> {
        let mut said: Vec<String> = differences(&session.settings, &run.settings.to_record())
            .iter()
            .filter(|difference| changes_what_is_learnt(&difference.key))
            .map(sentence)
            .collect();
        let trained = trained_stages(&folder.journal())?;
        let stages = self.stage.stages();
        if !trained.is_empty() && trained != stages {
            let names = |stages: &[Stage]| {
                stages
                    .iter()
                    .map(|stage| stage.name())
                    .collect::<Vec<_>>()
                    .join(" and ")
            };
            let [before, now] = [&trained[..], stages].map(names);
            said.push(format!("its stages are {before}, here {now}"));
        }
        if said.is_empty() {
            return Ok(());
        }
        let others = said.len().saturating_sub(MOST_NAMED);
        said.truncate(MOST_NAMED);
        if others > 0 {
            said.push(format!("and {others} more"));
        }
        Err(Failure::usage(format!(
            "there is a session {} with other settings than this sweep would give it: {}; give the sweep its first settings \
             again, or another name, or remove the session with `masp sessions rm {0}`",
            run.name,
            said.join("; ")
        )))
    }
}

fn sentence(difference: &Difference) -> String {
    let [before, now] = difference.shown();
    format!(
        "its {} is {}, here {}",
        difference.key,
        printable(&before),
        printable(&now)
    )
}
