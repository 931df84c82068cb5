//! A model that answers the screens' requests, opened when it is first needed.

use std::path::Path;

use crossbeam_channel::Sender;

use super::{
    Host,
    post::{Post, Subscription},
};
use crate::session::{Answer, Command, Event, Record, Request};

/// The model of a session that is over.
#[derive(Debug, Default)]
pub struct Model {
    open: Option<OpenModel>,
    /// The prompt's step at which it was opened; `None`: the newest.
    step: Option<u64>,
    /// The phase of opening it, until it is ready.
    pub opening: Option<String>,
}

#[derive(Debug)]
struct OpenModel {
    commands: Sender<Command>,
    _records: Subscription,
}

/// What a model's record means for the screens.
#[derive(Debug)]
pub enum Reply {
    Answer(Box<Answer>),
    /// Why there is no model.
    Failed(String),
    /// It is still opening, or has become ready.
    Progress,
}

impl Model {
    /// Whether it is open and ready.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.open.is_some() && self.opening.is_none()
    }

    /// Whether it was opened.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether it was opened at another step than `step`.
    #[must_use]
    pub fn is_elsewhere(&self, step: Option<u64>) -> bool {
        self.is_open() && self.step != step
    }

    /// Asks the model of the session in `folder`. If it is not open yet, `host` opens it at `step`, or at its newest
    /// checkpoint, and `subscribe` says where its records go.
    ///
    /// # Errors
    /// A message if it cannot be opened or has too many pending requests.
    pub fn ask(
        &mut self,
        host: Option<&mut Box<dyn Host>>,
        (folder, step): (&Path, Option<u64>),
        request: Request,
        subscribe: impl FnOnce() -> (Post<Record>, Subscription),
    ) -> Result<(), String> {
        if self.open.is_none() {
            let host = host.ok_or("no model can be asked here")?;
            let study = host.study(folder, step)?;
            let (post, subscription) = subscribe();
            post.forward("model", study.records)?;
            let open = OpenModel {
                commands: study.commands,
                _records: subscription,
            };
            (self.open, self.step) = (Some(open), step);
            self.opening = Some("opening the model".to_owned());
        }
        let open = self.open.as_ref().ok_or("no model can be asked here")?;
        let asked = open.commands.try_send(Command::Ask(request));
        asked.map_err(|_| "the model is busy; try again".to_owned())
    }

    /// Handles a record.
    pub fn take(&mut self, record: Record) -> Reply {
        match record.event {
            Event::Phase(phase) => self.opening = (phase.name != "ready").then_some(phase.name),
            Event::Progress(progress) => {
                self.opening = Some(format!("{} {}", progress.phase, progress.counts()));
            }
            Event::Answer(answer) => return Reply::Answer(answer),
            Event::Warning(warning) => {
                *self = Self::default();
                return Reply::Failed(warning.text);
            }
            _ => {}
        }
        Reply::Progress
    }
}
