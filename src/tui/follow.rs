//! A session as its folder tells of it: what was, and what another process still writes.

use std::{path::Path, thread, time::Duration};

use crossbeam_channel::{Receiver, unbounded};

use crate::session::{JournalTail, Record, RunState, SessionFolder};

/// How often a live journal is looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// A session that was opened.
#[derive(Debug)]
pub struct Followed {
    pub folder: SessionFolder,
    pub history: RunState,
    /// What comes later; ended where no process holds the session.
    pub records: Receiver<Record>,
}

/// Reads the journal of the session in a folder, and follows it while its process is alive.
///
/// # Errors
/// A sentence where the folder holds no session, or its journal cannot be read.
pub fn follow(path: &Path) -> Result<Followed, String> {
    let folder = SessionFolder::at(path).ok_or_else(|| format!("{} holds no session", path.display()))?;
    let mut tail = JournalTail::new(&folder.journal());
    let mut history = RunState::default();
    for record in tail.poll().map_err(|error| error.to_string())? {
        history.apply(&record);
    }
    let (sender, records) = unbounded();
    if folder.is_live().unwrap_or(false) {
        let live = folder.clone();
        let watch = move || {
            loop {
                // Asked before the journal is read: what a process wrote before it went is not missed.
                let alive = live.is_live().unwrap_or(false);
                // A journal that cannot be read any more ends what is shown of it.
                let Ok(new) = tail.poll() else { return };
                for record in new {
                    if sender.send(record).is_err() {
                        return;
                    }
                }
                if !alive {
                    return;
                }
                thread::sleep(PAUSE);
            }
        };
        thread::Builder::new()
            .name("follow".to_owned())
            .spawn(watch)
            .map_err(|error| format!("cannot start a thread: {error}"))?;
    }
    Ok(Followed {
        folder,
        history,
        records,
    })
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
        let say = |text: &str| Event::Log(Log { text: text.into() });
        journal.append(crate::tui::tests::evaluated::start()).unwrap();
        journal.append(say("before")).unwrap();
        let followed = follow(folder.path()).unwrap();
        assert_eq!(followed.history.next_seq, 2);
        journal.append(say("after")).unwrap();
        let record = followed.records.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(record.event, say("after"));
        journal.append(Event::Ended(Ended { reason: "done".into() })).unwrap();
        drop(lock);
        assert!(matches!(followed.records.recv().unwrap().event, Event::Ended(_)));
        assert!(followed.records.recv().is_err(), "nothing comes any more");
        assert!(follow(&root.path().join("none")).is_err());
    }
}
