//! Files of a trained soft prompt: read from the project's checkpoints and from the reference's PyTorch files.

use std::{collections::BTreeMap, path::Path};

use super::{
    checkpoint::{self, CheckpointError, CheckpointMeta},
    host_tensor::HostTensor,
    parameter_file::{check_hidden_size, content, is_torch_name, read_tensors},
    torch::{TorchValue, write_torch},
};

const SOFT_PROMPT: &str = "soft_prompt";
const PROMPT: &str = "a soft prompt (soft_prompt, or <|reserved_special_token_0|> and on)";

/// The soft prompt of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftPromptFile {
    /// `[tokens, hidden]`.
    pub rows: HostTensor,
}

impl SoftPromptFile {
    /// Checks that the prompt serves a base model and has as many tokens as asked for; `path` is for the message.
    ///
    /// # Errors
    /// [`CheckpointError::HiddenSize`], [`CheckpointError::Content`].
    pub fn require(&self, path: &Path, hidden_size: usize, tokens: usize) -> Result<(), CheckpointError> {
        let [found_tokens, found_hidden] = <[usize; 2]>::try_from(self.rows.shape.as_slice()).unwrap_or_default();
        check_hidden_size(path, found_hidden, hidden_size)?;
        if found_tokens == tokens {
            return Ok(());
        }
        let reason = format!("it has {found_tokens} tokens, the settings say {tokens}; set prompt.tokens to {found_tokens}");
        Err(content(path, PROMPT, reason))
    }
}

/// Reads a soft prompt from a checkpoint (safetensors) or one of the reference's PyTorch files.
///
/// # Errors
/// [`CheckpointError`]: unreadable, cut short, without a soft prompt, or with rows of different lengths.
pub fn read_soft_prompt(path: &Path) -> Result<SoftPromptFile, CheckpointError> {
    let mut tensors = read_tensors(path, |name| name == SOFT_PROMPT || token_index(name).is_some())?;
    if let Some(rows) = tensors.remove(SOFT_PROMPT) {
        return match hidden_size(&rows) {
            Some(_) => Ok(SoftPromptFile { rows }),
            None => Err(no_matrix(path, &rows)),
        };
    }
    let mut rows = BTreeMap::new();
    for (name, row) in tensors {
        if let Some(index) = token_index(&name) {
            rows.insert(index, row);
        }
    }
    stack(&rows).map_err(|reason| content(path, PROMPT, reason))
}

/// Writes a soft prompt, in the form that [`write_aspects`] chooses.
///
/// # Errors
/// [`CheckpointError`]: what the file system reports, or rows that are no matrix.
pub fn write_soft_prompt(path: &Path, file: &SoftPromptFile, meta: &CheckpointMeta) -> Result<(), CheckpointError> {
    if !is_torch_name(path) {
        return checkpoint::save(path, meta, &BTreeMap::from([(SOFT_PROMPT.to_owned(), file.rows.clone())]));
    }
    let hidden = hidden_size(&file.rows).ok_or_else(|| no_matrix(path, &file.rows))?;
    let row = |row: &[f32]| HostTensor { shape: vec![hidden], data: row.to_vec() };
    let rows: Vec<HostTensor> = file.rows.data.chunks(hidden).map(row).collect();
    let named = rows.iter().enumerate();
    let dict = named.map(|(index, row)| (token_name(index), TorchValue::Tensor(row))).collect();
    Ok(write_torch(path, &dict)?)
}

/// Nothing where the rows are no matrix with at least one value.
fn hidden_size(rows: &HostTensor) -> Option<usize> {
    match rows.shape.as_slice() {
        &[_, hidden] if rows.is_consistent() && !rows.data.is_empty() => Some(hidden),
        _ => None,
    }
}

fn no_matrix(path: &Path, rows: &HostTensor) -> CheckpointError {
    content(path, PROMPT, format!("its shape is {:?} instead of [tokens, hidden]", rows.shape))
}

fn token_name(index: usize) -> String {
    format!("<|reserved_special_token_{index}|>")
}

fn token_index(name: &str) -> Option<usize> {
    name.strip_prefix("<|reserved_special_token_")?.strip_suffix("|>")?.parse().ok()
}

/// Rows 0, 1, 2, ... as one matrix.
fn stack(rows: &BTreeMap<usize, HostTensor>) -> Result<SoftPromptFile, String> {
    let Some(first) = rows.values().next() else {
        return Err("there is none in it; aspect modules go to --load-spmodel-ckpt or --init-aspects".to_owned());
    };
    for (expected, (&index, row)) in rows.iter().enumerate() {
        if index != expected {
            return Err(format!("the row {} is missing", token_name(expected)));
        }
        if row.shape.len() != 1 || row.data.is_empty() || row.shape != first.shape {
            return Err(format!("the shape of {} is {:?}, not a row like the first", token_name(index), row.shape));
        }
    }
    let data = rows.values().flat_map(|row| row.data.iter().copied()).collect();
    let rows = HostTensor { shape: vec![rows.len(), first.data.len()], data };
    Ok(SoftPromptFile { rows })
}
