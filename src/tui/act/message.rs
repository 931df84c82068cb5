//! What each message that arrives in the inbox does.

use std::{ops::ControlFlow, time::Instant};

use crate::tui::{
    Exit,
    app::App,
    inbox::{Inbox, Message},
};

/// How soon a change must be visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    Nothing,
    Soon,
    Promptly,
}

impl App {
    /// Waits for a message, at most until `due`, and handles everything that has arrived by then.
    pub fn handle_arrived(&mut self, due: Option<Instant>) -> ControlFlow<Exit, Wanted> {
        let first = self.inbox.next(due);
        let mut wanted = self.handle(first)?;
        for _ in 1..Inbox::MOST_AT_ONCE {
            let Some(message) = self.inbox.try_next() else { break };
            wanted = wanted.max(self.handle(message)?);
        }
        ControlFlow::Continue(wanted)
    }

    /// Handles a message; breaks off if the screens are to be left.
    pub fn handle(&mut self, message: Message) -> ControlFlow<Exit, Wanted> {
        let (mut wanted, mut exit) = (Wanted::Promptly, None);
        match message {
            Message::Input(input) => exit = self.input(input),
            Message::Clock => wanted = self.clock(Instant::now()),
            Message::Run(Some(record)) => {
                exit = self.record(&record);
                wanted = Wanted::Soon;
            }
            Message::Run(None) => self.records_ended(),
            Message::Resumed(Some(())) => self.rejoin(),
            Message::Resumed(None) => wanted = Wanted::Nothing,
            Message::Picture(Some(done)) => self.shown.pictures.accept(done),
            // The thread is gone, and with it the pictures.
            Message::Picture(None) => {}
            Message::Read(Some(done)) => self.read(done),
            Message::Read(None) => self.reader.lost(),
            Message::Opened(read) => self.opened(or_gone(read, "the session cannot be read")),
            Message::Rejoined(read) => self.rejoined(or_gone(read, "the session cannot be read")),
            Message::Sought(sought) => self.take_sought(sought),
            Message::Started(started) => self.run_started(or_gone(started, "the run could not be started")),
            Message::Drawn(drawn) => self.drawn(drawn),
            Message::Exported(written) => self.export_done(or_gone(written, "nothing was written")),
            Message::Model(asked, record) => self.model_answered(asked, record),
        }
        self.show_arrived();
        exit.map_or(ControlFlow::Continue(wanted), ControlFlow::Break)
    }

    /// Does what is due by now.
    fn clock(&mut self, now: Instant) -> Wanted {
        if self.relist_due().is_some_and(|due| due <= now) {
            self.list_sessions();
        }
        if self.play(now) { Wanted::Soon } else { Wanted::Nothing }
    }
}

/// The result; an error if its thread has died.
fn or_gone<T>(result: Option<Result<T, String>>, what: &str) -> Result<T, String> {
    result.unwrap_or_else(|| Err(format!("{what}: its thread has ended")))
}
