//! The kinds of export.

/// A kind of export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Every step and evaluation.
    Metrics,
    /// An evaluation's predictions.
    Predictions,
    Curves,
    Maps,
    Report,
    /// Every step and evaluation as an event file.
    TensorBoard,
}
