//! A line of the report of `masp doctor`.

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Ok,
    /// Good to know; everything works.
    Note,
    /// Something will not work.
    Problem,
}

/// What was checked, what was found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub level: Level,
    pub subject: &'static str,
    pub text: String,
}

impl Finding {
    /// Nothing to do.
    #[must_use]
    pub fn ok(subject: &'static str, text: impl Into<String>) -> Self {
        Self {
            level: Level::Ok,
            subject,
            text: text.into(),
        }
    }

    /// Good to know.
    #[must_use]
    pub fn note(subject: &'static str, text: impl Into<String>) -> Self {
        Self {
            level: Level::Note,
            subject,
            text: text.into(),
        }
    }

    /// `text` says what to do.
    #[must_use]
    pub fn problem(subject: &'static str, text: impl Into<String>) -> Self {
        Self {
            level: Level::Problem,
            subject,
            text: text.into(),
        }
    }
}
