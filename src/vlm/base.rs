//! A frozen base model, loaded from its folder.

use std::{cell::RefCell, path::Path, sync::Arc};

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;

use super::config_file::{ConfigFile, ConfigFileError};
use super::plan::{self, Misfit};
use super::qwen2_vl::processor::{ImageProcessor, ProcessorConfig, ProcessorError};
use super::qwen2_vl::{Config, Qwen2Vl};
use super::tokenizer::{Tokenizer, TokenizerError};
use super::weights::{Weights, WeightsError};
use super::{LONGEST_CONFIG, Parameters, shared};
use crate::bounded_file::read_text;

/// The model with its tokenizer and image processor.
pub struct BaseModel {
    /// Its folder or hub id, for records.
    pub name: String,
    pub qwen: Qwen2Vl,
    pub tokenizer: Tokenizer,
    pub processor: ImageProcessor,
    /// Tokens that end an answer.
    pub ends: Vec<u32>,
    pub dtype: DType,
    pub device: Device,
    /// What others of this process may hold, too.
    _weights: Arc<Qwen2Vl>,
}

/// Why a model folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(transparent)]
    Config(#[from] ConfigFileError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    #[error(transparent)]
    Processor(#[from] ProcessorError),
    #[error(transparent)]
    Weights(Box<WeightsError>),
    #[error(transparent)]
    Misfit(Box<Misfit>),
    #[error(
        "in {folder}, config.json has the patch size, frames of a patch and merge size {of_vision:?}, and \
         preprocessor_config.json (or processor_config.json) {of_pictures:?}; the two files are not of one model"
    )]
    OtherPatches {
        folder: String,
        of_vision: (usize, usize, usize),
        of_pictures: (usize, usize, usize),
    },
    #[error("cannot build the model of {folder}: {source}")]
    Build { folder: String, source: candle_core::Error },
    #[error(
        "the model of {folder} has {rows} embedding rows, but its {tokens} tokens and a soft prompt of {prompt} need {}; {}",
        tokens + prompt, room(*rows, *tokens)
    )]
    NoRoom {
        folder: String,
        rows: usize,
        tokens: usize,
        prompt: usize,
    },
}

impl From<WeightsError> for ModelError {
    fn from(error: WeightsError) -> Self {
        Self::Weights(Box::new(error))
    }
}

impl From<Misfit> for ModelError {
    fn from(error: Misfit) -> Self {
        Self::Misfit(Box::new(error))
    }
}

fn room(rows: usize, tokens: usize) -> String {
    match rows.checked_sub(tokens) {
        Some(free @ 1..) => format!("set prompt.tokens to {free} or less"),
        Some(0) => {
            "no row is left for a soft prompt, so give the model more (transformers' `resize_token_embeddings`) or use \
                    another one"
                .to_owned()
        }
        None => "not even its tokens have a row each, so tokenizer.json is not of this model".to_owned(),
    }
}

/// How a model is loaded.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Its folder or hub id, for records.
    pub name: String,
    pub dtype: DType,
    pub device: Device,
    pub min_pixels: Option<u64>,
    pub max_pixels: Option<u64>,
    /// Rows that the soft prompt needs after the tokenizer's.
    pub prompt_tokens: usize,
}

impl BaseModel {
    /// Opens the model in `folder`. Its weights are loaded unless this process has them on the device already; `progress` is told
    /// the layers done and their number.
    ///
    /// # Errors
    /// Where a file is missing or damaged, or the sizes do not fit.
    pub fn open(folder: &Path, options: LoadOptions, progress: impl FnMut(usize, usize)) -> Result<Self, ModelError> {
        let file = ConfigFile::read(folder)?;
        let config = Config::of(&file)?.config;
        let tokenizer = Tokenizer::open(folder)?;
        let pixels = |limit: Option<u64>| limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let (processor, _) = ProcessorConfig::of_folder(folder, config.vision_config.patch_size)?;
        let processor = processor.with_pixel_limits(pixels(options.min_pixels), pixels(options.max_pixels))?;
        let shown = || folder.display().to_string();
        let vision = &config.vision_config;
        let of_vision = (vision.patch_size, vision.temporal_patch_size, vision.spatial_merge_size);
        let of_pictures = (
            processor.patch_size,
            processor.temporal_patch_size,
            processor.merge_size,
        );
        if of_vision != of_pictures {
            return Err(ModelError::OtherPatches {
                folder: shown(),
                of_vision,
                of_pictures,
            });
        }
        if config.vocab_size < tokenizer.vocab_len() + options.prompt_tokens {
            return Err(ModelError::NoRoom {
                folder: shown(),
                rows: config.vocab_size,
                tokens: tokenizer.vocab_len(),
                prompt: options.prompt_tokens,
            });
        }
        let (dtype, device) = (options.dtype, &options.device);
        let load = || open_weights(folder, &file, dtype, device, progress);
        let failed = |source| ModelError::Build {
            folder: shown(),
            source,
        };
        let weights = shared::weights(folder, (dtype, device), load, failed)?;
        Ok(Self {
            name: options.name,
            qwen: weights.sharing(),
            ends: ends(folder, &tokenizer),
            tokenizer,
            processor: ImageProcessor::new(processor)?,
            dtype,
            device: weights.language.device().clone(),
            _weights: weights,
        })
    }

    /// Width of the language model.
    #[must_use]
    pub fn hidden_size(&self) -> usize {
        self.qwen.config.hidden_size
    }

    /// The side of a merged token in patches.
    #[must_use]
    pub fn merge(&self) -> usize {
        self.qwen.config.vision_config.spatial_merge_size
    }
}

/// The model itself, without tokenizer and image processor. Config and weights are compared before a number is read.
///
/// # Errors
/// Where a weight is missing or damaged, is no number, or the sizes do not fit.
pub fn open_weights(
    folder: &Path,
    file: &ConfigFile,
    dtype: DType,
    device: &Device,
    progress: impl FnMut(usize, usize),
) -> Result<Qwen2Vl, ModelError> {
    let weights = Weights::open(folder)?.quantised(file.quantisation.clone());
    let config = plan::settle(Config::of(file)?, &weights)?;
    let source = Folder {
        weights: &weights,
        dtype,
        device,
        fault: RefCell::default(),
    };
    let built = Qwen2Vl::new(&config, &source, progress);
    match source.fault.into_inner() {
        Some(fault) => Err(fault.into()),
        None => built.map_err(|source| ModelError::Build {
            folder: folder.display().to_string(),
            source,
        }),
    }
}

struct Folder<'a> {
    weights: &'a Weights,
    dtype: DType,
    device: &'a Device,
    /// Of the weight that could not be loaded.
    fault: RefCell<Option<WeightsError>>,
}

impl Parameters for Folder<'_> {
    fn get(&self, name: &str, shape: &[usize]) -> candle_core::Result<Tensor> {
        self.weights
            .tensor(name, shape, self.dtype, self.device)
            .map_err(|error| {
                // A sentence: `Error::msg` would put a backtrace behind it.
                let said = candle_core::Error::Msg(error.to_string());
                *self.fault.borrow_mut() = Some(error);
                said
            })
    }
}

/// generation_config.json's `eos_token_id`, one or several; the chat's own ends where the file has none.
fn ends(folder: &Path, tokenizer: &Tokenizer) -> Vec<u32> {
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
    let text = read_text(&folder.join("generation_config.json"), LONGEST_CONFIG).unwrap_or_default();
    match serde_json::from_str::<Generation>(&text) {
        Ok(Generation {
            eos_token_id: Ends::One(id),
        }) => vec![id],
        Ok(Generation {
            eos_token_id: Ends::Several(ids),
        }) => ids,
        Err(_) => vec![tokenizer.special().im_end, tokenizer.special().endoftext],
    }
}
