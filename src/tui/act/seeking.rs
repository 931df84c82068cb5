//! Seeks in a journal that is being played.

use std::{sync::Arc, time::Instant};

use crate::{
    session::RunState,
    tui::{app::App, background::Background, beside::Beside, inbox::Message, seeking::Seeking},
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
        let work = Background::begin("seek", self.inbox.subscribe(Message::Sought), move |given_up| {
            let state = fold(records.get(..count).unwrap_or(&records), given_up);
            let beside = Beside::read(&folder, &state);
            (state, beside)
        });
        match work {
            Ok(work) => self.shown.seeking = Some(Seeking::new(before, work)),
            Err(reason) => {
                player.go_back(&before, Instant::now());
                self.ui.notice = Some(reason);
            }
        }
    }

    /// Takes the state at the player's place; `None`: the thread has died.
    pub(in crate::tui) fn take_sought(&mut self, sought: Option<(RunState, Beside)>) {
        let Some((state, beside)) = sought else {
            self.give_up_seeking();
            self.ui.notice = Some("cannot seek in the journal: the thread has ended".to_owned());
            return;
        };
        self.shown.seeking = None;
        if let Some(player) = &mut self.shown.player {
            player.go_on(Instant::now());
        }
        let wanted = self.shown.go_to(state, beside);
        self.read_predictions(wanted);
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
