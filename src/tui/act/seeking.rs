//! Seeks in a journal that is being played.

use std::{sync::Arc, time::Instant};

use crossbeam_channel::{Receiver, TryRecvError};

use crate::{
    session::RunState,
    tui::{app::App, background::Background, beside::Beside, seeking::Seeking},
};

impl App {
    /// Moves in the journal that is being played. If another seek follows before the state has arrived, the last place
    /// counts.
    pub(in crate::tui) fn seek(&mut self, share: f64) {
        let Some(player) = &mut self.shown.player else { return };
        let before = self
            .shown
            .seeking
            .take()
            .map_or_else(|| player.place(), |seeking| seeking.before);
        let count = player.seek(share, Instant::now());
        let (records, fold) = (Arc::clone(&player.records), Arc::clone(&self.readers.fold));
        let folder = self.shown.folder.clone();
        let work = Background::begin("seek", move |given_up| {
            let state = fold(records.get(..count).unwrap_or(&records), given_up);
            let beside = Beside::read(&folder, &state);
            (state, beside)
        });
        match work {
            Ok(work) => self.shown.seeking = Some(Seeking { before, work }),
            Err(reason) => {
                player.go_back(&before, Instant::now());
                self.ui.notice = Some(reason);
            }
        }
    }

    /// The channel on which the state arrives.
    #[must_use]
    pub fn sought(&self) -> Option<&Receiver<(RunState, Beside)>> {
        self.shown.seeking.as_ref().map(|seeking| seeking.work.result())
    }

    /// Takes the state at the player's place; returns whether it had arrived.
    pub fn take_sought(&mut self) -> bool {
        match self.sought().map(Receiver::try_recv) {
            None | Some(Err(TryRecvError::Empty)) => return false,
            Some(Ok((state, beside))) => {
                self.shown.seeking = None;
                if let Some(player) = &mut self.shown.player {
                    player.go_on(Instant::now());
                }
                let wanted = self.shown.go_to(state, beside);
                self.read_predictions(wanted);
            }
            Some(Err(TryRecvError::Disconnected)) => {
                self.give_up_seeking();
                self.ui.notice = Some("the journal cannot be wound: its thread is gone".to_owned());
            }
        }
        true
    }

    /// Returns to the place before a pending seek; returns whether there was one.
    pub(in crate::tui) fn give_up_seeking(&mut self) -> bool {
        let (Some(seeking), Some(player)) = (self.shown.seeking.take(), &mut self.shown.player) else {
            return false;
        };
        player.go_back(&seeking.before, Instant::now());
        true
    }
}
