//! Settings as a session records them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Settings;

impl Settings {
    /// The settings as a session records them: paths are absolute, so that the record holds in any folder; how a screen
    /// looks is left out.
    #[must_use]
    pub fn to_record(&self) -> Value {
        let mut settings = self.clone();
        make_absolute(&mut settings);
        // Plain structs with string keys: serialising them cannot fail.
        let mut record = serde_json::to_value(settings).unwrap_or_default();
        if let Some(sections) = record.as_object_mut() {
            sections.shift_remove("tui");
        }
        record
    }
}

/// Makes every path absolute; a hub id stays as it is.
fn make_absolute(settings: &mut Settings) {
    let data = &mut settings.data;
    let optional = [
        &mut data.root,
        &mut data.prompts,
        &mut data.aspect_prompts,
        &mut data.cache_dir,
    ];
    for path in optional.into_iter().flatten().chain([&mut settings.session.root]) {
        *path = absolute(path);
    }
    if let Some(model) = &mut settings.model.path
        && Path::new(model).exists()
    {
        *model = absolute(Path::new(model)).to_string_lossy().into_owned();
    }
}

/// The path itself where the current folder is gone.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
