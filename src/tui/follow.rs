//! Follows a session through its folder: its past, what another process still writes, and the channel to command that
//! process.

use std::{convert::Infallible, path::Path, thread, time::Duration};

use crossbeam_channel::{Receiver, Sender, bounded, never, select, unbounded};

use crate::session::{
    Command, JournalTail, Record, RunState, SessionFolder,
    socket::{self, Connection},
};

/// The interval between two reads of a live journal.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The interval between two checks of a journal whose session no process holds.
const IDLE_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A session that was opened.
#[derive(Debug)]
pub struct Followed {
    pub folder: SessionFolder,
    pub history: RunState,
    pub link: Link,
}

/// The way to a session's run.
#[derive(Debug, Default)]
pub struct Link {
    /// Later records, if any come; the channel ends if no process holds the session. It should be unbounded, because a sender
    /// that waited for the screen would be slowed down by a slow terminal. Records that the history holds are ignored.
    pub records: Option<Receiver<Record>>,
    /// Takes commands for a running run.
    pub commands: Option<Sender<Command>>,
    /// Why a running run does not take commands from here.
    pub read_only: Option<String>,
    /// Receives one message when, after `records` has ended, a process continues the session: it must then be followed
    /// anew.
    pub resumed: Option<Receiver<()>>,
    /// Kept while another process's journal is followed.
    pub following: Option<Following>,
}

/// Keeps the journal being followed; dropping it stops that.
#[derive(Debug)]
pub struct Following(#[expect(dead_code, reason = "its drop is what counts")] Sender<Infallible>);

/// Reads the journal of the session in a folder, and follows it while its process is alive.
///
/// # Errors
/// A message if the folder is not a session's, or its journal cannot be read.
pub fn follow(path: &Path) -> Result<Followed, String> {
    let folder = SessionFolder::at(path).ok_or_else(|| format!("{} is not a session's folder", path.display()))?;
    // Keep the folder open, because another session may take its name later. A folder that may be entered but not read
    // is followed by name.
    let folder = folder.kept_open().unwrap_or(folder);
    let live = folder.is_live().unwrap_or(false);
    let (connection, read_only) = if live {
        match socket::connect(&folder) {
            Ok(connection) => (Some(connection), None),
            Err(reason) => (None, Some(format!("read-only: {reason}"))),
        }
    } else {
        (None, None)
    };
    let mut tail = JournalTail::of(&folder);
    let mut history = RunState::default();
    let damage = tail
        .poll(|record| history.apply(&record))
        .err()
        .map(|error| error.to_string());
    if history.session.is_none()
        && let Some(damage) = damage
    {
        return Err(damage);
    }
    // The records before a damaged line are shown.
    let read_only = damage.or(read_only);
    let (sender, records) = unbounded();
    let (commands, answers) = match connection {
        Some(Connection { commands, answers }) => (Some(commands), answers),
        None => (None, never()),
    };
    let (following, left) = bounded(0);
    let (tell, resumed) = bounded(1);
    let mut forwarder = Forwarder {
        folder: folder.clone(),
        tail,
        answers,
        left: left.clone(),
        sender,
    };
    thread::Builder::new()
        .name("follow".to_owned())
        .spawn(move || {
            let folder = forwarder.folder.clone();
            let mut length = folder.journal_length().ok();
            // Nobody waits any more. The length was read before, so that no line that is appended meanwhile is missed.
            forwarder.tail.write_index();
            if live {
                if !forwarder.run() {
                    return;
                }
                length = folder.journal_length().ok();
            }
            wait_for_more(&folder, length, &left, &tell);
        })
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    Ok(Followed {
        folder,
        history,
        link: Link {
            records: Some(records),
            commands,
            read_only,
            resumed: Some(resumed),
            following: Some(Following(following)),
        },
    })
}

/// Waits until somebody writes to a journal that has no writer, and had `before` bytes. It checks the journal's length instead of the lock:
/// trying the lock holds it for a moment, and a run that starts then would be refused.
fn wait_for_more(session: &SessionFolder, before: Option<u64>, left: &Receiver<Infallible>, tell: &Sender<()>) {
    loop {
        select! {
            recv(left) -> _ => return,
            default(IDLE_POLL_INTERVAL) => if session.journal_length().ok() != before {
                // The channel has room for this one message, or its receiver is gone.
                let _ = tell.try_send(());
                return;
            }
        }
    }
}

/// The state of the following thread.
struct Forwarder {
    folder: SessionFolder,
    tail: JournalTail,
    answers: Receiver<Record>,
    left: Receiver<Infallible>,
    sender: Sender<Record>,
}

impl Forwarder {
    /// Forwards records until the session's process has ended; then returns true. Returns false if nobody wants the
    /// records any more or the journal cannot be read.
    fn run(mut self) -> bool {
        loop {
            // Checked before the journal is read, so that the process's last records are not missed.
            let alive = self.folder.is_live().unwrap_or(false);
            // If the journal becomes unreadable, the view of the session ends.
            match self.pass_on() {
                Err(()) => return false,
                Ok(()) if !alive => return true,
                Ok(()) => {}
            }
            select! {
                recv(self.left) -> _ => return false,
                recv(self.answers) -> answer => match answer {
                    // The journal contains this answer without its maps. Forward the journal first, so that nothing is
                    // lost or overtaken.
                    Ok(answer) => {
                        if self.pass_on().is_err() || self.sender.send(answer).is_err() {
                            return false;
                        }
                    }
                    Err(_) => self.answers = never(),
                },
                default(POLL_INTERVAL) => {}
            }
        }
    }

    fn pass_on(&mut self) -> Result<(), ()> {
        let sender = &self.sender;
        // Send errors are ignored: `left` reports that the receiver is gone.
        self.tail.poll(|record| drop(sender.send(record))).map_err(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Ended, Event, JournalWriter, Log};

    #[test]
    fn records_of_another_process_arrive_until_it_ends() {
        let root = tempfile::tempdir().unwrap();
        let folder = SessionFolder::create(root.path(), "run").unwrap();
        let lock = folder.lock().unwrap();
        let mut journal = JournalWriter::open(&folder.journal()).unwrap();
        let say = |text: &str| Event::Log(Log::new(text));
        journal.append(crate::made_up::evaluated::start()).unwrap();
        journal.append(say("before")).unwrap();
        let followed = follow(folder.path()).unwrap();
        assert_eq!(followed.history.next_seq, 2);
        assert!(followed.link.commands.is_none());
        let why = followed.link.read_only.as_deref().unwrap_or_default();
        assert!(why.starts_with("read-only: no process listens"), "{why}");
        let (records, resumed) = (followed.link.records.unwrap(), followed.link.resumed.unwrap());
        journal.append(say("after")).unwrap();
        let record = records.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(record.event, say("after"));
        journal.append(Event::Ended(Ended { reason: "done".into() })).unwrap();
        drop(lock);
        assert!(matches!(records.recv().unwrap().event, Event::Ended(_)));
        assert!(records.recv().is_err(), "nothing comes any more");
        assert!(
            resumed.recv_timeout(2 * IDLE_POLL_INTERVAL).is_err(),
            "nothing was written"
        );
        journal.append(say("another process has resumed")).unwrap();
        resumed.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(follow(&root.path().join("none")).is_err());
    }

    #[test]
    fn a_moved_session_is_followed_to_its_new_place() {
        let root = tempfile::tempdir().unwrap();
        let folder = SessionFolder::create(root.path(), "run").unwrap();
        let lock = folder.lock().unwrap();
        let mut journal = JournalWriter::open(&folder.journal()).unwrap();
        let say = |text: &str| Event::Log(Log::new(text));
        journal.append(crate::made_up::evaluated::start()).unwrap();
        let link = follow(folder.path()).unwrap().link;
        let (records, resumed) = (link.records.unwrap(), link.resumed.unwrap());
        std::fs::rename(folder.path(), root.path().join("moved")).unwrap();
        let other = SessionFolder::create(root.path(), "run").unwrap();
        let mut others = JournalWriter::open(&other.journal()).unwrap();
        others.append(crate::made_up::evaluated::start()).unwrap();
        for _ in 0..3 {
            others.append(say("of another")).unwrap();
        }
        journal.append(say("of its own")).unwrap();
        let record = records.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(record.event, say("of its own"));
        drop(lock);
        assert!(records.recv().is_err(), "its process is gone");
        others.append(say("of another")).unwrap();
        assert!(
            resumed.recv_timeout(2 * IDLE_POLL_INTERVAL).is_err(),
            "nothing was written into it"
        );
    }

    #[test]
    fn a_dropped_view_gets_no_more_records() {
        let root = tempfile::tempdir().unwrap();
        let folder = SessionFolder::create(root.path(), "run").unwrap();
        let _lock = folder.lock().unwrap();
        let mut journal = JournalWriter::open(&folder.journal()).unwrap();
        journal.append(crate::made_up::evaluated::start()).unwrap();
        let Link { records, following, .. } = follow(folder.path()).unwrap().link;
        drop(following);
        assert!(
            records.unwrap().recv().is_err(),
            "the thread has ended although the run goes on"
        );
    }
}
