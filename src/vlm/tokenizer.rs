//! A model folder's tokenizer: its tokenizer.json, or the older files of transformers.

mod error;
mod older_files;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::placeholder::Placeholder;

pub use error::TokenizerError;

/// A tokenizer.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    path: PathBuf,
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Reads `tokenizer.json` of a model folder, or instead a Qwen's vocab.json and merges.txt.
    ///
    /// # Errors
    /// [`TokenizerError`]: missing or damaged.
    pub fn open(folder: &Path) -> Result<Self, TokenizerError> {
        let path = folder.join("tokenizer.json");
        if !path.is_file() {
            if let Some(joined) = older_files::joined(folder)? {
                return Self::of(joined, folder.join("vocab.json"));
            }
            let hint = if folder.join("vocab.json").is_file() && folder.join("merges.txt").is_file() {
                "make it of vocab.json and merges.txt with transformers: `AutoTokenizer.from_pretrained(FOLDER, \
                 use_fast=True).save_pretrained(FOLDER)`"
            } else {
                "download the model's tokenizer.json into its folder, from its base model if it was fine-tuned"
            };
            return Err(TokenizerError::NotFound { path, hint });
        }
        if let Some(what) = Placeholder::at(&path) {
            return Err(TokenizerError::Placeholder { path, what });
        }
        let unfit = |error: tokenizers::Error| TokenizerError::Unfit {
            path: path.clone(),
            reason: quiet(&error),
        };
        let inner = tokenizers::Tokenizer::from_file(&path).map_err(unfit)?;
        Self::plain(inner, path)
    }

    /// Builds a tokenizer from the content of a tokenizer.json; tokens keep the ids that it states.
    fn of(joined: Value, path: PathBuf) -> Result<Self, TokenizerError> {
        let unfit = |reason: String| TokenizerError::Unfit {
            path: path.clone(),
            reason,
        };
        let inner = tokenizers::Tokenizer::from_bytes(joined.to_string()).map_err(|error| unfit(quiet(&error)))?;
        for token in joined["added_tokens"].as_array().into_iter().flatten() {
            let content = token["content"].as_str().unwrap_or_default();
            let (stated, id) = (token["id"].as_u64(), inner.token_to_id(content));
            if stated != id.map(u64::from) {
                let content = content.escape_debug();
                return Err(unfit(format!(
                    "tokenizer_config.json gives {content} an id that it cannot have beside the others"
                )));
            }
        }
        Self::plain(inner, path)
    }

    fn plain(mut inner: tokenizers::Tokenizer, path: PathBuf) -> Result<Self, TokenizerError> {
        let unfit = |error: tokenizers::Error| TokenizerError::Unfit {
            path: path.clone(),
            reason: quiet(&error),
        };
        // A tokenizer saved after training may truncate or pad every text; prompts must never be truncated or padded.
        inner.with_truncation(None).map_err(unfit)?.with_padding(None);
        Ok(Self { path, inner })
    }

    /// The id of a token, found by its text, because ids differ between models.
    ///
    /// # Errors
    /// [`TokenizerError::NoToken`].
    pub fn id(&self, token: &'static str) -> Result<u32, TokenizerError> {
        self.inner.token_to_id(token).ok_or_else(|| TokenizerError::NoToken {
            path: self.path.clone(),
            token,
        })
    }

    /// The number of tokens, including added ones (Python's `len(tokenizer)`): the soft prompt's rows begin at this id.
    #[must_use]
    pub fn vocab_len(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Token ids of a text. Nothing is added; special tokens written in the text become their ids.
    ///
    /// # Errors
    /// [`TokenizerError::Failed`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self
            .inner
            .encode_fast(text, false)
            .map_err(|error| self.failed("encode a text", &error))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of token ids without special tokens; invalid UTF-8 becomes U+FFFD.
    ///
    /// # Errors
    /// [`TokenizerError::Failed`].
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.inner
            .decode(ids, true)
            .map_err(|error| self.failed("decode tokens", &error))
    }

    fn failed(&self, task: &'static str, error: &tokenizers::Error) -> TokenizerError {
        TokenizerError::Failed {
            path: self.path.clone(),
            task,
            reason: quiet(error),
        }
    }
}

/// The library's message without control characters, because it may quote the file.
fn quiet(error: &tokenizers::Error) -> String {
    error.to_string().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use std::{error::Error, fs, path::Path};

    use serde_json::Value;

    use super::{Tokenizer, TokenizerError};

    #[test]
    fn the_real_tokenizer_agrees_with_the_golden_strings() -> Result<(), Box<dyn Error>> {
        let Some(reference) = std::env::var_os("MASP_REFERENCE") else {
            eprintln!("skipped: MASP_REFERENCE is not set");
            return Ok(());
        };
        let reference = Path::new(&reference);
        let golden: Value = serde_json::from_slice(&fs::read(reference.join("golden/real_tokenizer.json"))?)?;
        let tokenizer = Tokenizer::open(&reference.join("qwen2_tokenizer"))?;
        assert_eq!(Some(tokenizer.vocab_len() as u64), golden["vocab_len"].as_u64());
        let ids = ["<|im_start|>", "<|im_end|>", "<|image_pad|>", "<|endoftext|>"].map(|token| tokenizer.id(token));
        for (id, want) in ids.into_iter().zip([151_644, 151_645, 151_655, 151_643]) {
            assert_eq!(id?, want);
        }
        let strings = golden["strings"].as_array().ok_or("no strings")?;
        assert!(strings.len() > 100);
        for case in strings {
            let text = case["text"].as_str().ok_or("no text")?;
            let ids: Vec<u32> = serde_json::from_value(case["ids"].clone())?;
            assert_eq!(tokenizer.encode(text)?, ids, "{text:?}");
            assert_eq!(
                Some(tokenizer.decode(&ids)?.as_str()),
                case["decoded_skip_special"].as_str()
            );
        }
        let ids = tokenizer.encode("a<|im_end|>b")?;
        assert!(matches!(ids[..], [_, 151_645, _]), "{ids:?}");
        assert_eq!(tokenizer.decode(&ids)?, "ab");
        Ok(())
    }

    #[test]
    fn a_missing_or_wrong_tokenizer_is_named() -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let open = || Tokenizer::open(folder.path()).err().ok_or("it was opened");
        assert!(matches!(open()?, TokenizerError::NotFound { .. }));
        for slow in ["vocab.json", "merges.txt"] {
            fs::write(folder.path().join(slow), "")?;
        }
        assert!(open()?.to_string().contains("use_fast"));
        let path = folder.path().join("tokenizer.json");
        fs::write(&path, "version https://git-lfs.github.com/spec/v1\n")?;
        assert!(open()?.to_string().contains("git lfs pull"));
        fs::write(&path, "{\"version\": \"1.0\"")?;
        let fault = open()?;
        assert!(matches!(fault, TokenizerError::Unfit { .. }) && fault.to_string().contains("tokenizer.json"));
        let foreign = r#"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,
            "pre_tokenizer":null,"post_processor":null,"decoder":null,
            "model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}}"#;
        fs::write(&path, foreign)?;
        let foreign = Tokenizer::open(folder.path())?;
        assert!(matches!(
            foreign.id("<|im_start|>"),
            Err(TokenizerError::NoToken {
                token: "<|im_start|>",
                ..
            })
        ));
        Ok(())
    }
}
