//! `tui:` — the workbench's screen.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TuiSettings {
    pub images: Images,
    /// At most so many frames a second; a frame is drawn only where something changed.
    pub fps: u32,
}

impl Default for TuiSettings {
    fn default() -> Self {
        Self {
            images: Images::Auto,
            fps: 10,
        }
    }
}

/// How pictures are drawn in the panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Images {
    /// The terminal's own pictures where it has them and is not reached over SSH, else half blocks.
    Auto,
    Halfblocks,
    Kitty,
    Iterm2,
    Sixel,
    /// As text alone.
    Off,
}
