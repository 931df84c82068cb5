//! The golden slice: compiled in, and read with the same readers as real model folders.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;
use serde::Deserialize;
use tempfile::TempDir;

use crate::aspects::AspectModules;
use crate::aspects::aspect_file::read_aspects;
use crate::data::View;
use crate::engine::error::EngineError;
use crate::vlm::base;
use crate::vlm::config_file::{ConfigFile, Family};
use crate::vlm::frozen::Frozen;
use crate::vlm::model_config::ModelConfig;
use crate::vlm::vision::{Pictures, PixelLimits};

macro_rules! slice {
    ($family:expr, $folder:literal, $bf16_gradients:literal) => {
        Files {
            family: $family,
            bf16_gradients: $bf16_gradients,
            contents: slice!(
                $folder,
                "config.json",
                "model.safetensors",
                "preprocessor_config.json",
                "aspects.safetensors",
                "expected.json",
                "expected.safetensors"
            ),
        }
    };
    ($folder:literal, $($name:literal),*) => {
        [$(($name, include_bytes!(concat!("../../../assets/selftest/", $folder, $name)))),*]
    };
}

/// A family's slice, by its files.
pub struct Files {
    pub family: Family,
    /// The error allowed in a bf16 gradient: measured on a CPU, rounded up. It differs between slices: the smaller a gradient
    /// is against its summands, the larger the share of round-off in it.
    pub bf16_gradients: f64,
    contents: [(&'static str, &'static [u8]); 6],
}

/// One of each family.
pub const SLICES: [Files; 4] = [
    slice!(Family::Qwen2Vl, "", 1e-1),
    slice!(Family::Qwen25Vl, "qwen2_5_vl/", 3e-1),
    slice!(Family::Qwen3Vl, "qwen3_vl/", 1e-1),
    slice!(Family::LlavaNext, "llava_next/", 1e-1),
];

/// The picture that all slices use.
const PICTURE: (&str, &[u8]) = ("picture.png", include_bytes!("../../../assets/selftest/picture.png"));

/// The model, its inputs, and the results that f64 gives.
pub struct Slice {
    pub device: Device,
    pub dtype: DType,
    pub model: Frozen,
    pub pictures: Box<dyn Pictures>,
    pub cases: Cases,
    expected: HashMap<String, Tensor>,
    folder: TempDir,
}

/// `expected.json`.
#[derive(Debug, Deserialize)]
pub struct Cases {
    pub views: Vec<View>,
    pub prompt_tokens: usize,
    /// Rows of the embedding matrix before the prompt's.
    pub tokenizer_tokens: usize,
    /// The picture's patches, if they form one grid.
    pub grid: Option<(usize, usize, usize)>,
    /// Supervised tokens before a label's own.
    #[serde(default = "one")]
    pub lead: usize,
    /// Tokens of the template behind an answer.
    #[serde(default = "two")]
    pub tail: usize,
    pub ids: Ids,
    pub greedy: Greedy,
    pub vanilla: Vanilla,
    pub stage1: Vec<StageCase>,
    pub stage2: Vec<StageCase>,
    pub trajectory_stage1: Trajectory,
    pub trajectory_stage2: Trajectory,
    pub optimiser: Optimiser,
}

#[derive(Debug, Deserialize)]
pub struct Greedy {
    pub prompt_ids: Vec<u32>,
    pub tokens: Vec<u32>,
}

#[derive(Debug, Deserialize)]
pub struct Vanilla {
    pub ids: Vec<u32>,
    /// Time, height, width of each token.
    pub positions: [Vec<u32>; 3],
}

#[derive(Debug, Deserialize)]
pub struct Ids {
    pub image: u32,
}

#[derive(Debug, Deserialize)]
pub struct StageCase {
    pub view: Option<View>,
    pub ids: Vec<u32>,
    pub answer: Vec<u32>,
    pub loss: f64,
    #[serde(default)]
    pub labels: Vec<Label>,
}

#[derive(Debug, Deserialize)]
pub struct Label {
    pub ids: Vec<u32>,
    pub log_likelihood: f64,
}

#[derive(Debug, Deserialize)]
pub struct Trajectory {
    pub losses: Vec<f64>,
    pub grad_norms: Vec<f64>,
}

#[derive(Debug, Deserialize)]
pub struct Optimiser {
    pub peak_lr: PeakLr,
    pub warmup_steps: u64,
    pub weight_decay: f64,
    pub max_grad_norm: f64,
}

#[derive(Debug, Deserialize)]
pub struct PeakLr {
    pub stage1: f64,
    pub stage2: f64,
}

const fn one() -> usize {
    1
}

const fn two() -> usize {
    2
}

impl Slice {
    /// Unpacks and reads the slice.
    ///
    /// # Errors
    /// Where there is no room for temporary files, or the device fails.
    pub fn open(files: &Files, device: &Device, dtype: DType) -> Result<Self, EngineError> {
        let folder = TempDir::new().map_err(|source| write_error(&std::env::temp_dir(), source))?;
        for (name, bytes) in files.contents.into_iter().chain([PICTURE]) {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).map_err(|source| write_error(&path, source))?;
        }
        let at = |name: &str| folder.path().join(name);
        let cases = std::fs::read_to_string(at("expected.json")).map_err(candle_core::Error::wrap)?;
        let config = ConfigFile::read(folder.path()).map_err(base::ModelError::from)?;
        let model = base::open_weights(folder.path(), &config, (dtype, device), None, |_, _| ())?;
        let settings = ModelConfig::of(&config).map_err(base::ModelError::from)?;
        let (pictures, _) = settings.tower.pictures(folder.path(), PixelLimits::default())?;
        Ok(Self {
            device: device.clone(),
            dtype,
            model,
            pictures,
            cases: serde_json::from_str(&cases).map_err(candle_core::Error::wrap)?,
            expected: candle_core::safetensors::load(at("expected.safetensors"), &Device::Cpu)?,
            folder,
        })
    }

    /// The token that stands for an image's rows.
    pub fn image(&self) -> u32 {
        self.cases.ids.image
    }

    /// A file of the slice.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// What f64 gives, on the CPU.
    ///
    /// # Errors
    /// Where the slice lacks it.
    pub fn want(&self, name: &str) -> Result<&Tensor, EngineError> {
        let missing = || EngineError::Failed(format!("the self-test slice has no {name}"));
        self.expected.get(name).ok_or_else(missing)
    }

    /// The aspect modules, read anew from their file at each call, because the caller may train them.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn modules(&self) -> Result<AspectModules, EngineError> {
        let file = read_aspects(&self.path("aspects.safetensors"))?;
        Ok(AspectModules::from_file(&file, &self.cases.views, &self.device)?)
    }

    /// Wanted tensors whose names begin with `prefix`, under the rest of their names.
    ///
    /// # Errors
    /// If there is none: the caller's comparison would otherwise check nothing.
    pub fn all(&self, prefix: &str) -> Result<IndexMap<&str, &Tensor>, EngineError> {
        let named = self.expected.iter();
        let mut found: IndexMap<&str, &Tensor> = named
            .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)))
            .collect();
        if found.is_empty() {
            return Err(EngineError::Failed(format!("the self-test slice has no {prefix}*")));
        }
        found.sort_unstable_keys();
        Ok(found)
    }
}

fn write_error(path: &Path, source: std::io::Error) -> EngineError {
    EngineError::Write {
        path: path.display().to_string(),
        source,
    }
}
