//! `tui:` — the workbench's screen.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{
    images::Images,
    keymap::{Action, Key},
    theme::{Paint, Role},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TuiSettings {
    pub images: Images,
    /// At most so many frames a second; a frame is drawn only where something changed.
    pub fps: u32,
    /// Other keys for some actions.
    pub keys: IndexMap<Action, Vec<Key>>,
    pub colors: ColorSettings,
}

impl Default for TuiSettings {
    fn default() -> Self {
        Self {
            images: Images::Auto,
            fps: 10,
            keys: IndexMap::new(),
            colors: ColorSettings::default(),
        }
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
