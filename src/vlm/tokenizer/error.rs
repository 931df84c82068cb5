//! Why a tokenizer cannot be used.

use std::path::PathBuf;

use crate::vlm::placeholder::Placeholder;

/// A tokenizer that cannot be loaded, or text that it cannot process.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    #[error("the tokenizer {} is missing; {hint}", path.display())]
    NotFound { path: PathBuf, hint: &'static str },
    #[error("the tokenizer {} is {what}", path.display())]
    Placeholder { path: PathBuf, what: Placeholder },
    #[error("the tokenizer {} cannot be read: {reason}; download it again", path.display())]
    Unfit { path: PathBuf, reason: String },
    #[error("the tokenizer {} has no token {token}, which the model's family has; it is another model's, so check the model folder", path.display())]
    NoToken { path: PathBuf, token: &'static str },
    #[error("the tokenizer {} cannot {task}: {reason}", path.display())]
    Failed {
        path: PathBuf,
        task: &'static str,
        reason: String,
    },
}
