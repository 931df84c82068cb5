//! What files of aspect modules and of soft prompts have in common: their kind is told by content when they are read,
//! by the name when they are written.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::Path,
};

use super::{
    checkpoint::{self, CheckpointError},
    host_tensor::HostTensor,
    torch::read_torch,
};
use crate::bounded_file::open_regular;

/// The tensors that `wanted` names, of a safetensors file or one of PyTorch's.
pub fn read_tensors(
    path: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, HostTensor>, CheckpointError> {
    let start = start(path).map_err(|source| CheckpointError::Read {
        path: path.to_owned(),
        source,
    })?;
    // A zip, or the bare pickle of PyTorch before 1.6 (whose reader explains what to do).
    if start.starts_with(b"PK") || start.starts_with(b"\x80\x02") {
        let mut tensors = read_torch(path)?;
        tensors.retain(|name, _| wanted(name));
        return Ok(tensors.into_iter().collect());
    }
    checkpoint::load(path, wanted).map(|(_, tensors)| tensors)
}

fn start(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    open_regular(path)?.take(2).read_to_end(&mut start)?;
    Ok(start)
}

/// Whether a file of this name is written as PyTorch's.
pub fn is_torch_name(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    extension.eq_ignore_ascii_case("pth") || extension.eq_ignore_ascii_case("pt")
}

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

pub fn content(path: &Path, wanted: &'static str, reason: String) -> CheckpointError {
    CheckpointError::Content {
        path: path.to_owned(),
        wanted,
        reason,
    }
}
