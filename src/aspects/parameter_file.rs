//! What files of aspect modules and of soft prompts have in common. Reading detects the format from the content;
//! writing chooses it from the file name.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::Path,
};

use super::{
    checkpoint::{self, Checkpoint, CheckpointError},
    host_tensor::HostTensor,
    torch::read_torch_parameters,
};
use crate::bounded_file::open_regular;
use crate::vlm::config_file::Family;

/// Reads the tensors that `wanted` selects from a safetensors or PyTorch file. All must hold finite floating-point
/// numbers.
///
/// # Errors
/// [`CheckpointError`]: the file cannot be read, is damaged, or holds other numbers.
pub fn read_tensors(
    path: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, HostTensor>, CheckpointError> {
    let start = start(path).map_err(|source| CheckpointError::Read {
        path: path.to_owned(),
        source,
    })?;
    if is_torch(&start) {
        let tensors = read_torch_parameters(path, wanted)?;
        return finite(path, tensors.into_iter().collect());
    }
    let (_, tensors) = checkpoint::load(path, wanted)?;
    finite(path, tensors)
}

/// The tensors, where all their numbers are finite.
fn finite(path: &Path, tensors: BTreeMap<String, HostTensor>) -> Result<BTreeMap<String, HostTensor>, CheckpointError> {
    match tensors.iter().find(|(_, tensor)| !tensor.is_finite()) {
        Some((name, _)) => Err(CheckpointError::NotFinite {
            path: path.to_owned(),
            name: name.clone(),
        }),
        None => Ok(tensors),
    }
}

/// So many bytes tell the format: a safetensors file begins with its header's length (8 bytes) and the header, which is JSON.
const START: u64 = 9;

fn start(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    open_regular(path)?.take(START).read_to_end(&mut start)?;
    Ok(start)
}

/// Whether a file with this name is written in PyTorch's format.
#[must_use]
pub fn is_torch_name(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    extension.eq_ignore_ascii_case("pth") || extension.eq_ignore_ascii_case("pt")
}

/// Compares a file's hidden size with the model's.
///
/// # Errors
/// [`CheckpointError::HiddenSize`] where they differ.
pub fn check_hidden_size(path: &Path, found: usize, expected: usize) -> Result<(), CheckpointError> {
    if found == expected {
        return Ok(());
    }
    Err(CheckpointError::HiddenSize {
        path: path.to_owned(),
        found,
        expected,
    })
}

/// Checks that a file belongs to a base model of this family. Files of other programs do not state the family and pass.
///
/// # Errors
/// [`CheckpointError::OtherFamily`], or the error that prevents reading the file.
pub fn check_family(path: &Path, expected: Family) -> Result<(), CheckpointError> {
    let start = start(path).map_err(|source| CheckpointError::Read {
        path: path.to_owned(),
        source,
    })?;
    if is_torch(&start) {
        return Ok(());
    }
    match Checkpoint::load_meta(path)? {
        Some(meta) => meta.check_family(path, expected),
        None => Ok(()),
    }
}

/// Whether a file that begins so is PyTorch's: a zip, or the bare pickles of PyTorch before 1.6. The length of a safetensors
/// header can begin with the same two bytes (640 and 19,280), so the header's brace decides first.
pub(super) fn is_torch(start: &[u8]) -> bool {
    let is_safetensors = start.get(8) == Some(&b'{');
    !is_safetensors && (start.starts_with(b"PK") || start.starts_with(b"\x80\x02"))
}

#[must_use]
pub fn content(path: &Path, wanted: &'static str, reason: String) -> CheckpointError {
    CheckpointError::Content {
        path: path.to_owned(),
        wanted,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::aspects::{
        checkpoint::CheckpointMeta,
        prompt_file::read_soft_prompt,
        torch::{TorchDict, TorchValue, write_torch},
    };

    #[test]
    fn numbers_that_are_not_finite_are_refused_in_both_kinds_of_file() {
        let folder = tempfile::tempdir().unwrap();
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let tensor = HostTensor::from_parts(vec![2, 2], vec![0.0, 1.0, bad, 2.0]);
            let (ours, theirs) = (folder.path().join("a.safetensors"), folder.path().join("a.pt"));
            let tensors = BTreeMap::from([("soft_prompt".to_owned(), tensor.clone())]);
            checkpoint::export(&ours, &CheckpointMeta::example(), &tensors).unwrap();
            let dict = TorchDict::from([("soft_prompt".to_owned(), TorchValue::Tensor(&tensor))]);
            write_torch(&theirs, &dict).unwrap();
            for path in [ours, theirs] {
                let told = read_soft_prompt(&path).unwrap_err().to_string();
                assert!(
                    told.contains("not finite") && told.contains("\"soft_prompt\""),
                    "{told}"
                );
                // Tensors that were not requested are not checked.
                assert!(read_tensors(&path, |name| name != "soft_prompt").unwrap().is_empty());
            }
        }
    }

    /// A header of 640 bytes begins as a pickle does, one of 19,280 bytes as a zip archive does.
    #[test]
    fn a_safetensors_file_is_recognised_at_any_length_of_its_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let tensor = HostTensor::from_parts(vec![1, 2], vec![0.5, 1.0]);
        let tensors = BTreeMap::from([("soft_prompt".to_owned(), tensor)]);
        // The header's length, where the base model's name has so many letters.
        let header = |letters: u64| {
            let meta = CheckpointMeta {
                base_model: "m".repeat(letters as usize),
                optimizer_steps: BTreeMap::new(),
                rng: None,
                ..CheckpointMeta::example()
            };
            checkpoint::export(&path, &meta, &tensors).unwrap();
            u64::from_le_bytes(fs::read(&path).unwrap()[..8].try_into().unwrap())
        };
        for wanted in [640, 19_280] {
            let letters = wanted - header(0);
            assert_eq!(header(letters), wanted);
            let start = start(&path).unwrap();
            assert!(start.starts_with(b"PK") || start.starts_with(b"\x80\x02"));
            assert_eq!(read_soft_prompt(&path).unwrap().rows.data, [0.5, 1.0]);
            assert!(check_family(&path, Family::Qwen3Vl).is_err());
        }
    }

    #[test]
    fn a_file_of_another_family_is_refused_at_the_same_hidden_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let tensors = BTreeMap::new();
        checkpoint::export(&path, &CheckpointMeta::example(), &tensors).unwrap();
        assert!(check_family(&path, Family::Qwen2Vl).is_ok());
        let told = check_family(&path, Family::Qwen3Vl).unwrap_err().to_string();
        assert!(told.contains("Qwen2-VL") && told.contains("Qwen3-VL"), "{told}");
        // Written before there was a second family.
        let old = CheckpointMeta {
            family: None,
            ..CheckpointMeta::example()
        };
        checkpoint::export(&path, &old, &tensors).unwrap();
        assert!(check_family(&path, Family::Qwen2Vl).is_ok());
        let told = check_family(&path, Family::Qwen3Vl).unwrap_err().to_string();
        assert!(told.contains("Qwen2-VL") && told.contains("Qwen3-VL"), "{told}");
    }

    #[test]
    fn integer_tensors_are_refused_by_their_type() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let header = br#"{"soft_prompt":{"dtype":"I64","shape":[1,2],"data_offsets":[0,16]}}"#;
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header, &[1; 16]].concat();
        fs::write(&path, bytes).unwrap();
        let told = read_soft_prompt(&path).unwrap_err().to_string();
        assert!(told.contains("I64") && !told.contains("cut short"), "{told}");
    }
}
