//! Where a run is shown.

use std::io::{self, IsTerminal};

use crate::tui::Abilities;

/// Where a run is shown: on the workbench's screens, or as lines on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Screen,
    Headless,
}

impl Output {
    /// The screens if input and output are a terminal that can move its cursor, else lines.
    #[must_use]
    pub fn best() -> Self {
        let terminal = Abilities::from_environment(|name| std::env::var(name).ok());
        if io::stdout().is_terminal() && io::stdin().is_terminal() && terminal.cursor {
            Self::Screen
        } else {
            Self::Headless
        }
    }
}
