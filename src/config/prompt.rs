//! `prompt:` — stage 2's soft prompt.

use super::section::section;
use crate::aspects::prompt_file::LONGEST_PROMPT;

/// Sequences are padded to the longest, and attention grows with its square: this is more than any model reads.
pub(super) const MOST_TOKENS: u64 = LONGEST_PROMPT as u64;

section! {
    PromptSettings {
        /// Trained vectors; each stands twice in the question.
        tokens: usize = 32, Count(1, MOST_TOKENS);
    }
}
