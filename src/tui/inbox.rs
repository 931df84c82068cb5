//! The one way into the loop: keys, records, pictures, what was read, what the host has done and the clock arrive here.

use std::{collections::VecDeque, path::PathBuf, time::Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::{
    beside::Beside,
    drawing::Drawn,
    input::Input,
    opening::Opened,
    pictures,
    post::{Kept, Post, Subscription, Unwanted},
    reader,
};
use crate::session::{Record, RunState};

/// What the loop handles. `None`: the source has ended, and nothing of it follows.
#[derive(Debug)]
pub enum Message {
    /// From the terminal; its end is [`Input::Gone`].
    Input(Input),
    /// The time has come that the loop waited for.
    Clock,
    /// The shown session's run made a record.
    Run(Option<Record>),
    /// Another process continues the shown session.
    Resumed(Option<()>),
    Picture(Option<pictures::Done>),
    Read(Option<reader::Done>),
    /// A session that is being opened was read.
    Opened(Option<Result<Opened, String>>),
    /// The shown session was read again.
    Rejoined(Option<Result<Opened, String>>),
    /// The state at another place of the journal that is being played.
    Sought(Option<(RunState, Beside)>),
    /// A run that was started here has begun in this folder, or why it has not.
    Started(Option<Result<PathBuf, String>>),
    /// The exported file, or why the export failed.
    Exported(Option<Result<PathBuf, String>>),
    /// Images are being drawn again.
    Drawn(Option<Drawn>),
    /// A model that was asked answers.
    Model(Asked, Option<Record>),
}

/// Whose model was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The shown session's.
    Shown,
    /// Compare's left (0) or right (1) session's.
    Side(usize),
}

struct Letter {
    message: Message,
    to: Kept,
}

/// The messages that wait for the loop. Keys are handed out first, so that no burst of records delays them.
pub struct Inbox {
    sender: Sender<Letter>,
    letters: Receiver<Letter>,
    inputs: VecDeque<Letter>,
    others: VecDeque<Letter>,
    /// Input is always wanted.
    always: (Subscription, Kept),
}

impl Inbox {
    /// The most messages that are sorted, and handed out, before the next look at the channel.
    pub const MOST_AT_ONCE: usize = 20_000;

    /// A way into the inbox: what is sent arrives as `message` makes it, for as long as the subscription is kept.
    #[must_use]
    pub fn subscribe<T: Send + 'static>(
        &self,
        message: impl Fn(Option<T>) -> Message + Send + 'static,
    ) -> (Post<T>, Subscription) {
        let (subscription, kept) = Subscription::new();
        (self.post(kept, message), subscription)
    }

    /// The way in for input from the terminal, whose end is [`Input::Gone`].
    #[must_use]
    pub fn inputs(&self) -> Post<Input> {
        let kept = self.always.1.clone();
        self.post(kept, |input| Message::Input(input.unwrap_or(Input::Gone)))
    }

    fn post<T: Send + 'static>(&self, kept: Kept, message: impl Fn(Option<T>) -> Message + Send + 'static) -> Post<T> {
        let (sender, to) = (self.sender.clone(), kept.clone());
        Post::new(kept, move |what| {
            let letter = Letter {
                message: message(what),
                to: to.clone(),
            };
            sender.send(letter).map_err(|_| Unwanted)
        })
    }

    /// Lets a channel's messages arrive here.
    ///
    /// # Errors
    /// A sentence where no thread can be started.
    pub fn forward<T: Send + 'static>(
        &self,
        name: &str,
        from: Receiver<T>,
        message: impl Fn(Option<T>) -> Message + Send + 'static,
    ) -> Result<Subscription, String> {
        let (post, subscription) = self.subscribe(message);
        post.forward(name, from)?;
        Ok(subscription)
    }

    /// Waits for the next message. From `due` on that is [`Message::Clock`], even if others wait.
    pub fn next(&mut self, due: Option<Instant>) -> Message {
        loop {
            if due.is_some_and(|due| due <= Instant::now()) {
                return Message::Clock;
            }
            if let Some(message) = self.try_next() {
                return message;
            }
            let letter = match due {
                Some(due) => self.letters.recv_deadline(due).ok(),
                // The inbox has a sender itself, so this waits for a letter.
                None => self.letters.recv().ok(),
            };
            letter.into_iter().for_each(|letter| self.sort(letter));
        }
    }

    /// The next message that is here already.
    pub fn try_next(&mut self) -> Option<Message> {
        let room = Self::MOST_AT_ONCE.saturating_sub(self.others.len());
        for letter in self.letters.try_iter().take(room).collect::<Vec<_>>() {
            self.sort(letter);
        }
        loop {
            let letter = self.inputs.pop_front().or_else(|| self.others.pop_front())?;
            if letter.to.is_so() {
                return Some(letter.message);
            }
        }
    }

    fn sort(&mut self, letter: Letter) {
        match letter.message {
            Message::Input(_) => self.inputs.push_back(letter),
            _ => self.others.push_back(letter),
        }
    }
}

impl Default for Inbox {
    fn default() -> Self {
        let (sender, letters) = unbounded();
        Self {
            sender,
            letters,
            inputs: VecDeque::new(),
            others: VecDeque::new(),
            always: Subscription::new(),
        }
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;

    fn exported(message: Message) -> Option<Result<PathBuf, String>> {
        match message {
            Message::Exported(what) => what,
            other => panic!("{other:?}"),
        }
    }

    fn file(n: usize) -> PathBuf {
        PathBuf::from(n.to_string())
    }

    #[test]
    fn messages_come_in_order_but_keys_first_and_the_clock_before_all() {
        let mut inbox = Inbox::default();
        let (files, _kept) = inbox.subscribe(Message::Exported);
        let keys = inbox.inputs();
        for n in 0..3 {
            files.send(Ok(file(n))).unwrap();
        }
        let key = Input::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
        keys.send(key.clone()).unwrap();
        assert!(matches!(inbox.next(Some(Instant::now())), Message::Clock));
        assert!(matches!(inbox.next(None), Message::Input(first) if first == key));
        for n in 0..3 {
            assert_eq!(exported(inbox.next(None)), Some(Ok(file(n))));
        }
        drop(keys);
        assert!(matches!(inbox.try_next(), Some(Message::Input(Input::Gone))));
        assert!(inbox.try_next().is_none());
        let due = Instant::now() + Duration::from_millis(20);
        assert!(matches!(inbox.next(Some(due)), Message::Clock) && Instant::now() >= due);
    }

    #[test]
    fn nothing_arrives_for_a_dropped_subscription_and_the_sender_learns_it() {
        let mut inbox = Inbox::default();
        let (post, kept) = inbox.subscribe(Message::Exported);
        post.send(Ok(file(0))).unwrap();
        drop(kept);
        assert!(inbox.try_next().is_none());
        assert_eq!(post.send(Ok(file(1))), Err(Unwanted));
        drop(post);
        assert!(inbox.try_next().is_none());
    }

    #[test]
    fn the_end_of_a_source_arrives_unless_it_has_finished() {
        let mut inbox = Inbox::default();
        let (post, _kept) = inbox.subscribe(Message::Exported);
        thread::spawn(move || -> () {
            let _held = post;
            panic!("the thread dies");
        });
        assert_eq!(exported(inbox.next(None)), None);
        let (post, _kept) = inbox.subscribe(Message::Exported);
        post.finish(Ok(file(7)));
        assert_eq!(exported(inbox.next(None)), Some(Ok(file(7))));
        assert!(inbox.try_next().is_none());
    }

    #[test]
    fn a_channel_is_passed_on_until_nobody_waits() {
        let mut inbox = Inbox::default();
        let (sender, from) = unbounded();
        let kept = inbox.forward("test", from, Message::Exported).unwrap();
        sender.send(Ok(file(1))).unwrap();
        assert_eq!(exported(inbox.next(None)), Some(Ok(file(1))));
        drop(kept);
        // The thread, which has the only receiver, ends.
        while sender.send(Ok(file(2))).is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
        assert!(inbox.try_next().is_none());
        let (sender, from) = unbounded();
        let _kept = inbox.forward("test", from, Message::Exported).unwrap();
        drop(sender);
        assert_eq!(exported(inbox.next(None)), None);
    }
}
