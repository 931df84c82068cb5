//! Draws images again that a session misses, because its drawn dataset is gone. A background thread does it, and the
//! screens show the pictures once all are there.

use std::{
    sync::{Mutex, PoisonError},
    thread,
};

use super::post::{Post, Subscription};
use crate::session::SessionStart;

/// The pictures between two messages about the progress.
const REPORTED_EVERY: usize = 100;

/// A message of the thread.
#[derive(Debug)]
pub enum Drawn {
    /// So many pictures of so many.
    Progress(usize, usize),
    /// All are there, or why they are not.
    Over(Result<(), String>),
}

/// Images that are being drawn.
#[derive(Debug)]
pub struct Drawing {
    _subscription: Subscription,
    /// Pictures done, and in all.
    pub progress: (usize, usize),
}

impl Drawing {
    /// Begins to draw the images of the session that began with `start`.
    ///
    /// # Errors
    /// A sentence where no thread can be started.
    pub fn begin(start: SessionStart, (post, subscription): (Post<Drawn>, Subscription)) -> Result<Self, String> {
        let work = move || {
            let post = Mutex::new(post);
            let drawn = start.draw_missing_images(|done, total| {
                if done.is_multiple_of(REPORTED_EVERY) {
                    let post = post.lock().unwrap_or_else(PoisonError::into_inner);
                    // Nobody listens when the program ends.
                    let _ = post.send(Drawn::Progress(done, total));
                }
            });
            let post = post.into_inner().unwrap_or_else(PoisonError::into_inner);
            post.finish(Drawn::Over(drawn.map_err(|error| error.to_string())));
        };
        let started = thread::Builder::new().name("drawing".to_owned()).spawn(work);
        started.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self {
            _subscription: subscription,
            progress: (0, 0),
        })
    }
}
