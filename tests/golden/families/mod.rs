//! The further families against what transformers computes on small random models of each.

mod configs;
mod language;
mod pictures;
mod stages;
mod towers;

use std::path::PathBuf;

use candle_core::{DType, Device, Tensor};
use masp::vlm::base::{BaseModel, LoadOptions};
use serde_json::Value;

use super::reference::{self, Tensors};

/// Rows of the soft prompt in all of the golden data.
pub const PROMPT: usize = 32;

/// A family's golden data.
pub struct Family {
    pub name: &'static str,
    pub folder: PathBuf,
    pub manifest: Value,
    pub model: BaseModel,
}

const NAMES: [&str; 3] = ["qwen2_5_vl", "qwen3_vl", "llava_next_mistral"];

/// The families' folders; none, with a message, if there are no golden data.
pub fn folders() -> Vec<(&'static str, PathBuf)> {
    let Some(golden) = reference::folder() else {
        return Vec::new();
    };
    let families = golden.with_file_name("golden_families");
    NAMES.map(|name| (name, families.join(name))).to_vec()
}

/// All of them, opened as a user's model is.
pub fn all() -> Vec<Family> {
    let open = |(name, folder): (&'static str, PathBuf)| Family {
        name,
        model: open(folder.join("model")),
        manifest: json(folder.join("manifest.json")),
        folder,
    };
    folders().into_iter().map(open).collect()
}

pub fn open(folder: PathBuf) -> BaseModel {
    let options = LoadOptions {
        name: folder.display().to_string(),
        dtype: DType::F32,
        device: Device::Cpu,
        min_pixels: None,
        max_pixels: None,
        prompt_tokens: PROMPT,
        packing: None,
    };
    BaseModel::open(&folder, options, |_, _| ()).unwrap()
}

pub fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn integers(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

impl Family {
    pub fn tensors(&self, file: &str) -> Tensors {
        Tensors::at(&self.folder.join(file))
    }

    pub fn cases(&self, name: &str) -> &Value {
        &self.manifest["cases"][name]
    }
}

/// The integers of a tensor of any shape.
pub fn whole(tensor: &Tensor) -> Vec<usize> {
    let values = tensor.flatten_all().unwrap().to_dtype(DType::I64).unwrap();
    values
        .to_vec1::<i64>()
        .unwrap()
        .into_iter()
        .map(|value| value as usize)
        .collect()
}

/// `name0`, `name1`, ...: as many as there are.
pub fn numbered(tensors: &Tensors, name: &str) -> Vec<Tensor> {
    (0..)
        .map_while(|i| tensors.find(&format!("{name}{i}")).cloned())
        .collect()
}
