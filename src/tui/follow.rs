//! A session as its folder tells of it: what was, what another process still writes, and the way to command that one.

use std::{convert::Infallible, path::Path, thread, time::Duration};

use crossbeam_channel::{Receiver, Sender, bounded, never, select, unbounded};

use crate::session::{
    Command, JournalTail, Record, RunState, SessionFolder,
    socket::{self, Connection},
};

/// How often a live journal is looked at.
const PAUSE: Duration = Duration::from_millis(200);
/// How often that of a session which no process holds is looked at.
const REST: Duration = Duration::from_secs(1);

/// A session that was opened.
#[derive(Debug)]
pub struct Followed {
    pub folder: SessionFolder,
    pub history: RunState,
    /// What comes later; ended where no process holds the session.
    pub records: Receiver<Record>,
    /// Where a run at work takes commands.
    pub commands: Option<Sender<Command>>,
    /// Why a run at work takes none from here.
    pub read_only: Option<String>,
    /// Tells once that a process goes on with the session after `records` have ended: it is to be followed anew.
    pub resumed: Receiver<()>,
    pub following: Following,
}

/// Dropped where nobody looks any more: then the journal is not looked at either.
#[derive(Debug)]
pub struct Following(#[expect(dead_code, reason = "its drop is what counts")] Sender<Infallible>);

/// Reads the journal of the session in a folder, and follows it while its process is alive.
///
/// # Errors
/// A sentence where the folder holds no session, or its journal cannot be read.
pub fn follow(path: &Path) -> Result<Followed, String> {
    let folder = SessionFolder::at(path).ok_or_else(|| format!("{} holds no session", path.display()))?;
    // Held open, because another session may take its name later. A folder that may be entered but not read is followed by name.
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
    // What stands before a damaged line is shown.
    let read_only = damage.or(read_only);
    let (sender, records) = unbounded();
    let (commands, answers) = match connection {
        Some(Connection { commands, answers }) => (Some(commands), answers),
        None => (None, never()),
    };
    let (watched, left) = bounded(0);
    let (tell, resumed) = bounded(1);
    let watch = Watch {
        folder: folder.clone(),
        tail,
        answers,
        left: left.clone(),
        sender,
    };
    thread::Builder::new()
        .name("follow".to_owned())
        .spawn(move || {
            let folder = watch.folder.clone();
            if !live || watch.run() {
                wait_for_more(&folder, &left, &tell);
            }
        })
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    Ok(Followed {
        folder,
        history,
        records,
        commands,
        read_only,
        resumed,
        following: Following(watched),
    })
}

/// Waits until a journal that nobody writes is written again. Its length is looked at, for who asks for the lock holds it for
/// a moment, in which a run would be refused.
fn wait_for_more(session: &SessionFolder, left: &Receiver<Infallible>, tell: &Sender<()>) {
    let length = || session.journal_length().ok();
    let before = length();
    loop {
        select! {
            recv(left) -> _ => return,
            default(REST) => if length() != before {
                // Who shows the session has room for this one word, or is gone.
                let _ = tell.try_send(());
                return;
            }
        }
    }
}

/// The thread's side.
struct Watch {
    folder: SessionFolder,
    tail: JournalTail,
    answers: Receiver<Record>,
    left: Receiver<Infallible>,
    sender: Sender<Record>,
}

impl Watch {
    /// Passes on what comes until the session's process has ended, which is told: nobody else wants to know.
    fn run(mut self) -> bool {
        loop {
            // Asked before the journal is read: what a process wrote before it went is not missed.
            let alive = self.folder.is_live().unwrap_or(false);
            // A journal that cannot be read any more ends what is shown of it.
            match self.pass_on() {
                Err(()) => return false,
                Ok(()) if !alive => return true,
                Ok(()) => {}
            }
            select! {
                recv(self.left) -> _ => return false,
                recv(self.answers) -> answer => match answer {
                    // The journal has it already, without its maps; that one comes first, so that nothing is passed over.
                    Ok(answer) => {
                        if self.pass_on().is_err() || self.sender.send(answer).is_err() {
                            return false;
                        }
                    }
                    Err(_) => self.answers = never(),
                },
                default(PAUSE) => {}
            }
        }
    }

    fn pass_on(&mut self) -> Result<(), ()> {
        let sender = &self.sender;
        // Who does not listen any more is noticed by `left`.
        self.tail.poll(|record| drop(sender.send(record))).map_err(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Ended, Event, JournalWriter, Log};

    #[test]
    fn what_another_process_writes_arrives_until_it_ends() {
        let root = tempfile::tempdir().unwrap();
        let folder = SessionFolder::create(root.path(), "run").unwrap();
        let lock = folder.lock().unwrap();
        let mut journal = JournalWriter::open(&folder.journal()).unwrap();
        let say = |text: &str| Event::Log(Log::new(text));
        journal.append(crate::tui::tests::evaluated::start()).unwrap();
        journal.append(say("before")).unwrap();
        let followed = follow(folder.path()).unwrap();
        assert_eq!(followed.history.next_seq, 2);
        assert!(followed.commands.is_none());
        let why = followed.read_only.as_deref().unwrap_or_default();
        assert!(why.starts_with("read-only: nobody listens"), "{why}");
        journal.append(say("after")).unwrap();
        let record = followed.records.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(record.event, say("after"));
        journal.append(Event::Ended(Ended { reason: "done".into() })).unwrap();
        drop(lock);
        assert!(matches!(followed.records.recv().unwrap().event, Event::Ended(_)));
        assert!(followed.records.recv().is_err(), "nothing comes any more");
        assert!(followed.resumed.recv_timeout(2 * REST).is_err(), "nothing was written");
        journal.append(say("another process goes on")).unwrap();
        followed.resumed.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(follow(&root.path().join("none")).is_err());
    }

    #[test]
    fn a_session_that_is_moved_is_followed_and_not_the_one_that_takes_its_name() {
        let root = tempfile::tempdir().unwrap();
        let folder = SessionFolder::create(root.path(), "run").unwrap();
        let lock = folder.lock().unwrap();
        let mut journal = JournalWriter::open(&folder.journal()).unwrap();
        let say = |text: &str| Event::Log(Log::new(text));
        journal.append(crate::tui::tests::evaluated::start()).unwrap();
        let followed = follow(folder.path()).unwrap();
        std::fs::rename(folder.path(), root.path().join("moved")).unwrap();
        let other = SessionFolder::create(root.path(), "run").unwrap();
        let mut others = JournalWriter::open(&other.journal()).unwrap();
        others.append(crate::tui::tests::evaluated::start()).unwrap();
        for _ in 0..3 {
            others.append(say("of another")).unwrap();
        }
        journal.append(say("of its own")).unwrap();
        let record = followed.records.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(record.event, say("of its own"));
        drop(lock);
        assert!(followed.records.recv().is_err(), "its process is gone");
        others.append(say("of another")).unwrap();
        assert!(
            followed.resumed.recv_timeout(2 * REST).is_err(),
            "nothing was written into it"
        );
    }

    #[test]
    fn who_looks_away_is_not_told_any_more() {
        let root = tempfile::tempdir().unwrap();
        let folder = SessionFolder::create(root.path(), "run").unwrap();
        let _lock = folder.lock().unwrap();
        let mut journal = JournalWriter::open(&folder.journal()).unwrap();
        journal.append(crate::tui::tests::evaluated::start()).unwrap();
        let Followed { records, following, .. } = follow(folder.path()).unwrap();
        drop(following);
        assert!(records.recv().is_err(), "the thread has ended although the run goes on");
    }
}
