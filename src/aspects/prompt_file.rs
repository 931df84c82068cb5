//! Files of a trained soft prompt: read from the project's checkpoints and from the reference's PyTorch files.

use std::{collections::BTreeMap, path::Path};

use super::{
    checkpoint::{self, CheckpointError, CheckpointMeta},
    host_tensor::HostTensor,
    parameter_file::{check_hidden_size, content, is_torch_name, read_tensors},
    torch::{TorchValue, write_torch},
};

/// The largest number of soft-prompt tokens that the settings allow: more than any model can read next to a picture.
pub const LONGEST_PROMPT: usize = 4096;

const SOFT_PROMPT: &str = "soft_prompt";
const PROMPT: &str = "a soft prompt (soft_prompt, or <|reserved_special_token_0|> and on)";

/// The soft prompt of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftPromptFile {
    /// `[tokens, hidden]`.
    pub rows: HostTensor,
}

impl SoftPromptFile {
    /// Checks that the prompt matches the base model's hidden size and has the requested number of tokens. `path` is
    /// used only in the error message.
    ///
    /// # Errors
    /// [`CheckpointError::HiddenSize`], [`CheckpointError::Content`].
    pub fn require(&self, path: &Path, hidden_size: usize, tokens: usize) -> Result<(), CheckpointError> {
        let [found_tokens, found_hidden] = <[usize; 2]>::try_from(self.rows.shape.as_slice()).unwrap_or_default();
        check_hidden_size(path, found_hidden, hidden_size)?;
        if found_tokens == tokens {
            return Ok(());
        }
        let advice = if found_tokens > LONGEST_PROMPT {
            format!("no more than {LONGEST_PROMPT} can be used, so choose another file")
        } else {
            format!("set prompt.tokens to {found_tokens}")
        };
        let reason = format!("it has {found_tokens} tokens, the settings say {tokens}; {advice}");
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

/// Writes a soft prompt, in the same choice of formats as [`super::aspect_file::write_aspects`].
///
/// # Errors
/// [`CheckpointError`]: what the file system reports, or rows that are no matrix.
pub fn write_soft_prompt(path: &Path, file: &SoftPromptFile, meta: &CheckpointMeta) -> Result<(), CheckpointError> {
    if !is_torch_name(path) {
        return checkpoint::export(
            path,
            meta,
            &BTreeMap::from([(SOFT_PROMPT.to_owned(), file.rows.clone())]),
        );
    }
    let hidden = hidden_size(&file.rows).ok_or_else(|| no_matrix(path, &file.rows))?;
    let row = |row: &[f32]| HostTensor {
        shape: vec![hidden],
        data: row.to_vec(),
    };
    let rows: Vec<HostTensor> = file.rows.data.chunks(hidden).map(row).collect();
    let named = rows.iter().enumerate();
    let dict = named
        .map(|(index, row)| (token_name(index), TorchValue::Tensor(row)))
        .collect();
    Ok(write_torch(path, &dict)?)
}

/// `None` if the rows are not a matrix with at least one value.
fn hidden_size(rows: &HostTensor) -> Option<usize> {
    match rows.shape.as_slice() {
        &[_, hidden] if rows.is_consistent() && !rows.data.is_empty() => Some(hidden),
        _ => None,
    }
}

fn no_matrix(path: &Path, rows: &HostTensor) -> CheckpointError {
    content(
        path,
        PROMPT,
        format!("its shape is {:?} instead of [tokens, hidden]", rows.shape),
    )
}

fn token_name(index: usize) -> String {
    format!("<|reserved_special_token_{index}|>")
}

fn token_index(name: &str) -> Option<usize> {
    name.strip_prefix("<|reserved_special_token_")?
        .strip_suffix("|>")?
        .parse()
        .ok()
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
            return Err(format!(
                "the shape of {} is {:?}, not a row like the first",
                token_name(index),
                row.shape
            ));
        }
    }
    let data = rows.values().flat_map(|row| row.data.iter().copied()).collect();
    let rows = HostTensor::from_parts(vec![rows.len(), first.data.len()], data);
    Ok(SoftPromptFile { rows })
}

#[cfg(test)]
mod tests {
    use std::{error::Error, fs, path::Path};

    use super::{SoftPromptFile, read_soft_prompt, write_soft_prompt};
    use crate::aspects::{
        checkpoint::{CheckpointError, CheckpointMeta},
        host_tensor::HostTensor,
        torch::{TorchDict, TorchValue, read_torch, write_torch},
    };

    type Outcome = Result<(), Box<dyn Error>>;

    #[test]
    fn both_kinds_of_file_hold_the_same() -> Outcome {
        let folder = tempfile::tempdir()?;
        let rows = HostTensor::from_parts(vec![12, 2], (0..24u8).map(f32::from).collect());
        let file = SoftPromptFile { rows };
        for name in ["a.safetensors", "a.pt"] {
            let path = folder.path().join(name);
            write_soft_prompt(&path, &file, &CheckpointMeta::example())?;
            assert_eq!(read_soft_prompt(&path)?, file, "{name}");
        }
        file.require(Path::new("x"), 2, 12)?;
        let size = file.require(Path::new("x"), 64, 12);
        assert!(matches!(
            size,
            Err(CheckpointError::HiddenSize {
                found: 2,
                expected: 64,
                ..
            })
        ));
        assert!(
            file.require(Path::new("x"), 2, 32)
                .is_err_and(|fault| fault.to_string().contains("prompt.tokens to 12"))
        );
        let rows = HostTensor::from_parts(vec![5000, 1], vec![0.0; 5000]);
        let long = SoftPromptFile { rows }.require(Path::new("x"), 1, 32);
        assert!(long.is_err_and(|fault| fault.to_string().contains("no more than 4096")));
        let vector = SoftPromptFile {
            rows: HostTensor::from_parts(vec![2], vec![0.0; 2]),
        };
        assert!(write_soft_prompt(&folder.path().join("b.pt"), &vector, &CheckpointMeta::example()).is_err());
        Ok(())
    }

    #[test]
    fn the_references_files_are_read_and_written_unchanged() -> Outcome {
        let Some(reference) = std::env::var_os("MASP_REFERENCE") else {
            eprintln!("skipped: MASP_REFERENCE is not set");
            return Ok(());
        };
        let folder = tempfile::tempdir()?;
        let checkpoints = Path::new(&reference).join("golden/checkpoints");
        for name in [
            "soft_prompt.pt",
            "soft_prompt_overfit.pt",
            "soft_prompt_old_version.pt",
            "soft_prompt_own_storage.pt",
        ] {
            let original = checkpoints.join(name);
            let file = read_soft_prompt(&original)?;
            file.require(&original, 64, 32)?;
            let copy = folder.path().join(name);
            write_soft_prompt(&copy, &file, &CheckpointMeta::example())?;
            assert_eq!(read_torch(&copy)?, read_torch(&original)?, "{name}");
            // The file holds only the 32 rows of 64, not the larger matrix that they are a view of.
            assert!(fs::metadata(&copy)?.len() < 20_000, "{name}");
        }
        let fault = read_soft_prompt(&checkpoints.join("aspect.pth"));
        assert!(fault.is_err_and(|fault| fault.to_string().contains("--load-spmodel-ckpt")));
        Ok(())
    }

    #[test]
    fn a_missing_or_misshapen_row_is_named() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.pt");
        let row = |length: usize| HostTensor {
            shape: vec![length],
            data: vec![1.0; length],
        };
        let refused = |rows: &[(usize, HostTensor)]| -> Result<String, Box<dyn Error>> {
            let named = rows
                .iter()
                .map(|(index, row)| (super::token_name(*index), TorchValue::Tensor(row)));
            write_torch(&path, &named.collect::<TorchDict<'_>>())?;
            Ok(read_soft_prompt(&path).err().ok_or("it was read")?.to_string())
        };
        assert!(refused(&[(0, row(2)), (2, row(2))])?.contains("token_1|> is missing"));
        assert!(refused(&[(0, row(2)), (1, row(3))])?.contains("token_1|> is [3]"));
        Ok(())
    }
}
