//! What the hub calls the files that hold a model's weights.

/// The weights in one file.
pub(super) const SINGLE: &str = "model.safetensors";
/// Which of several files holds which weight.
pub(super) const INDEX: &str = "model.safetensors.index.json";
