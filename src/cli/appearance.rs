//! Applies the settings of the screens' look.

use super::failure::Failure;
use crate::tui::Viewer;
use crate::{
    config::{Background, TuiSettings},
    keymap::Keymap,
};

/// Applies the settings under `tui:` to a viewer.
///
/// # Errors
/// Two actions share a key. Loaded settings never have this: [`crate::config::load`] refuses it.
pub fn apply(viewer: &mut Viewer, settings: &TuiSettings) -> Result<(), Failure> {
    viewer.fps = settings.fps;
    viewer.images = settings.images;
    viewer.keymap = Keymap::changed(&settings.keys).map_err(Failure::usage)?;
    let theme = match settings.colors.theme {
        Background::Auto => viewer.theme.clone(),
        Background::Dark => viewer.theme.on(true),
        Background::Light => viewer.theme.on(false),
    };
    let known = settings.colors.theme != Background::Auto || std::env::var_os("COLORFGBG").is_some();
    viewer.on_light = (!known).then(|| theme.on(false).repainted(&settings.colors.roles));
    viewer.theme = theme.repainted(&settings.colors.roles);
    Ok(())
}
