//! Another place of a journal that is played: the state there is folded from the first record on, on a thread of its own.

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

/// Folds records into the state after them.
pub type Fold = Arc<dyn Fn(&[Record], &GivenUp) -> RunState + Send + Sync>;

/// So many records are folded before it is asked whether anybody still waits.
const A_WHILE: usize = 1024;

/// The state at a place that the player has gone to already.
#[derive(Debug)]
pub struct Seeking {
    /// Where the player was, for the state that is shown is of there.
    before: Place,
    work: Background<(RunState, Beside)>,
}

/// The state after `records`, or after some of them where it is given up.
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
    /// Goes forth or back in the journal that is played. Where that is gone on with before the state has arrived, the last place
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

    /// Where the state arrives.
    #[must_use]
    pub fn sought(&self) -> Option<&Receiver<(RunState, Beside)>> {
        self.seeking.as_ref().map(|seeking| seeking.work.result())
    }

    /// Takes in the state at the player's place; whether it had come.
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

    /// Stays where the player was; whether it was on its way.
    pub(super) fn give_up_seeking(&mut self) -> bool {
        let (Some(seeking), Some(player)) = (self.seeking.take(), &mut self.player) else {
            return false;
        };
        player.go_back(&seeking.before, Instant::now());
        true
    }
}
