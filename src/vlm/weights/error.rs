//! Why a model folder's weights cannot be loaded.

use std::{io, path::PathBuf};

use super::file_names::{INDEX, SINGLE};
use crate::printable::printable_path;
use crate::vlm::placeholder::Placeholder;

/// Weights that cannot be loaded. Names from files are printed without control characters.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error(
        "{} is not a folder; a model is a folder in Hugging Face layout (config.json, {SINGLE}, ...) or a hub id",
        printable_path(.0)
    )]
    NoFolder(PathBuf),
    #[error(
        "the model folder {} holds neither {SINGLE} nor {INDEX}: {}",
        printable_path(folder),
        what.as_deref().unwrap_or("download the model's safetensors files")
    )]
    NoWeights { folder: PathBuf, what: Option<String> },
    #[error(
        "cannot read {}: {source}; check that the file is there and may be read",
        printable_path(path)
    )]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "the system has no memory left to map {} ({bytes} bytes); the file itself may be intact: close other \
         programs, raise the limit (`ulimit -v`), or use a smaller model",
        printable_path(path)
    )]
    NoMemory { path: PathBuf, bytes: u64 },
    #[error("{} is {what}", printable_path(path))]
    Placeholder { path: PathBuf, what: Placeholder },
    #[error("{} names the shards {}, which are missing; download them into the same folder", printable_path(index), missing.join(", "))]
    MissingShards { index: PathBuf, missing: Vec<String> },
    #[error("{} cannot be parsed: {reason}; download it again", printable_path(path))]
    Index { path: PathBuf, reason: String },
    #[error(
        "{} is not a complete safetensors file ({reason}); it was probably cut short, so download it again",
        printable_path(path)
    )]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "{} holds the weight {name} twice, under its older and its newer name; remove one",
        printable_path(folder)
    )]
    Twice { folder: PathBuf, name: String },
    #[error("the model folder {} has no weight {name}; {hint}", printable_path(folder))]
    Missing {
        folder: PathBuf,
        name: String,
        hint: &'static str,
    },
    #[error(
        "the weight {name} in {} has shape {found:?}, config.json asks for {expected:?}; the two files are not of one model",
        printable_path(path)
    )]
    Shape {
        path: PathBuf,
        name: String,
        found: Vec<usize>,
        expected: Vec<usize>,
    },
    #[error(
        "the model folder {} holds {held} layers `{layers}*`, and config.json's `{key}` is {said}; one of them is wrong",
        printable_path(folder)
    )]
    Layers {
        folder: PathBuf,
        layers: &'static str,
        key: &'static str,
        said: usize,
        held: usize,
    },
    #[error("the model folder {} holds the weight {name}, which {what}", printable_path(folder))]
    Superfluous {
        folder: PathBuf,
        name: String,
        what: &'static str,
    },
    #[error(
        "the weights of {} are quantised ({method}): {name} is {stored}, which is not read as numbers; give the model in \
         bf16, f16 or f32 that it was made of, or save it dequantised (model.quantize: q8_0 or q4_k holds that in as little \
         memory)",
        printable_path(folder)
    )]
    Quantised {
        folder: PathBuf,
        method: String,
        name: String,
        stored: String,
    },
    #[error(
        "the weight {name} in {} is FP8, and its scales cannot be used: {reason}",
        printable_path(path)
    )]
    Scales {
        path: PathBuf,
        name: String,
        reason: String,
    },
    #[error(
        "the weight {name} in {} holds {value} at {place:?}, which is not a finite number in {dtype}; its training \
         diverged or the file is damaged: download it again, or use another model",
        printable_path(path)
    )]
    NotFinite {
        path: PathBuf,
        name: String,
        value: f64,
        place: Vec<usize>,
        dtype: &'static str,
    },
    #[error(
        "the model folder {} has no lm_head.weight, and config.json says that it is not the embedding \
         (`tie_word_embeddings` is false); if the model is tied, set that to true, else download the weights again",
        printable_path(.0)
    )]
    NoHead(PathBuf),
    #[error(
        "config.json of {} says that lm_head.weight is the embedding (`tie_word_embeddings` is true), and the two are not \
         equal; set that to false to use both, or remove lm_head.weight",
        printable_path(.0)
    )]
    OtherHead(PathBuf),
    #[error("the weight {name} in {} cannot be loaded: {source}", printable_path(path))]
    Load {
        path: PathBuf,
        name: String,
        source: Box<candle_core::Error>,
    },
}
