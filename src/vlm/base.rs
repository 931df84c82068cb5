//! A frozen base model, loaded from its folder.

use std::{cell::RefCell, path::Path, sync::Arc};

use candle_core::{DType, Device, Tensor};

use super::config_file::{ConfigFile, ConfigFileError, Family};
use super::decoder::LanguageModel;
use super::frozen::Frozen;
use super::model_config::ModelConfig;
use super::pictures::PictureError;
use super::plan::{self, Mismatch};
use super::size;
use super::text::Text;
use super::tokenizer::TokenizerError;
use super::vision::{Features, Picture, Pictures, PixelLimits, Tower};
use super::weights::{PackedFiles, Packing, Weights, WeightsError};
use super::{Parameters, shared};
use crate::figures;
use crate::nn::{DeviceMemory, Fault, Interrupt, Weight, memory, without_backtrace};

/// A model of any family.
pub struct BaseModel {
    /// Its folder or hub id, for records.
    pub name: String,
    pub family: Family,
    pub decoder: LanguageModel,
    pub vision: Vision,
    pub text: Text,
    pub dtype: DType,
    pub device: Device,
    /// What the user should know of how it was opened.
    pub notice: Option<String>,
    /// What the weights take of a CUDA device's memory; 0 on others.
    pub weight_bytes: u64,
    /// Keeps the shared weights alive; other users in this process may hold them, too.
    _frozen: Arc<Frozen>,
}

/// The vision tower and the preparation of its pictures.
#[derive(Debug)]
pub struct Vision {
    tower: Arc<dyn Tower>,
    interrupt: Interrupt,
    pub pictures: Arc<dyn Pictures>,
}

impl Vision {
    /// The tower's features of a picture.
    ///
    /// # Errors
    /// Where the device fails, or once the interrupt is set.
    pub fn look(&self, picture: &Picture) -> candle_core::Result<Features> {
        self.tower.look(picture, &self.interrupt)
    }

    /// What the features depend on besides the picture and the weights: the settings of the picture preparation, and
    /// the tower's own settings, if it has any.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn settings(&self) -> candle_core::Result<[String; 2]> {
        Ok([self.pictures.settings(), self.tower.settings()?])
    }
}

/// Why a model folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(transparent)]
    Config(#[from] ConfigFileError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    #[error(transparent)]
    Pictures(#[from] PictureError),
    #[error(transparent)]
    Weights(Box<WeightsError>),
    #[error(transparent)]
    Mismatch(Box<Mismatch>),
    #[error("cannot build the model of {folder}: {source}")]
    Build { folder: String, source: candle_core::Error },
    #[error(
        "the weights of {folder} take {} in {format}, and of the device's {} only {} are free; end the programs that use it \
         (`nvidia-smi` lists them), take another card (--device cuda:N) or the CPU (--device cpu), set model.quantize (q8_0, q4_k), or use \
         a smaller model",
        figures::memory(*.needed), figures::memory(.memory.total), figures::memory(.memory.free)
    )]
    DeviceFull {
        folder: String,
        needed: u64,
        format: &'static str,
        memory: DeviceMemory,
    },
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

impl From<Mismatch> for ModelError {
    fn from(error: Mismatch) -> Self {
        Self::Mismatch(Box::new(error))
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
        None => "there are more tokens than rows, so tokenizer.json belongs to another model".to_owned(),
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
    /// Rows of the embedding that the soft prompt needs after the tokenizer's.
    pub prompt_tokens: usize,
    /// How its frozen matrices are packed, if they are.
    pub packing: Option<Packing>,
}

impl BaseModel {
    /// Opens the model in `folder`. Loads its weights unless this process already has them on the device. `progress`
    /// receives the number of layers done and their total.
    ///
    /// # Errors
    /// Where a file is missing or damaged, or the sizes do not fit.
    pub fn open(folder: &Path, options: LoadOptions, progress: impl FnMut(usize, usize)) -> Result<Self, ModelError> {
        let file = ConfigFile::read(folder)?;
        let config = ModelConfig::of(&file)?;
        let text = Text::open(folder, config.family.template())?;
        let pixels = |limit: Option<u64>| limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let limits = PixelLimits {
            min: pixels(options.min_pixels),
            max: pixels(options.max_pixels),
        };
        let (pictures, _) = config.tower.pictures(folder, limits)?;
        let shown = || folder.display().to_string();
        let rows = config.decoder.vocab_size;
        if rows < text.vocab_len() + options.prompt_tokens {
            return Err(ModelError::NoRoom {
                folder: shown(),
                rows,
                tokens: text.vocab_len(),
                prompt: options.prompt_tokens,
            });
        }
        let (dtype, device) = (options.dtype, &options.device);
        let packing = options.packing.as_ref();
        let load = || {
            let free = || memory(device).map_or(0, |memory| memory.free);
            let before = free();
            let mut frozen = open_weights(folder, &file, (dtype, device), packing, progress)?;
            frozen.device_bytes = before.saturating_sub(free());
            Ok(frozen)
        };
        let failed = |source| ModelError::Build {
            folder: shown(),
            source: without_backtrace(source),
        };
        let frozen = shared::weights(folder, (dtype, device), packing, load, failed)?;
        Ok(Self {
            name: options.name,
            family: config.family,
            decoder: frozen.decoder.share(),
            vision: Vision {
                tower: frozen.tower.clone(),
                interrupt: Interrupt::default(),
                pictures: pictures.into(),
            },
            text,
            dtype,
            device: frozen.decoder.device().clone(),
            notice: frozen.notice.clone(),
            weight_bytes: frozen.device_bytes,
            _frozen: frozen,
        })
    }

    /// Makes computations abort once `interrupt` is set, with the error that [`crate::nn::is_interrupt`] recognises.
    pub fn set_interrupt(&mut self, interrupt: &Interrupt) {
        self.decoder.set_interrupt(interrupt);
        self.vision.interrupt = interrupt.clone();
    }

    /// Width of the language model.
    #[must_use]
    pub fn hidden_size(&self) -> usize {
        self.decoder.config().hidden_size
    }
}

/// Opens only the weights, without tokenizer and image processor. Config and weights are compared before any number is
/// read.
///
/// # Errors
/// If a weight is missing, damaged or not finite, or if the sizes do not fit.
pub fn open_weights(
    folder: &Path,
    file: &ConfigFile,
    (dtype, device): (DType, &Device),
    packing: Option<&Packing>,
    progress: impl FnMut(usize, usize),
) -> Result<Frozen, ModelError> {
    let weights = Weights::open(folder)?.quantised(file.quantisation.clone());
    let config = plan::settle(ModelConfig::of(file)?, &weights)?;
    let failed = |source| ModelError::Build {
        folder: folder.display().to_string(),
        source: without_backtrace(source),
    };
    let full = |needed, memory| ModelError::DeviceFull {
        folder: folder.display().to_string(),
        needed,
        format: packing.map_or(dtype.as_str(), |packing| packing.format.name()),
        memory,
    };
    let needed = match memory(device) {
        None => 0,
        Some(memory) => match size::bytes(&config, dtype, packing).map_err(failed)? {
            needed if needed > memory.free => return Err(full(needed, memory)),
            needed => needed,
        },
    };
    let kept = packing.and_then(|packing| packing.kept_in.as_ref());
    let kept = kept.map(|folder| PackedFiles::of(&weights, folder));
    let source = Folder {
        weights: &weights,
        dtype,
        device,
        packing: packing.map(|packing| (packing, kept.as_ref())),
        fault: RefCell::default(),
    };
    let built = Frozen::new(&config, &source, progress);
    if let Some(fault) = source.fault.into_inner() {
        return Err(of_fault(fault, memory(device), |memory| full(needed, memory)));
    }
    let frozen = built.map_err(failed)?;
    Ok(Frozen {
        notice: kept.and_then(|kept| kept.notice()),
        ..frozen
    })
}

/// The error for a weight that cannot be loaded: `full` if other programs have taken the device's memory meanwhile.
fn of_fault(
    fault: WeightsError,
    memory: Option<DeviceMemory>,
    full: impl FnOnce(DeviceMemory) -> ModelError,
) -> ModelError {
    match memory {
        Some(memory) if Fault::of(&fault.to_string()) == Fault::OutOfMemory => full(memory),
        _ => fault.into(),
    }
}

struct Folder<'a> {
    weights: &'a Weights,
    dtype: DType,
    device: &'a Device,
    packing: Option<(&'a Packing, Option<&'a PackedFiles>)>,
    /// The error of the weight that could not be loaded.
    fault: RefCell<Option<WeightsError>>,
}

impl Folder<'_> {
    fn failed(&self, error: WeightsError) -> candle_core::Error {
        // `Error::msg` would append a backtrace.
        let message = candle_core::Error::Msg(error.to_string());
        *self.fault.borrow_mut() = Some(error);
        message
    }
}

impl Parameters for Folder<'_> {
    fn get(&self, name: &str, shape: &[usize]) -> candle_core::Result<Tensor> {
        let tensor = self.weights.tensor(name, shape, self.dtype, self.device);
        tensor.map_err(|error| self.failed(error))
    }

    fn weight(&self, name: &str, shape: &[usize; 2]) -> candle_core::Result<Weight> {
        match self.packing {
            None => self.get(name, shape).map(Weight::Dense),
            Some(packing) => {
                let weight = self.weights.packed(name, shape, packing, (self.dtype, self.device));
                weight.map_err(|error| self.failed(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_fills_while_weights_are_loaded_is_said_to_be_full() {
        let memory = DeviceMemory {
            free: 1 << 30,
            total: 24 << 30,
        };
        let of = |said: &str, memory| {
            let fault = WeightsError::Load {
                path: "model.safetensors".into(),
                name: "lm_head.weight".to_owned(),
                source: Box::new(candle_core::Error::Msg(said.to_owned())),
            };
            let full = |memory| ModelError::DeviceFull {
                folder: "7b".to_owned(),
                needed: 15 << 30,
                format: "bf16",
                memory,
            };
            of_fault(fault, memory, full).to_string()
        };
        let said = of("DriverError(CUDA_ERROR_OUT_OF_MEMORY)", Some(memory));
        assert!(
            said.contains("take 15.0 GiB in bf16") && said.contains("only 1.0 GiB are free"),
            "{said}"
        );
        let other = of("DriverError(CUDA_ERROR_ILLEGAL_ADDRESS)", Some(memory));
        assert!(other.contains("lm_head.weight"), "{other}");
        let on_cpu = of("out of memory", None);
        assert!(on_cpu.contains("lm_head.weight"), "{on_cpu}");
    }
}
