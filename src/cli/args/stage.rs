//! `--stage`.

use clap::ValueEnum;

use crate::session::Stage;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum StageChoice {
    /// Stage 1: queries and cross-attention
    Aspects,
    /// Stage 2: the soft prompt
    Prompt,
    #[default]
    Both,
}

impl StageChoice {
    /// The stages to train, in order.
    #[must_use]
    pub const fn stages(self) -> &'static [Stage] {
        match self {
            Self::Aspects => &[Stage::Aspects],
            Self::Prompt => &[Stage::Prompt],
            Self::Both => &[Stage::Aspects, Stage::Prompt],
        }
    }
}
