//! The way to the shown session's run: its records arrive in the inbox, and commands go to it.

use crossbeam_channel::Sender;

use super::{
    follow::{Following, Link},
    inbox::{Inbox, Message},
    post::Subscription,
};
use crate::session::Command;

/// A [`Link`] whose records and news arrive in the inbox. Dropping it leaves the run alone.
#[derive(Debug, Default)]
pub struct Connected {
    /// Takes commands for a running run.
    pub commands: Option<Sender<Command>>,
    /// Why a running run does not take commands from here.
    pub read_only: Option<String>,
    following: Option<Following>,
    records: Option<Subscription>,
    resumed: Option<Subscription>,
}

impl Connected {
    /// Lets what the link receives arrive in `inbox`.
    ///
    /// # Errors
    /// A sentence where no thread can be started.
    pub fn new(link: Link, inbox: &Inbox) -> Result<Self, String> {
        let records = link.records.map(|from| inbox.forward("records", from, Message::Run));
        let resumed = link
            .resumed
            .map(|from| inbox.forward("resumed", from, Message::Resumed));
        Ok(Self {
            commands: link.commands,
            read_only: link.read_only,
            following: link.following,
            records: records.transpose()?,
            resumed: resumed.transpose()?,
        })
    }

    /// Does not follow the journal any more: its folder has another name now.
    pub fn unfollow(&mut self) {
        (self.resumed, self.following) = (None, None);
    }

    /// Another process continues the session, and it is being read again: its news are no longer waited for.
    pub fn wait_no_more(&mut self) {
        self.resumed = None;
    }

    /// No further records come.
    pub fn records_ended(&mut self) {
        self.records = None;
    }
}
