//! The four screens.

/// A screen, in the order of the digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Screen {
    #[default]
    Train,
    Browse,
    Compare,
    Sessions,
}

impl Screen {
    pub const ALL: [Self; 4] = [Self::Train, Self::Browse, Self::Compare, Self::Sessions];

    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Train => "Train",
            Self::Browse => "Browse",
            Self::Compare => "Compare",
            Self::Sessions => "Sessions",
        }
    }
}
