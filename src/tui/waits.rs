//! What a person waits for while the keys work.

/// What the person waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waits {
    /// A session of this name is being opened.
    Opening(String),
    /// The session that is shown is being read anew.
    Rejoining,
    /// The state at another place of a journal that is played.
    Seeking,
    /// A session's images that are drawn again: how many are done, and of how many.
    Drawing((usize, usize)),
}

impl Waits {
    /// The badge in the header.
    #[must_use]
    pub const fn badge(&self) -> &'static str {
        match self {
            Self::Opening(_) => "◌ opening",
            Self::Rejoining => "◌ reading",
            Self::Seeking => "◌ seeking",
            Self::Drawing(_) => "◌ drawing",
        }
    }

    /// A description for the key bar.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Opening(name) => format!("opening {name} …"),
            Self::Rejoining => "reading the session again …".to_owned(),
            Self::Seeking => "seeking …".to_owned(),
            Self::Drawing((done, total @ 1..)) => format!("drawing pictures {done}/{total} …"),
            Self::Drawing(_) => "drawing pictures …".to_owned(),
        }
    }

    /// Whether a key can cancel it.
    #[must_use]
    pub const fn can_be_given_up(&self) -> bool {
        matches!(self, Self::Opening(_) | Self::Seeking)
    }
}
