//! A tokenizer from vocab.json and merges.txt, which transformers saves for its slow tokenizers.

use std::fs::exists;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::TokenizerError;
use crate::bounded_file::read_text;

/// The largest file that is read. The Qwen models' have about 3 MB.
const LONGEST: u64 = 64 << 20;

/// The pattern by which a Qwen tokenizer splits a text into words (`Qwen2Tokenizer` of transformers).
const WORDS: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Classes of transformers that split texts by [`WORDS`].
const CLASSES: [&str; 2] = ["Qwen2Tokenizer", "Qwen2TokenizerFast"];

/// The equivalent tokenizer.json. `None` if a file is missing, or if tokenizer_config.json does not state a Qwen
/// tokenizer (others split texts differently) or its added tokens.
///
/// # Errors
/// [`TokenizerError::Unfit`]: a file that cannot be read.
pub fn joined(folder: &Path) -> Result<Option<Value>, TokenizerError> {
    let [vocab, merges, config] = ["vocab.json", "merges.txt", "tokenizer_config.json"].map(|name| folder.join(name));
    if ![&vocab, &merges, &config]
        .iter()
        .all(|path| exists(path).unwrap_or(true))
    {
        return Ok(None);
    }
    let keys = object(&config)?;
    let class = keys.get("tokenizer_class").and_then(Value::as_str);
    let Some(tokens) = keys.get("added_tokens_decoder").and_then(Value::as_object) else {
        return Ok(None);
    };
    if !class.is_some_and(|class| CLASSES.contains(&class)) {
        return Ok(None);
    }
    Ok(Some(json!({
        "version": "1.0",
        "added_tokens": added(&config, tokens)?,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": WORDS}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        ]},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "vocab": object(&vocab)?, "merges": pairs(&merges)?},
    })))
}

/// The added tokens in the order of their ids, which `added_tokens_decoder` has as keys.
fn added(path: &Path, stated: &Map<String, Value>) -> Result<Vec<Value>, TokenizerError> {
    let token = |(id, token): (&String, &Value)| {
        let (number, object) = (id.parse::<u32>().ok(), token.as_object());
        let (Some(number), Some(mut token)) = (number, object.cloned()) else {
            let id = id.escape_debug();
            return Err(unfit(path, format!("its added token {id} is not an id with an object")));
        };
        token.insert("id".to_owned(), json!(number));
        Ok((number, Value::Object(token)))
    };
    let mut tokens = stated.iter().map(token).collect::<Result<Vec<_>, _>>()?;
    tokens.sort_by_key(|(id, _)| *id);
    Ok(tokens.into_iter().map(|(_, token)| token).collect())
}

/// The merges, one per line; the first line may instead name a version.
fn pairs(path: &Path) -> Result<Vec<[String; 2]>, TokenizerError> {
    let text = text(path)?;
    let is_version = |n: usize, line: &str| n == 0 && line.starts_with("#version");
    let lines = text.lines().enumerate();
    let merges = lines.filter(|(n, line)| !line.is_empty() && !is_version(*n, line));
    merges
        .map(|(n, line)| match line.split_once(' ') {
            Some((left, right)) if !right.contains(' ') => Ok([left.to_owned(), right.to_owned()]),
            _ => Err(unfit(path, format!("its line {} is not two words", n + 1))),
        })
        .collect()
}

fn object(path: &Path) -> Result<Map<String, Value>, TokenizerError> {
    serde_json::from_str(&text(path)?).map_err(|error| unfit(path, error.to_string()))
}

fn text(path: &Path) -> Result<String, TokenizerError> {
    read_text(path, LONGEST).map_err(|error| unfit(path, error.to_string()))
}

fn unfit(path: &Path, reason: String) -> TokenizerError {
    TokenizerError::Unfit {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use std::{error::Error, fs, path::PathBuf};

    use serde_json::{Value, json};
    use tempfile::TempDir;

    use crate::vlm::tiny;
    use crate::vlm::tokenizer::Tokenizer;

    /// Folders with a tokenizer.json: the embedded model's, and the real one if it is available.
    fn whole() -> Vec<PathBuf> {
        let real = std::env::var_os("MASP_REFERENCE").map(|reference| PathBuf::from(reference).join("qwen2_tokenizer"));
        [tiny::folder().unwrap().clone()].into_iter().chain(real).collect()
    }

    /// Writes the older files that are equivalent to a tokenizer.json.
    fn older(whole: &Value) -> Result<TempDir, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text);
        write("vocab.json", whole["model"]["vocab"].to_string())?;
        let merge = |merge: &Value| match merge {
            Value::Array(pair) => format!("{} {}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap()),
            merge => merge.as_str().unwrap().to_owned(),
        };
        let merges: Vec<String> = whole["model"]["merges"].as_array().unwrap().iter().map(merge).collect();
        write("merges.txt", format!("#version: 0.2\n{}\n", merges.join("\n")))?;
        let added = whole["added_tokens"].as_array().unwrap().iter();
        let added: serde_json::Map<_, _> = added
            .map(|token| {
                let mut token = token.clone();
                let id = token.as_object_mut().unwrap().remove("id").unwrap();
                (id.to_string(), token)
            })
            .collect();
        let config = json!({"tokenizer_class": "Qwen2Tokenizer", "added_tokens_decoder": added});
        write("tokenizer_config.json", config.to_string())?;
        Ok(folder)
    }

    #[test]
    fn older_files_give_the_same_tokens_as_tokenizer_json() -> Result<(), Box<dyn Error>> {
        for path in whole() {
            let folder = older(&serde_json::from_slice(&fs::read(path.join("tokenizer.json"))?)?)?;
            let (older, newer) = (Tokenizer::open(folder.path())?, Tokenizer::open(&path)?);
            assert_eq!(older.vocab_len(), newer.vocab_len());
            for text in [
                "<|im_start|>user\nWhich feeling? It's awe, 1234 times.\r\n\n  <|vision_start|><|image_pad|>",
                "e\u{301}t\u{e9}  \u{4f60}\u{597d} \u{1f600}'LL don't\t x",
                "",
            ] {
                let ids = newer.encode(text)?;
                assert_eq!(older.encode(text)?, ids, "{text:?}");
                assert_eq!(older.decode(&ids)?, newer.decode(&ids)?);
            }
        }
        Ok(())
    }

    #[test]
    fn inconsistent_files_are_named() -> Result<(), Box<dyn Error>> {
        let tiny: Value = serde_json::from_slice(&fs::read(tiny::folder()?.join("tokenizer.json"))?)?;
        for (file, text, said) in [
            ("merges.txt", "a b\nc\n", "its line 2 is not two words"),
            ("merges.txt", "nowhere else\n", "vocab"),
            ("vocab.json", "[]", "vocab.json"),
            ("vocab.json", "{\"a\": -1}", "cannot be read"),
            ("tokenizer_config.json", "{", "tokenizer_config.json"),
            (
                "tokenizer_config.json",
                "{\"tokenizer_class\": \"Qwen2Tokenizer\"}",
                "use_fast",
            ),
            (
                "tokenizer_config.json",
                "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"added_tokens_decoder\": {\"x\": {}}}",
                "its added token x is not an id with an object",
            ),
            (
                "tokenizer_config.json",
                "{\"tokenizer_class\": \"GPT2Tokenizer\"}",
                "use_fast",
            ),
            (
                "tokenizer_config.json",
                "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"added_tokens_decoder\": {\"7\": {\"content\": \"<|im_end|>\", \
                 \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}}}",
                "<|im_end|>",
            ),
        ] {
            let folder = older(&tiny)?;
            fs::write(folder.path().join(file), text)?;
            let error = Tokenizer::open(folder.path()).err().ok_or("it was opened")?.to_string();
            assert!(error.contains(said), "{file}: {error}");
        }
        Ok(())
    }
}
