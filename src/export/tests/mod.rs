//! Exports of made-up sessions, read back.

mod drawn;
mod events;
mod files;
mod reports;
mod tables;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::predictions_table::predictions_csv;
use super::*;
use crate::made_up::evaluated;
use crate::session::{Origin, RunState, SessionFolder, Stage};

/// A finished session with forty predictions. Of the panel it has two images and three looks at each: painting more takes long.
pub(super) fn source(root: &Path) -> Source {
    let mut source = Source::read(&evaluated::session(root, "run", 40, false)).unwrap();
    source.state.panel.retain(|slot, _| *slot < 2);
    for looks in source.state.panel.values_mut() {
        looks.retain(|look| look.stage == Stage::Prompt && [300, 500, 600].contains(&look.step));
    }
    source
}

/// An export of the newest, with nothing else asked.
pub(super) fn newest(source: &Source, what: What, to: &Path) -> Result<PathBuf, ExportError> {
    export(source, what, &Asked::default(), to)
}

/// What a person selects of a session.
pub(super) fn selected(step: Option<u64>, evaluation: Option<&str>) -> Asked {
    Asked {
        selected: Selected {
            step,
            evaluation: evaluation.map(str::to_owned),
        },
        ..Asked::default()
    }
}
