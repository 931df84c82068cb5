//! `NAME[@best|@last|@STEP]`: which session, and which of its checkpoints.

use std::fmt;
use std::str::FromStr;

pub use crate::session::Selector as CheckpointChoice;

/// A session and one of its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSpec {
    /// A name below the sessions' folder, or a path.
    pub session: String,
    pub checkpoint: CheckpointChoice,
}

impl fmt::Display for SessionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.session, self.checkpoint)
    }
}

/// A text that is not a session with or without a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a session; give a session's name or path, which may end in @best, @last or @STEP (a number)")]
pub struct BadSessionSpec(pub String);

impl FromStr for SessionSpec {
    type Err = BadSessionSpec;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadSessionSpec(text.to_owned());
        // An `@` before a slash belongs to the path (`/home/me@host/run`).
        let (session, checkpoint) = match text.rsplit_once('@') {
            Some((session, choice)) if !choice.contains('/') => {
                let checkpoint = match choice {
                    "best" => CheckpointChoice::Best,
                    "last" => CheckpointChoice::Last,
                    step => CheckpointChoice::Step(step.parse().map_err(|_| bad())?),
                };
                (session, checkpoint)
            }
            _ => (text, CheckpointChoice::default()),
        };
        if session.trim().is_empty() {
            return Err(bad());
        }
        Ok(Self {
            session: session.to_owned(),
            checkpoint,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_with_and_without_its_checkpoint() {
        let cases = [
            ("run", "run", CheckpointChoice::Last),
            ("run@best", "run", CheckpointChoice::Best),
            ("a/run@last", "a/run", CheckpointChoice::Last),
            ("run@120", "run", CheckpointChoice::Step(120)),
            ("/home/me@host/run", "/home/me@host/run", CheckpointChoice::Last),
        ];
        for (text, session, checkpoint) in cases {
            assert_eq!(
                text.parse(),
                Ok(SessionSpec {
                    session: session.to_owned(),
                    checkpoint
                }),
                "{text}"
            );
        }
        for text in ["", "@best", "run@", "run@first", "run@-1"] {
            assert!(text.parse::<SessionSpec>().is_err(), "{text}");
        }
    }
}
