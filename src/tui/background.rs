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

use crossbeam_channel::{Receiver, bounded};

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
pub struct Background<T> {
    result: Receiver<T>,
    given_up: GivenUp,
}

impl<T: Send + 'static> Background<T> {
    /// Begins the work.
    ///
    /// # Errors
    /// A sentence where no thread can be started.
    pub fn begin(name: &str, work: impl FnOnce(&GivenUp) -> T + Send + 'static) -> Result<Self, String> {
        let ((tell, result), given_up) = (bounded(1), GivenUp::default());
        let asked = given_up.clone();
        let started: io::Result<_> = thread::Builder::new()
            .name(name.to_owned())
            // After cancellation nobody receives the result.
            .spawn(move || drop(tell.send(work(&asked))));
        started.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self { result, given_up })
    }

    /// Receives the result once; disconnected without one if the thread died.
    #[must_use]
    pub const fn result(&self) -> &Receiver<T> {
        &self.result
    }
}

impl<T> Drop for Background<T> {
    fn drop(&mut self) {
        self.given_up.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_result_arrives_and_work_that_was_given_up_is_told() {
        let work = Background::begin("test", |_| 7).unwrap();
        assert_eq!(work.result().recv(), Ok(7));
        let (tell, told) = bounded(1);
        let work = Background::begin("test", move |given_up| {
            while !given_up.is_so() {
                thread::sleep(Duration::from_millis(1));
            }
            tell.send(()).unwrap();
        })
        .unwrap();
        drop(work);
        told.recv_timeout(Duration::from_secs(10)).unwrap();
        let died = Background::<()>::begin("test", |_| panic!("the thread dies")).unwrap();
        assert!(died.result().recv().is_err());
    }
}
