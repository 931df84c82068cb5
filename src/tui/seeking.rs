//! Seeks in a journal that is being played: a background thread computes the state at the new place from the first
//! record on.

use std::{sync::Arc, time::Instant};

use crossbeam_channel::{Receiver, TryRecvError};

use super::{
    app::App,
    background::{Background, GivenUp},
    opening::Beside,
    panes::curves::Curves,
    player::Place,
};
use crate::session::{Record, RunState};

/// Computes the state after some records.
pub type Fold = Arc<dyn Fn(&[Record], &GivenUp) -> RunState + Send + Sync>;

/// Records between two checks for cancellation.
const A_WHILE: usize = 1024;

/// The pending state at a place to which the player has already moved.
#[derive(Debug)]
pub struct Seeking {
    /// The player's place before the seek, which the state on the screen still shows.
    before: Place,
    work: Background<(RunState, Beside)>,
}

/// The state after `records`, or after some of them if it is cancelled.
pub fn fold(records: &[Record], given_up: &GivenUp) -> RunState {
    let mut state = RunState::default();
    for some in records.chunks(A_WHILE) {
        if given_up.is_so() {
            break;
        }
        some.iter().for_each(|record| state.apply(record));
    }
    state
}

impl App {
    /// Moves in the journal that is being played. If another seek follows before the state has arrived, the last place
    /// counts.
    pub(super) fn seek(&mut self, share: f64) {
        let Some(player) = &mut self.player else { return };
        let before = self
            .seeking
            .take()
            .map_or_else(|| player.place(), |seeking| seeking.before);
        let count = player.seek(share, Instant::now());
        let (records, fold) = (Arc::clone(&player.records), Arc::clone(&self.readers.fold));
        let folder = self.folder.clone();
        let work = Background::begin("seek", move |given_up| {
            let state = fold(records.get(..count).unwrap_or(&records), given_up);
            let beside = Beside::read(&folder, &state);
            (state, beside)
        });
        match work {
            Ok(work) => self.seeking = Some(Seeking { before, work }),
            Err(reason) => {
                player.go_back(&before, Instant::now());
                self.ui.notice = Some(reason);
            }
        }
    }

    /// The channel on which the state arrives.
    #[must_use]
    pub fn sought(&self) -> Option<&Receiver<(RunState, Beside)>> {
        self.seeking.as_ref().map(|seeking| seeking.work.result())
    }

    /// Takes the state at the player's place; returns whether it had arrived.
    pub fn take_sought(&mut self) -> bool {
        match self.sought().map(Receiver::try_recv) {
            None | Some(Err(TryRecvError::Empty)) => return false,
            Some(Ok((state, beside))) => {
                self.seeking = None;
                if let Some(player) = &mut self.player {
                    player.go_on(Instant::now());
                }
                (self.state, self.curves) = (state, Curves::default());
                self.take_beside(beside);
            }
            Some(Err(TryRecvError::Disconnected)) => {
                self.give_up_seeking();
                self.ui.notice = Some("the journal cannot be wound: its thread is gone".to_owned());
            }
        }
        true
    }

    /// Returns to the place before a pending seek; returns whether there was one.
    pub(super) fn give_up_seeking(&mut self) -> bool {
        let (Some(seeking), Some(player)) = (self.seeking.take(), &mut self.player) else {
            return false;
        };
        player.go_back(&seeking.before, Instant::now());
        true
    }
}
