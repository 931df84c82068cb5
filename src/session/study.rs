//! The two ends of a model that answers questions about a session after its run has ended.

use crossbeam_channel::{Receiver, Sender};

use super::{Command, Record};

/// A model that answers questions, with a run's interface: commands in, records out.
#[derive(Debug)]
pub struct Study {
    /// Takes [`Command::Ask`]; ignores the other commands, which are meant for a run.
    pub commands: Sender<Command>,
    /// Phases until the model is `ready`, then answers; a warning says why there is no model. No journal holds them.
    pub records: Receiver<Record>,
}
