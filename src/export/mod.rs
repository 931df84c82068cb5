//! Exports a session for use elsewhere: tables, figures, arrays, a report. Reads only files in the session's folder.

mod answers;
mod asked;
mod attention;
mod cells;
mod error;
mod escape;
mod evaluated_rows;
mod evaluation_table;
mod event_file;
mod figures;
#[cfg(test)]
mod hostile;
mod live;
mod maps;
mod metrics_table;
mod page;
mod predictions_table;
mod protobuf;
mod rationales;
mod report;
mod selected;
mod source;
mod tabular;
mod tensorboard;
mod times;
mod titled;
mod what;
mod write;

pub use asked::Asked;
pub use error::ExportError;
pub use figures::{BadMetric, CurveMetric, FigureStyle};
pub use live::LiveEvents;
pub use selected::Selected;
pub use source::Source;
pub use tabular::{Head, latex, markdown};
pub use what::{What, ending};
pub use write::{check, check_rows_target, export, export_rows};

#[cfg(test)]
mod tests;
