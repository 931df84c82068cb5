//! A base model's text side: its tokenizer, its family's chat template, and the tokens that end an answer.

use std::path::Path;

use serde::Deserialize;

use super::LONGEST_CONFIG;
use super::chat::Chat;
use super::template::{Span, Template};
use super::tokenizer::{Tokenizer, TokenizerError};
use crate::bounded_file::read_text;

/// A base model's tokenizer and chat template.
#[derive(Debug, Clone)]
pub struct Text {
    pub tokenizer: Tokenizer,
    pub template: Template,
    /// Tokens that end an answer.
    pub ends: Vec<u32>,
}

impl Text {
    /// Reads a model folder's tokenizer, which must have the tokens that the family's template writes.
    ///
    /// # Errors
    /// [`TokenizerError`]: missing, damaged, or another family's tokenizer.
    pub fn open(folder: &Path, template: Template) -> Result<Self, TokenizerError> {
        let tokenizer = Tokenizer::open(folder)?;
        let ids = template
            .tokens()
            .iter()
            .map(|token| tokenizer.id(token))
            .collect::<Result<Vec<_>, _>>()?;
        let mut ends = ends(folder);
        if ends.is_empty() {
            ends.extend(ids.iter().take(template.ends()));
        }
        // Training ends answers with this token, whatever else the folder states.
        let end = tokenizer.id(template.end_of_answer())?;
        if !ends.contains(&end) {
            ends.push(end);
        }
        Ok(Self {
            tokenizer,
            template,
            ends,
        })
    }

    /// The number of tokens, including added ones: the soft prompt's rows begin at this id.
    #[must_use]
    pub fn vocab_len(&self) -> usize {
        self.tokenizer.vocab_len()
    }

    /// A chat up to the assistant's header, without the text that leads to the answer (see [`Self::lead`]).
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

    /// The tokens between the assistant's header and an answer, which are targets together with it.
    ///
    /// # Errors
    /// [`TokenizerError::Failed`].
    pub fn lead(&self) -> Result<Vec<u32>, TokenizerError> {
        match self.template.lead() {
            "" => Ok(Vec::new()),
            lead => self.tokenizer.encode(lead),
        }
    }

    /// An answer with its lead in front, tokenised together.
    ///
    /// # Errors
    /// [`TokenizerError::Failed`].
    pub fn answer(&self, answer: &str) -> Result<Vec<u32>, TokenizerError> {
        self.tokenizer.encode(&format!("{}{answer}", self.template.lead()))
    }

    /// The token at the end of a finished answer.
    ///
    /// # Errors
    /// [`TokenizerError::NoToken`], which opening has already ruled out.
    pub fn end_of_answer(&self) -> Result<u32, TokenizerError> {
        self.tokenizer.id(self.template.end_of_answer())
    }

    /// The text of token ids without special tokens; invalid UTF-8 becomes U+FFFD.
    ///
    /// # Errors
    /// [`TokenizerError::Failed`].
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.tokenizer.decode(ids)
    }
}

/// `eos_token_id` of generation_config.json, one or several; empty if it is missing.
fn ends(folder: &Path) -> Vec<u32> {
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
    let said = read_text(&folder.join("generation_config.json"), LONGEST_CONFIG)
        .ok()
        .and_then(|text| serde_json::from_str::<Generation>(&text).ok());
    match said.map(|said| said.eos_token_id) {
        None => Vec::new(),
        Some(Ends::One(id)) => vec![id],
        Some(Ends::Several(ids)) => ids,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Text;
    use crate::vlm::config_file::Family;
    use crate::vlm::random_model;

    #[test]
    fn an_answer_ends_at_the_folders_end_tokens_and_the_templates() {
        for family in Family::ALL {
            let folder = random_model::folder(family);
            let ends = |said: Option<&str>| {
                let path = folder.path().join("generation_config.json");
                match said {
                    Some(said) => fs::write(path, said).unwrap(),
                    None => assert!(!path.exists()),
                }
                let text = Text::open(folder.path(), family.template()).unwrap();
                (text.ends.clone(), text.end_of_answer().unwrap())
            };
            let (usual, end) = ends(None);
            assert_eq!((usual.len(), usual[0]), (family.template().ends(), end));
            for nothing in [r#"{"eos_token_id": []}"#, r#"{"eos_token_id": null}"#, "{}", "no JSON"] {
                assert_eq!(ends(Some(nothing)).0, usual, "{nothing}");
            }
            assert_eq!(ends(Some(r#"{"eos_token_id": 7}"#)).0, [7, end]);
            assert_eq!(ends(Some(&format!(r#"{{"eos_token_id": [{end}, 9]}}"#))).0, [end, 9]);
        }
    }
}
