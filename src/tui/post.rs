//! Sending into the loop's inbox, and the subscription without which what was sent is discarded.

use std::{convert::Infallible, thread};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, select};

/// Kept by whoever waits for what a [`Post`] sends. Once it is dropped, everything still on its way is discarded: nobody
/// handles a picture or a record of a session that is no longer shown.
#[derive(Debug)]
pub struct Subscription(#[expect(dead_code, reason = "its drop is what counts")] Sender<Infallible>);

/// Whether a [`Subscription`] is still kept.
#[derive(Debug, Clone)]
pub struct Kept(Receiver<Infallible>);

impl Subscription {
    /// A subscription, and what tells whether it is kept.
    #[must_use]
    pub fn new() -> (Self, Kept) {
        let (keeps, kept) = bounded(0);
        (Self(keeps), Kept(kept))
    }
}

impl Kept {
    /// Whether it is.
    #[must_use]
    pub fn is_so(&self) -> bool {
        self.0.try_recv() != Err(TryRecvError::Disconnected)
    }
}

/// The subscription was dropped, or the loop is gone: the sender may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unwanted;

/// Puts a `T` into an inbox, or `None` for the end of the source.
type Deliver<T> = Box<dyn Fn(Option<T>) -> Result<(), Unwanted> + Send>;

/// A source's way into the inbox. When it is dropped, also by a thread that dies, the inbox learns that nothing follows.
pub struct Post<T> {
    /// None once the last message has been sent.
    deliver: Option<Deliver<T>>,
    kept: Kept,
}

impl<T: Send + 'static> Post<T> {
    /// A source whose messages `deliver` puts into the inbox.
    #[must_use]
    pub fn new(kept: Kept, deliver: impl Fn(Option<T>) -> Result<(), Unwanted> + Send + 'static) -> Self {
        Self {
            deliver: Some(Box::new(deliver)),
            kept,
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// Nobody waits for it.
    pub fn send(&self, what: T) -> Result<(), Unwanted> {
        match &self.deliver {
            Some(deliver) if self.kept.is_so() => deliver(Some(what)),
            _ => Err(Unwanted),
        }
    }

    /// Sends the one result that was waited for; no word of the source's end follows.
    pub fn finish(mut self, what: T) {
        let _ = self.send(what);
        self.deliver = None;
    }

    /// Passes on what a channel receives, on a thread named `name`, until the channel ends or nobody waits any more.
    ///
    /// # Errors
    /// A sentence where no thread can be started.
    pub fn forward(self, name: &str, from: Receiver<T>) -> Result<(), String> {
        let pass_on = move || {
            loop {
                select! {
                    recv(self.kept.0) -> _ => return,
                    recv(from) -> what => {
                        let Ok(what) = what else { return };
                        if self.send(what).is_err() {
                            return;
                        }
                    }
                }
            }
        };
        let started = thread::Builder::new().name(name.to_owned()).spawn(pass_on);
        started
            .map(drop)
            .map_err(|error| format!("cannot start a thread: {error}"))
    }
}

impl<T> Drop for Post<T> {
    fn drop(&mut self) {
        if let Some(deliver) = &self.deliver {
            // If nobody waits any more, nobody asks about the end.
            let _ = deliver(None);
        }
    }
}

impl<T> std::fmt::Debug for Post<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}
