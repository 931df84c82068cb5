//! Runs work that a person waits for on its own thread, so that an unresponsive run or a journal of millions of lines
//! blocks neither the keys nor the reader.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::post::{Post, Subscription};

/// Tells the work that its result is no longer wanted.
#[derive(Debug, Clone, Default)]
pub struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    /// Whether the work may end without a result.
    #[must_use]
    pub fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Work that has been started. Dropping it cancels the work and discards its result.
#[derive(Debug)]
pub struct Background {
    _subscription: Subscription,
    given_up: GivenUp,
}

impl Background {
    /// Begins the work. Its result arrives in the inbox, or `None` if the thread dies.
    ///
    /// # Errors
    /// A sentence where no thread can be started.
    pub fn begin<T: Send + 'static>(
        name: &str,
        (post, subscription): (Post<T>, Subscription),
        work: impl FnOnce(&GivenUp) -> T + Send + 'static,
    ) -> Result<Self, String> {
        let given_up = GivenUp::default();
        let asked = given_up.clone();
        let started: io::Result<_> = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || post.finish(work(&asked)));
        started.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self {
            _subscription: subscription,
            given_up,
        })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.given_up.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, time::Duration};

    use crossbeam_channel::bounded;

    use super::*;
    use crate::tui::inbox::{Inbox, Message};

    #[test]
    fn a_result_arrives_and_cancelled_work_learns_of_it() {
        let mut inbox = Inbox::default();
        let work = Background::begin("test", inbox.subscribe(Message::Exported), |_| Ok(PathBuf::from("7"))).unwrap();
        assert!(matches!(inbox.next(None), Message::Exported(Some(Ok(path))) if path.as_os_str() == "7"));
        drop(work);
        let (tell, told) = bounded(1);
        let work = Background::begin("test", inbox.subscribe(Message::Exported), move |given_up| {
            while !given_up.is_so() {
                thread::sleep(Duration::from_millis(1));
            }
            tell.send(()).unwrap();
            Err("given up".to_owned())
        })
        .unwrap();
        drop(work);
        told.recv_timeout(Duration::from_secs(10)).unwrap();
        let died = Background::begin("test", inbox.subscribe(Message::Exported), |_| {
            panic!("the thread dies")
        });
        assert!(matches!(inbox.next(None), Message::Exported(None)));
        drop(died);
        assert!(inbox.try_next().is_none());
    }
}
