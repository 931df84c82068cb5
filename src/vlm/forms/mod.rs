//! Model folders in the forms that savers, mergers and quantisers write, made from the embedded model.

mod opened;
mod refused;

use std::{collections::BTreeMap, fs, path::Path};

use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Map, Value};

use super::base::{BaseModel, LoadOptions, ModelError};
use super::decoder::{ForwardOptions, Positions, Vocabulary};
use super::tiny;
use crate::nn::Mask;

/// A stored tensor.
#[derive(Clone)]
pub struct Stored {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl Stored {
    pub fn f32(shape: &[usize], values: &[f32]) -> Self {
        Self {
            dtype: Dtype::F32,
            shape: shape.to_vec(),
            bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    pub fn bytes(dtype: Dtype, shape: &[usize], bytes: Vec<u8>) -> Self {
        Self {
            dtype,
            shape: shape.to_vec(),
            bytes,
        }
    }

    /// The values of a bf16 tensor.
    pub fn values(&self) -> Vec<f32> {
        assert_eq!(self.dtype, Dtype::BF16);
        let (all, _) = self.bytes.as_chunks::<2>();
        all.iter()
            .map(|bytes| half::bf16::from_le_bytes(*bytes).to_f32())
            .collect()
    }
}

pub type Tensors = BTreeMap<String, Stored>;

/// The content of a model folder to be written.
#[derive(Clone)]
pub struct Form {
    pub config: Map<String, Value>,
    pub tensors: Tensors,
    /// The content of the other files, by name.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Form {
    /// The embedded model's folder.
    pub fn own() -> Self {
        let folder = tiny::folder().unwrap();
        let read = |name: &str| fs::read(folder.join(name)).unwrap();
        let bytes = read("model.safetensors");
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let stored = |(name, view): (String, TensorView)| {
            (name, Stored::bytes(view.dtype(), view.shape(), view.data().to_vec()))
        };
        let others = ["tokenizer.json", "preprocessor_config.json", "generation_config.json"];
        Self {
            config: serde_json::from_slice(&read("config.json")).unwrap(),
            tensors: tensors.tensors().into_iter().map(stored).collect(),
            files: others.map(|name| (name.to_owned(), read(name))).into(),
        }
    }

    /// With the tensors renamed.
    pub fn renamed(mut self, name: impl Fn(&str) -> String) -> Self {
        self.tensors = self
            .tensors
            .into_iter()
            .map(|(old, stored)| (name(&old), stored))
            .collect();
        self
    }

    /// With a key of config.json set.
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.config.insert(key.to_owned(), value);
        self
    }

    /// With a key of config.json left out.
    pub fn without(mut self, key: &str) -> Self {
        self.config.remove(key);
        self
    }

    /// Writes all files but the weights.
    pub fn write_settings(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("config.json"), serde_json::to_vec(&self.config).unwrap()).unwrap();
        for (name, bytes) in &self.files {
            fs::write(at(name), bytes).unwrap();
        }
        folder
    }

    pub fn write(&self) -> tempfile::TempDir {
        let folder = self.write_settings();
        save(&self.tensors, &folder.path().join("model.safetensors"));
        folder
    }

    /// What the written folder computes, or its error message.
    pub fn outcome(&self) -> Result<Vec<u32>, String> {
        outcome(self.write().path())
    }
}

pub fn save(tensors: &Tensors, path: &Path) {
    let views = tensors.iter().map(|(name, stored)| {
        let view = TensorView::new(stored.dtype, stored.shape.clone(), &stored.bytes);
        (name.as_str(), view.unwrap_or_else(|error| panic!("{name}: {error}")))
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}

pub fn open(folder: &Path, dtype: DType) -> Result<BaseModel, ModelError> {
    let options = LoadOptions {
        name: "a form".to_owned(),
        dtype,
        device: Device::Cpu,
        min_pixels: None,
        max_pixels: None,
        prompt_tokens: 4,
        packing: None,
    };
    BaseModel::open(folder, options, |_, _| ())
}

/// Bits of the logits of some tokens and of a picture's vision tokens.
pub fn outcome(folder: &Path) -> Result<Vec<u32>, String> {
    let model = open(folder, DType::F32).map_err(|error| error.to_string())?;
    let picture = image::RgbImage::from_fn(60, 40, |x, y| image::Rgb([x as u8 * 4, y as u8 * 6, 90]));
    let picture = model.vision.pictures.prepare(&picture).unwrap();
    let seen = model.vision.look(&picture).unwrap().run.unsqueeze(0).unwrap();
    let language = &model.decoder;
    let words = language.embed(&[5, 6, 7]).unwrap().unsqueeze(0).unwrap();
    let x = Tensor::cat(&[seen, words], 1).unwrap();
    let mask = Mask::full(1, x.dim(1).unwrap(), true);
    let hidden = language
        .forward(
            &x,
            &Positions::sequential(&mask),
            &mask,
            ForwardOptions::default(),
            false,
        )
        .unwrap();
    let logits = language
        .logits(&hidden.flatten_to(1).unwrap(), Vocabulary::Full)
        .unwrap();
    let logits: Vec<f32> = logits.flatten_all().unwrap().to_vec1().unwrap();
    Ok(logits.into_iter().map(f32::to_bits).collect())
}

/// The name in newer versions of transformers.
pub fn newer(name: &str) -> String {
    match name.strip_prefix("model.") {
        Some(rest) => format!("model.language_model.{rest}"),
        None if name.starts_with("visual.") => format!("model.{name}"),
        None => name.to_owned(),
    }
}

/// Whether the weight is one that quantisers convert.
pub fn is_projection(name: &str) -> bool {
    name.starts_with("model.layers.") && name.ends_with("_proj.weight")
}
