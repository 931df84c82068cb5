//! A thread for slow reads: the predictions of whole evaluations (a hundred thousand rows take a second), and the list
//! of sessions.

use std::{path::PathBuf, sync::Arc, thread};

use crossbeam_channel::{Sender, unbounded};

use super::{
    browse::rows::Rows,
    compare::{compared::Compared, many::Many, side::Side},
    overlays::Overlaid,
    post::{Post, Subscription},
};
use crate::session::{SessionSummary, list_sessions, read_results};

enum Wanted {
    Results(PathBuf),
    Sessions(PathBuf),
    /// Two sessions' folders.
    Sides([PathBuf; 2]),
    /// The folders of three or more sessions.
    Many(Vec<PathBuf>),
    /// Two files of predictions.
    Compare([PathBuf; 2]),
    /// A session's folder.
    Overlay(PathBuf),
}

/// The result of a read; an error message if it failed.
#[derive(Debug)]
pub enum Done {
    Results {
        path: PathBuf,
        rows: Result<Arc<Rows>, String>,
    },
    Sessions(Result<Vec<SessionSummary>, String>),
    Sides(Result<Box<[Side; 2]>, String>),
    Many(Many),
    Compared([PathBuf; 2], Result<Arc<Compared>, String>),
    Overlaid(Result<Box<Overlaid>, String>),
}

/// The channels to the thread.
#[derive(Debug)]
pub struct Reader {
    wanted: Sender<Wanted>,
    _subscription: Subscription,
    /// The number of pending results.
    waiting: usize,
}

impl Reader {
    /// Starts the thread, which sends each result. Report each to [`Reader::arrived`].
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn start((finished, subscription): (Post<Done>, Subscription)) -> std::io::Result<Self> {
        let (wanted, todo) = unbounded();
        thread::Builder::new().name("reader".to_owned()).spawn(move || {
            for one in todo {
                let read = match one {
                    Wanted::Results(path) => Done::Results {
                        rows: read_results(&path)
                            .map(|rows| Arc::new(Rows::new(rows)))
                            .map_err(|error| error.to_string()),
                        path,
                    },
                    Wanted::Sessions(root) => Done::Sessions(list_sessions(&root).map_err(|error| error.to_string())),
                    Wanted::Sides([a, b]) => {
                        let sides = Side::read(&a).and_then(|a| Ok(Box::new([a, Side::read(&b)?])));
                        Done::Sides(sides)
                    }
                    Wanted::Many(folders) => Done::Many(Many::read(&folders)),
                    Wanted::Overlay(folder) => Done::Overlaid(Overlaid::read(&folder).map(Box::new)),
                    Wanted::Compare(files) => {
                        let compared = Compared::read(&files).map(Arc::new);
                        Done::Compared(files, compared)
                    }
                };
                if finished.send(read).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self {
            wanted,
            _subscription: subscription,
            waiting: 0,
        })
    }

    /// Asks for the predictions in a file.
    pub fn read(&mut self, path: PathBuf) {
        self.want(Wanted::Results(path));
    }

    /// Asks for the sessions in a folder.
    pub fn list(&mut self, root: PathBuf) {
        self.want(Wanted::Sessions(root));
    }

    /// Asks for two sessions' journals.
    pub fn sides(&mut self, folders: [PathBuf; 2]) {
        self.want(Wanted::Sides(folders));
    }

    /// Asks for the figures of three or more sessions, each against the first.
    pub fn many(&mut self, folders: Vec<PathBuf>) {
        self.want(Wanted::Many(folders));
    }

    /// Requests the comparison of two files of predictions.
    pub fn compare(&mut self, files: [PathBuf; 2]) {
        self.want(Wanted::Compare(files));
    }

    /// Requests a session whose curves are to be overlaid on the run's.
    pub fn overlay(&mut self, folder: PathBuf) {
        self.want(Wanted::Overlay(folder));
    }

    fn want(&mut self, wanted: Wanted) {
        // The thread only ends with the program.
        if self.wanted.send(wanted).is_ok() {
            self.waiting += 1;
        }
    }

    /// Handles the end of the thread: no more results follow.
    pub const fn lost(&mut self) {
        self.waiting = 0;
    }

    /// Records that a result has arrived.
    pub const fn arrived(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// Whether results are pending.
    #[must_use]
    pub const fn wanted(&self) -> bool {
        self.waiting > 0
    }
}
