//! A seek in a journal that is being played: a background thread computes the state at the new place from the first
//! record on.

use std::sync::Arc;

use super::{
    background::{Background, GivenUp},
    player::Place,
};
use crate::session::{Record, RunState};

/// Computes the state after some records.
pub type Fold = Arc<dyn Fn(&[Record], &GivenUp) -> RunState + Send + Sync>;

/// Records between two checks for cancellation.
const CHECK_EVERY: usize = 1024;

/// The pending state at a place to which the player has already moved.
#[derive(Debug)]
pub struct Seeking {
    /// The player's place before the seek, which the state on the screen still shows.
    pub before: Place,
    _work: Background,
}

impl Seeking {
    /// A seek that `work` does; `before` is where the player stood.
    #[must_use]
    pub const fn new(before: Place, work: Background) -> Self {
        Self { before, _work: work }
    }
}

/// The state after `records`, or after some of them if it is cancelled.
pub fn fold(records: &[Record], given_up: &GivenUp) -> RunState {
    let mut state = RunState::default();
    for some in records.chunks(CHECK_EVERY) {
        if given_up.is_so() {
            break;
        }
        some.iter().for_each(|record| state.apply(record));
    }
    state
}
