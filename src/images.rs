//! How pictures are drawn: the values of `tui.images` and `--images`.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How pictures are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Images {
    /// Pixels if the terminal can show them, but half blocks over SSH and in a multiplexer
    #[default]
    Auto,
    /// Two coloured pixels per cell, in any terminal
    Halfblocks,
    Kitty,
    Iterm2,
    Sixel,
    /// No pictures, only text
    Off,
}
