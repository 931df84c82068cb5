//! A model folder's weights: one or several memory-mapped safetensors files under the names of the hub.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Component, Path, PathBuf},
};

use candle_core::{DType, Device, Tensor, safetensors::MmapedSafetensors};
use serde::Deserialize;

use crate::{
    bounded_file::{open_regular, read_text},
    safetensors_header::check_header,
};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Of the largest model that is read, the index has less than a megabyte.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// The weights of a Qwen2-VL folder, mapped into memory. Names are the hub's: `visual.*`, `model.*`,
/// `lm_head.weight`; the newer `model.visual.*` and `model.language_model.*` are known by these, too.
pub struct Weights {
    folder: PathBuf,
    shards: Vec<Shard>,
    /// By the hub's older name.
    places: BTreeMap<String, Place>,
}

struct Shard {
    path: PathBuf,
    file: MmapedSafetensors,
}

struct Place {
    shard: usize,
    /// The name in the shard.
    name: String,
    shape: Vec<usize>,
}

/// Weights that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error("{} is no folder; a model is a folder in Hugging Face layout (config.json, {SINGLE}, ...) or a hub id", .0.display())]
    NoFolder(PathBuf),
    #[error(
        "the model folder {} holds neither {SINGLE} nor {INDEX}; download the model's safetensors files (.bin files \
         cannot be read)",
        .0.display()
    )]
    NoWeights(PathBuf),
    #[error("cannot read {}: {source}; check that the file is there and may be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} names the shards {}, which are missing; download them into the same folder", index.display(), missing.join(", "))]
    MissingShards { index: PathBuf, missing: Vec<String> },
    #[error("{} cannot be understood: {reason}; download it again", path.display())]
    Index { path: PathBuf, reason: String },
    #[error("{} is no whole safetensors file ({reason}); it was probably cut short, so download it again", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} holds the weight {name} twice, under its older and its newer name; remove one", folder.display())]
    Twice { folder: PathBuf, name: String },
    #[error("the model folder {} has no weight {name}; is it a Qwen2-VL model, and does config.json belong to it?", folder.display())]
    Missing { folder: PathBuf, name: String },
    #[error(
        "the weight {name} in {} has shape {found:?}, config.json asks for {expected:?}; the two files are not of one model",
        path.display()
    )]
    Shape {
        path: PathBuf,
        name: String,
        found: Vec<usize>,
        expected: Vec<usize>,
    },
    #[error("the weight {name} in {} cannot be loaded: {source}", path.display())]
    Load {
        path: PathBuf,
        name: String,
        source: Box<candle_core::Error>,
    },
}

impl Weights {
    /// Maps `model.safetensors`, or the shards that `model.safetensors.index.json` names.
    ///
    /// # Errors
    /// [`WeightsError`]: no such folder, no weights in it, a missing shard, an index or a shard that is damaged.
    pub fn open(folder: &Path) -> Result<Self, WeightsError> {
        if !folder.is_dir() {
            return Err(WeightsError::NoFolder(folder.to_owned()));
        }
        let single = folder.join(SINGLE);
        let index = folder.join(INDEX);
        let mut weights = Self {
            folder: folder.to_owned(),
            shards: Vec::new(),
            places: BTreeMap::new(),
        };
        if single.is_file() {
            weights.add(single)?;
        } else if index.is_file() {
            weights.add_indexed(&index)?;
        } else {
            return Err(WeightsError::NoWeights(folder.to_owned()));
        }
        Ok(weights)
    }

    /// Whether there is a weight of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// A weight's shape.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.places.get(name).map(|place| place.shape.as_slice())
    }

    /// All names, in byte order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Loads a weight of a known shape, converted to `dtype` on `device`.
    ///
    /// # Errors
    /// [`WeightsError`]: there is none of this name, it has another shape, or it cannot be loaded or converted.
    pub fn tensor(&self, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor, WeightsError> {
        let missing = || WeightsError::Missing {
            folder: self.folder.clone(),
            name: name.to_owned(),
        };
        let place = self.places.get(name).ok_or_else(missing)?;
        let shard = self.shards.get(place.shard).ok_or_else(missing)?;
        if place.shape != shape {
            return Err(WeightsError::Shape {
                path: shard.path.clone(),
                name: name.to_owned(),
                found: place.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        shard
            .file
            .load(&place.name, device)
            .and_then(|tensor| tensor.to_dtype(dtype))
            .map_err(|source| WeightsError::Load {
                path: shard.path.clone(),
                name: name.to_owned(),
                source: Box::new(source),
            })
    }

    fn add_indexed(&mut self, index: &Path) -> Result<(), WeightsError> {
        let map = shard_of_weight(index)?;
        let shards: BTreeSet<&String> = map.values().collect();
        let missing: Vec<String> = shards
            .iter()
            .filter(|shard| !self.folder.join(shard).is_file())
            .map(|&shard| shard.clone())
            .collect();
        if !missing.is_empty() {
            return Err(WeightsError::MissingShards {
                index: index.to_owned(),
                missing,
            });
        }
        for shard in shards {
            self.add(self.folder.join(shard))?;
        }
        match map.keys().find(|name| !self.contains(&older_name(name))) {
            Some(name) => Err(WeightsError::Index {
                path: index.to_owned(),
                reason: format!("no shard holds the weight {name:?} that it names"),
            }),
            None => Ok(()),
        }
    }

    fn add(&mut self, path: PathBuf) -> Result<(), WeightsError> {
        let opened = open_regular(&path).and_then(|file| check_header(&file));
        opened.map_err(|source| match source.kind() {
            io::ErrorKind::InvalidData => WeightsError::Damaged {
                path: path.clone(),
                reason: source.to_string(),
            },
            _ => WeightsError::Read {
                path: path.clone(),
                source,
            },
        })?;
        // SAFETY: model folders are only read while a model is loaded; a file that another program cuts short
        // meanwhile ends the process, which is the known price of mapping gigabytes instead of copying them.
        let file = unsafe { MmapedSafetensors::new(&path) }.map_err(|error| WeightsError::Damaged {
            path: path.clone(),
            reason: root_cause(&error),
        })?;
        let shard = self.shards.len();
        for (name, view) in file.tensors() {
            let older = older_name(&name);
            let place = Place {
                shard,
                shape: view.shape().to_vec(),
                name,
            };
            if self.places.insert(older.clone(), place).is_some() {
                return Err(WeightsError::Twice {
                    folder: self.folder.clone(),
                    name: older.escape_debug().to_string(),
                });
            }
        }
        self.shards.push(Shard { path, file });
        Ok(())
    }
}

/// transformers renamed the modules in 4.52; files of both kinds are on the hub.
fn older_name(name: &str) -> String {
    if let Some(rest) = name.strip_prefix("model.language_model.") {
        format!("model.{rest}")
    } else if let Some(rest) = name.strip_prefix("model.visual.") {
        format!("visual.{rest}")
    } else {
        name.to_owned()
    }
}

#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

/// The index's map from weight to shard; every shard is a plain file name.
pub(super) fn shard_of_weight(index: &Path) -> Result<BTreeMap<String, String>, WeightsError> {
    let text = read_text(index, MAX_INDEX_BYTES).map_err(|source| WeightsError::Read {
        path: index.to_owned(),
        source,
    })?;
    let fault = |reason: String| WeightsError::Index {
        path: index.to_owned(),
        reason,
    };
    let map = serde_json::from_str::<ShardIndex>(&text)
        .map_err(|error| fault(error.to_string().escape_debug().to_string()))?
        .weight_map;
    if map.is_empty() {
        return Err(fault("it names no weights".to_owned()));
    }
    match map.values().find(|shard| !is_plain_name(shard)) {
        Some(shard) => Err(fault(format!("{shard:?} is no plain file name"))),
        None => Ok(map),
    }
}

fn is_plain_name(shard: &str) -> bool {
    let mut parts = Path::new(shard).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(name)), None) if name == shard)
        && !shard.chars().any(char::is_control)
}

/// candle wraps its errors in the path, which stands in our message already.
fn root_cause(error: &candle_core::Error) -> String {
    let text = match error {
        candle_core::Error::WithPath { inner, .. } | candle_core::Error::WithBacktrace { inner, .. } => {
            return root_cause(inner);
        }
        other => other.to_string(),
    };
    text.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, error::Error, fs, path::Path};

    use candle_core::{DType, Device, Tensor};

    use super::{Weights, WeightsError};

    type Outcome = Result<(), Box<dyn Error>>;

    fn save(path: &Path, tensors: &[(&str, &Tensor)]) -> Outcome {
        let tensors: HashMap<&str, Tensor> = tensors
            .iter()
            .map(|(name, tensor)| (*name, (*tensor).clone()))
            .collect();
        Ok(candle_core::safetensors::save(&tensors, path)?)
    }

    fn index(folder: &Path, entries: &[(&str, &str)]) -> Outcome {
        let map: HashMap<_, _> = entries.iter().copied().collect();
        let text = serde_json::json!({ "metadata": { "total_size": 1 }, "weight_map": map }).to_string();
        Ok(fs::write(folder.join("model.safetensors.index.json"), text)?)
    }

    fn fault(folder: &Path) -> Result<WeightsError, Box<dyn Error>> {
        Ok(Weights::open(folder).err().ok_or("it was opened")?)
    }

    #[test]
    fn shards_are_one_model_under_the_older_names() -> Outcome {
        let folder = tempfile::tempdir()?;
        let folder = folder.path();
        let device = Device::Cpu;
        let exact = Tensor::new(&[[1.0f32, -2.5], [0.15625, 3.0]], &device)?;
        save(
            &folder.join("a.safetensors"),
            &[("model.language_model.norm.weight", &exact)],
        )?;
        let (half, brain) = (exact.to_dtype(DType::F16)?, exact.to_dtype(DType::BF16)?);
        save(
            &folder.join("b.safetensors"),
            &[("model.visual.merger.x", &half), ("lm_head.weight", &brain)],
        )?;
        index(
            folder,
            &[
                ("model.language_model.norm.weight", "a.safetensors"),
                ("model.visual.merger.x", "b.safetensors"),
                ("lm_head.weight", "b.safetensors"),
            ],
        )?;
        let weights = Weights::open(folder)?;
        let names: Vec<&str> = weights.names().collect();
        assert_eq!(names, ["lm_head.weight", "model.norm.weight", "visual.merger.x"]);
        for name in names {
            for dtype in [DType::F32, DType::BF16, DType::F16] {
                let tensor = weights.tensor(name, &[2, 2], dtype, &device)?;
                assert_eq!(tensor.dtype(), dtype);
                assert_eq!(tensor.to_dtype(DType::F32)?.to_vec2::<f32>()?, exact.to_vec2::<f32>()?);
            }
        }
        assert!(!weights.contains("model.language_model.norm.weight"));
        assert_eq!(weights.shape("model.norm.weight"), Some([2, 2].as_slice()));
        let shape = weights.tensor("lm_head.weight", &[4], DType::F32, &device);
        assert!(matches!(shape, Err(WeightsError::Shape { .. })));
        let missing = weights.tensor("model.nothing", &[4], DType::F32, &device);
        assert!(missing.is_err_and(|fault| fault.to_string().contains("no weight model.nothing")));
        Ok(())
    }

    #[test]
    fn what_is_wrong_with_a_folder_is_said() -> Outcome {
        let folder = tempfile::tempdir()?;
        let folder = folder.path();
        assert!(matches!(fault(&folder.join("nothing"))?, WeightsError::NoFolder(_)));
        assert!(matches!(fault(folder)?, WeightsError::NoWeights(_)));

        let tensor = Tensor::zeros(64, DType::F32, &Device::Cpu)?;
        save(&folder.join("a.safetensors"), &[("x", &tensor)])?;
        index(folder, &[("x", "a.safetensors"), ("y", "b.safetensors")])?;
        let text = fault(folder)?.to_string();
        assert!(
            text.contains("b.safetensors") && !text.contains("a.safetensors,"),
            "{text}"
        );
        index(folder, &[("x", "a.safetensors"), ("y", "a.safetensors")])?;
        assert!(fault(folder)?.to_string().contains("\"y\""));
        for outside in ["../a.safetensors", "/etc/passwd", "", "sub/a", "a\u{1b}"] {
            index(folder, &[("x", outside)])?;
            assert!(matches!(fault(folder)?, WeightsError::Index { .. }), "{outside}");
        }
        index(folder, &[("x", "a.safetensors")])?;
        save(
            &folder.join("a.safetensors"),
            &[("visual.x", &tensor), ("model.visual.x", &tensor)],
        )?;
        assert!(matches!(fault(folder)?, WeightsError::Twice { .. }));
        fs::write(folder.join("model.safetensors.index.json"), "{\"weight_map\": 3}")?;
        assert!(matches!(fault(folder)?, WeightsError::Index { .. }));

        let single = folder.join("model.safetensors");
        save(&single, &[("x", &tensor)])?;
        let whole = fs::read(&single)?;
        for length in [0, 5, 40, whole.len() - 1] {
            fs::write(&single, &whole[..length])?;
            let text = fault(folder)?.to_string();
            assert!(text.contains("model.safetensors is no whole"), "{length}: {text}");
        }
        Ok(())
    }

    #[test]
    fn the_golden_model_is_read() -> Outcome {
        let Some(reference) = std::env::var_os("MASP_REFERENCE") else {
            eprintln!("skipped: MASP_REFERENCE is not set");
            return Ok(());
        };
        let weights = Weights::open(&Path::new(&reference).join("golden/tiny_a"))?;
        let head = weights.tensor("lm_head.weight", &[2176, 64], DType::F32, &Device::Cpu)?;
        assert!(head.abs()?.sum_all()?.to_scalar::<f32>()? > 0.0);
        assert!(weights.contains("visual.merger.ln_q.weight") && weights.contains("model.embed_tokens.weight"));
        Ok(())
    }
}
