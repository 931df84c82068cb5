//! The folder of the session that a run writes.

use super::failure::Failure;
use crate::config::Settings;
use crate::session::{SessionFolder, now};

/// Makes the session's folder: with the name in the settings, or a name made from the dataset and the time. With `resume`, a
/// folder that exists is opened.
///
/// # Errors
/// A bad name, a name in use where nothing is resumed, a root that cannot be written.
pub fn run_folder(settings: &Settings, resume: bool) -> Result<SessionFolder, Failure> {
    let root = &settings.session.root;
    Ok(match &settings.session.name {
        Some(name) if resume => SessionFolder::open_or_create(root, name)?,
        Some(name) => SessionFolder::create(root, name)?,
        None => SessionFolder::create_automatic(root, settings.data.dataname.as_deref().unwrap_or("run"), now())?,
    })
}
