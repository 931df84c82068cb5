//! `SESSION@SELECTOR`: which of a session's checkpoints a command means.

use std::{fmt, str::FromStr};

use super::printable::printable;

/// What follows the `@` is none of the three.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`@{}` names no checkpoint; use @last, @best or @STEP, for example @400", printable(.0))]
pub struct UnknownSelector(pub String);

/// What follows the `@` of a session argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Selector {
    /// The newest.
    #[default]
    Last,
    /// The best by the validation figure, as the journal says.
    Best,
    /// The one of this optimiser step.
    Step(u64),
}

impl FromStr for Selector {
    type Err = UnknownSelector;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "last" => Ok(Self::Last),
            "best" => Ok(Self::Best),
            step => step
                .parse()
                .map(Self::Step)
                .map_err(|_| UnknownSelector(step.to_owned())),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last => f.write_str("@last"),
            Self::Best => f.write_str("@best"),
            Self::Step(step) => write!(f, "@{step}"),
        }
    }
}

/// Parts `SESSION@SELECTOR` (a name or a path, then `@last`, `@best` or `@STEP`); without `@` it is `@last`.
/// An `@` that a `/` follows belongs to the path.
///
/// # Errors
/// An unknown selector.
pub fn split_session(argument: &str) -> Result<(&str, Selector), UnknownSelector> {
    match argument.rsplit_once('@') {
        Some((session, selector)) if !selector.contains('/') => Ok((session, selector.parse()?)),
        _ => Ok((argument, Selector::Last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_parted_at_the_last_at() -> Result<(), UnknownSelector> {
        assert_eq!(split_session("run")?, ("run", Selector::Last));
        assert_eq!(split_session("run@best")?, ("run", Selector::Best));
        assert_eq!(
            split_session("a@b/run@400")?,
            ("a@b/run", Selector::Step(400))
        );
        assert_eq!(split_session("a@b/run")?, ("a@b/run", Selector::Last));
        for wrong in ["run@", "run@-1", "run@newest", "run@1.5"] {
            assert!(split_session(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }
}
