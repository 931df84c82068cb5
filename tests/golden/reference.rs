//! Access to the reference's golden data.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Result, Tensor};
use masp::vlm::Parameters;
use masp::vlm::config_file::ConfigFile;
use masp::vlm::decoder::LanguageModel;
use masp::vlm::qwen2_vl::config;
use masp::vlm::tower::{GridConfig, GridTower};

/// The golden folder, or `None`, with a message, if `MASP_REFERENCE` is unset.
pub fn folder() -> Option<PathBuf> {
    match std::env::var_os("MASP_REFERENCE") {
        Some(path) => Some(PathBuf::from(path).join("golden")),
        None => {
            eprintln!("skipped: MASP_REFERENCE does not name the reference's folder");
            None
        }
    }
}

/// A safetensors file of the golden folder.
pub struct Tensors(HashMap<String, Tensor>);

impl Tensors {
    pub fn read(file: &str) -> Option<Self> {
        Some(Self::at(&folder()?.join(file)))
    }

    pub fn at(path: &Path) -> Self {
        Self(candle_core::safetensors::load(path, &Device::Cpu).unwrap())
    }

    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    pub fn get(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("no golden tensor {name}"))
    }
}

impl Parameters for Tensors {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let tensor = Tensors::get(self, name);
        assert_eq!(tensor.dims(), shape, "{name}");
        Ok(tensor.clone())
    }
}

/// manifest.json.
pub fn manifest() -> Option<serde_json::Value> {
    let text = std::fs::read_to_string(folder()?.join("manifest.json")).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// The golden Qwen2-VL model, with the concrete type of its tower.
pub struct TinyA {
    pub config: config::VisionConfig,
    pub vision: GridTower,
    pub language: LanguageModel,
}

pub fn tiny_a() -> Option<TinyA> {
    let file = ConfigFile::read(&folder()?.join("tiny_a")).unwrap();
    let parsed = config::parse(file.keys()).unwrap();
    let weights = Tensors::read("tiny_a/model.safetensors")?;
    Some(TinyA {
        vision: parsed.vision.tower(&weights, &mut |_| ()).unwrap(),
        language: LanguageModel::new(&parsed.decoder, &weights, |_| ()).unwrap(),
        config: parsed.vision,
    })
}

/// Asserts that `|got - want| / |want|` is at most `tolerance`.
pub fn assert_close(what: &str, got: &Tensor, want: &Tensor, tolerance: f64) {
    assert_eq!(
        got.elem_count(),
        want.elem_count(),
        "{what}: {:?} against {:?}",
        got.shape(),
        want.shape()
    );
    let vector = |x: &Tensor| {
        x.flatten_all()
            .unwrap()
            .to_dtype(DType::F64)
            .unwrap()
            .to_vec1::<f64>()
            .unwrap()
    };
    let (got, want) = (vector(got), vector(want));
    let difference: f64 = got.iter().zip(&want).map(|(g, w)| (g - w).powi(2)).sum();
    let norm: f64 = want.iter().map(|w| w * w).sum();
    let error = (difference / norm.max(1e-300)).sqrt();
    assert!(error <= tolerance, "{what}: relative error {error:.2e}");
}
