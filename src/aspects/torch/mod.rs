//! PyTorch's files (`.pth`, `.pt`: a zip with a pickle and raw storages, or before 1.6 pickles and storages one after the
//! other), read without executing anything.
//!
//! candle's reader of such files is not used: it panics on short argument tuples, allocates what a length field
//! claims, copies memoised objects (a kilobyte can unfold to gigabytes) and knows no nested dictionaries.

mod calls;
mod cursor;
mod gather;
mod legacy;
mod object;
mod pickle;
mod read;
mod write;

use std::{io, path::PathBuf};

use indexmap::IndexMap;

pub use read::{read_torch, read_torch_parameters};
pub use write::write_torch;

use super::host_tensor::HostTensor;
use crate::printable::printable_path;

/// What [`write_torch`] writes: a Python dict with string keys, in order.
pub type TorchDict<'a> = IndexMap<String, TorchValue<'a>>;

/// A value of a [`TorchDict`].
#[derive(Debug, Clone, PartialEq)]
pub enum TorchValue<'a> {
    None,
    Tensor(&'a HostTensor),
    Dict(TorchDict<'a>),
}

/// A PyTorch file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TorchError {
    #[error("cannot read {}: {source}", printable_path(path))]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "{} cannot be read as a PyTorch file: {reason}. A file that torch.save wrote from dictionaries of tensors is needed; \
         copy it again if it was cut short, or save its state dict anew",
        printable_path(path)
    )]
    Unfit { path: PathBuf, reason: String },
    #[error(
        "there is not enough memory for {}; close other programs and try again",
        printable_path(path)
    )]
    Memory { path: PathBuf },
    #[error("cannot write {}: {source}", printable_path(path))]
    Write { path: PathBuf, source: io::Error },
}

#[cfg(test)]
pub(in crate::aspects) mod tests;
