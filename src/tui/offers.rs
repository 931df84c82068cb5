//! What keys can do in the current state: key bar and palette offer only that.

use crate::keymap::Action;

/// What can be requested in the current state.
#[derive(Debug, Clone, Copy)]
pub struct Offers {
    /// The run takes commands from here.
    pub commands: bool,
    /// A journal is played.
    pub playing: bool,
    /// There is a session whose journal could be played.
    pub playable: bool,
    /// Both stages have begun.
    pub stages: bool,
    /// Other sessions' curves are overlaid.
    pub overlaid: bool,
}

impl Offers {
    #[must_use]
    pub fn holds(self, action: Action) -> bool {
        (self.commands || !action.is_command())
            && (self.playing || !action.is_playing() || (self.playable && action == Action::PlayPause))
            && (self.stages || action != Action::OtherStage)
            && (self.overlaid || action != Action::ClearOverlays)
    }
}
