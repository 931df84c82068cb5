//! What the screens request from outside: models, new runs, exports.

use std::path::{Path, PathBuf};

use crossbeam_channel::Receiver;

use super::sessions::form::Field;
use crate::session::{ImageResult, Origin, Study};

/// How a message ends that refuses to replace a file unless it is asked for once more.
pub const ENTER_REPLACES: &str = "enter replaces it";

/// What the screens request from outside.
pub trait Host: Send + std::fmt::Debug {
    /// Opens the model of the session in a folder, at the checkpoint of a step of the prompt stage or at the newest
    /// checkpoint.
    ///
    /// # Errors
    /// A message for the person.
    fn study(&mut self, session: &Path, step: Option<u64>) -> Result<Study, String>;

    /// Removes a session with all that is in its folder.
    ///
    /// # Errors
    /// A message for the person, such as that a running session cannot be removed.
    fn remove(&mut self, session: &Path) -> Result<(), String>;

    /// Exports a session to a file in the background; the file's name says what it holds. The channel receives the file's
    /// path, or why nothing was written.
    ///
    /// # Errors
    /// A message if the export cannot be started. It ends with [`ENTER_REPLACES`] where the file exists and `replace` is not
    /// set.
    fn export(&mut self, session: &Path, to: &Path, replace: bool)
    -> Result<Receiver<Result<PathBuf, String>>, String>;

    /// Exports rows of an evaluation to a file in the background, in the format of its extension; the channel and `replace`
    /// are as in [`Host::export`].
    ///
    /// # Errors
    /// As [`Host::export`].
    fn export_rows(
        &mut self,
        rows: Vec<ImageResult>,
        origin: Origin,
        to: &Path,
        replace: bool,
    ) -> Result<Receiver<Result<PathBuf, String>>, String>;

    /// The fields of a new run, with the settings that the session in a folder has, or those that a run in the current
    /// folder would have.
    ///
    /// # Errors
    /// A message if the settings are wrong or the session has not recorded its own.
    fn new_run(&mut self, like: Option<&Path>) -> Result<Vec<Field>, String>;

    /// What is wrong with each field's value, in the order of [`Host::new_run`].
    fn check_run(&mut self, values: &[String]) -> Vec<Option<String>>;

    /// Starts a run with these values in the background. The channel receives its session's folder once it has begun,
    /// or why it has not.
    ///
    /// # Errors
    /// A message if the run cannot be started.
    fn start_run(&mut self, values: &[String]) -> Result<Receiver<Result<PathBuf, String>>, String>;

    /// Goes on with the run of the session in a folder, in the background; the channel is as in [`Host::start_run`].
    ///
    /// # Errors
    /// A message if the run cannot be continued.
    fn resume(&mut self, session: &Path) -> Result<Receiver<Result<PathBuf, String>>, String>;
}
