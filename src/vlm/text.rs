//! What a base model reads and writes: its tokenizer, its family's chat template, and what ends an answer.

use std::path::Path;

use serde::Deserialize;

use super::LONGEST_CONFIG;
use super::chat::Chat;
use super::template::{Span, Template};
use super::tokenizer::{Tokenizer, TokenizerError};
use crate::bounded_file::read_text;

/// The words of a base model.
#[derive(Debug, Clone)]
pub struct Text {
    pub tokenizer: Tokenizer,
    pub template: Template,
    /// Tokens that end an answer.
    pub ends: Vec<u32>,
}

impl Text {
    /// Reads a model folder's tokenizer, whose tokens must be those that the family's template writes.
    ///
    /// # Errors
    /// [`TokenizerError`]: missing, damaged, or another family's.
    pub fn open(folder: &Path, template: Template) -> Result<Self, TokenizerError> {
        let tokenizer = Tokenizer::open(folder)?;
        let ids = template
            .tokens()
            .iter()
            .map(|token| tokenizer.id(token))
            .collect::<Result<Vec<_>, _>>()?;
        let ends = ends(folder).unwrap_or_else(|| ids[..template.ends().min(ids.len())].to_vec());
        Ok(Self {
            tokenizer,
            template,
            ends,
        })
    }

    /// Number of tokens with the added ones: the soft prompt's rows begin at this id.
    #[must_use]
    pub fn vocab_len(&self) -> usize {
        self.tokenizer.vocab_len()
    }

    /// A chat up to the assistant's header, without what leads to the answer.
    ///
    /// # Errors
    /// [`TokenizerError::Failed`].
    pub fn before_lead(&self, chat: &Chat) -> Result<Vec<Span>, TokenizerError> {
        let mut spans = self.template.spans(chat, &self.tokenizer)?;
        let lead = self.lead()?;
        if let Some(Span::Ids(ids)) = spans.last_mut()
            && ids.ends_with(&lead)
        {
            ids.truncate(ids.len() - lead.len());
        }
        Ok(spans)
    }

    /// What stands between the assistant's header and an answer, and is asked for with it.
    ///
    /// # Errors
    /// [`TokenizerError::Failed`].
    pub fn lead(&self) -> Result<Vec<u32>, TokenizerError> {
        match self.template.lead() {
            "" => Ok(Vec::new()),
            lead => self.tokenizer.encode(lead),
        }
    }

    /// An answer behind its lead, tokenised with it.
    ///
    /// # Errors
    /// [`TokenizerError::Failed`].
    pub fn answer(&self, answer: &str) -> Result<Vec<u32>, TokenizerError> {
        self.tokenizer.encode(&format!("{}{answer}", self.template.lead()))
    }

    /// The token that a finished answer has at its end.
    ///
    /// # Errors
    /// [`TokenizerError::NoToken`], which opening has looked for.
    pub fn end_of_answer(&self) -> Result<u32, TokenizerError> {
        self.tokenizer.id(self.template.end_of_answer())
    }

    /// The text of token ids, special tokens left out; bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// [`TokenizerError::Failed`].
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.tokenizer.decode(ids)
    }
}

/// generation_config.json's `eos_token_id`, one or several.
fn ends(folder: &Path) -> Option<Vec<u32>> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Ends {
        One(u32),
        Several(Vec<u32>),
    }
    #[derive(Deserialize)]
    struct Generation {
        eos_token_id: Ends,
    }
    let text = read_text(&folder.join("generation_config.json"), LONGEST_CONFIG).ok()?;
    match serde_json::from_str::<Generation>(&text).ok()?.eos_token_id {
        Ends::One(id) => Some(vec![id]),
        Ends::Several(ids) => Some(ids),
    }
}
