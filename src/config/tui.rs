//! `tui:` — the workbench's screen.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::section::section;
use crate::{
    images::Images,
    keymap::{Action, Key},
    theme::{Paint, Role},
};

section! {
    TuiSettings {
        images: Images = Images::Auto, OneOf(&["auto", "halfblocks", "kitty", "iterm2", "sixel", "off"]);
        /// At most so many frames a second; a frame is drawn only where something changed.
        fps: u32 = 10, Count(1, 60);
    } with {
        /// Other keys for some actions.
        keys: IndexMap<Action, Vec<Key>> = IndexMap::new();
        colors: ColorSettings = ColorSettings::default();
    }
}

/// `tui.colors:`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColorSettings {
    pub theme: Background,
    /// Other colours for some roles of the theme.
    #[serde(flatten)]
    pub roles: IndexMap<Role, Paint>,
}

/// What the colours are to be read on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Background {
    /// As the environment says (`COLORFGBG`), else dark.
    #[default]
    Auto,
    Dark,
    Light,
}
