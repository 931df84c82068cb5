//! What can be written.

/// What is written: one kind.
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
