//! The losses of the two sessions that are compared.

use crate::{session::Stage, tui::series::Series};

/// The two series, kept from frame to frame.
#[derive(Debug, Clone, Default)]
pub struct Losses {
    pub stage: Option<Stage>,
    pub series: [Series; 2],
}
