//! Where bindings apply, and the headings under which the help lists them.

use super::Screen;

/// Where a binding applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Train,
    Browse,
    Compare,
    Sessions,
    /// On all screens; a screen's own bindings go first.
    Everywhere,
    Help,
    Quit,
    /// While a line is typed.
    Entry,
    /// While patches of an image are chosen.
    Region,
    /// While the form for a new run is filled in.
    Form,
}

impl Scope {
    /// The scopes of a screen, for the help.
    #[must_use]
    pub const fn of_screen(screen: Screen) -> &'static [Self] {
        match screen {
            Screen::Train => &[Self::Train, Self::Everywhere],
            Screen::Browse => &[Self::Browse, Self::Everywhere],
            Screen::Compare => &[Self::Compare, Self::Everywhere],
            Screen::Sessions => &[Self::Sessions, Self::Everywhere],
        }
    }

    /// Whether it belongs to a screen, and not to a dialog or a line being typed.
    #[must_use]
    pub const fn is_of_screen(self) -> bool {
        matches!(
            self,
            Self::Train | Self::Browse | Self::Compare | Self::Sessions | Self::Everywhere
        )
    }
}

/// The help's sections, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Run,
    Look,
    Try,
    Move,
    General,
}

impl Section {
    pub const ALL: [Self; 5] = [Self::Run, Self::Look, Self::Try, Self::Move, Self::General];

    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Run => "the run",
            Self::Look => "looking",
            Self::Try => "trying",
            Self::Move => "moving",
            Self::General => "general",
        }
    }
}
