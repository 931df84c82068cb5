//! Shares one copy of a base model's weights per device of this process: between a run, the questions asked alongside
//! it, and both sides of a comparison.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use candle_core::{DType, Device, DeviceLocation};

use super::frozen::Frozen;
use super::weights::Packing;

/// The weights that are in use.
static OPEN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

struct Known {
    of: Identity,
    weights: Weak<Frozen>,
}

/// The identity of weights: equal identities share one copy.
#[derive(PartialEq)]
struct Identity {
    /// The folder's files: path, size in bytes, time of the last change.
    files: Vec<(PathBuf, u64, Option<SystemTime>)>,
    dtype: DType,
    device: DeviceLocation,
    packing: Option<Packing>,
}

/// The weights in `folder` on `device`: an open copy if there is one, otherwise the result of `load`. Other callers
/// wait while it loads. When this returns, the weights are complete on the device and any thread may use them.
///
/// # Errors
/// The errors of `load`; `failed` converts those of the device.
pub fn weights<E>(
    folder: &Path,
    (dtype, device): (DType, &Device),
    packing: Option<&Packing>,
    load: impl FnOnce() -> Result<Frozen, E>,
    failed: impl FnOnce(candle_core::Error) -> E,
) -> Result<Arc<Frozen>, E> {
    let of = Identity {
        files: files(folder),
        dtype,
        device: device.location(),
        packing: packing.cloned(),
    };
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|known| known.weights.strong_count() > 0);
    if let Some(weights) = open
        .iter()
        .find(|known| known.of == of)
        .and_then(|known| known.weights.upgrade())
    {
        return Ok(weights);
    }
    let weights = Arc::new(load()?);
    // Each thread has its own CUDA stream, so this one's copies must be complete before another thread uses the
    // weights.
    device.synchronize().map_err(failed)?;
    open.push(Known {
        of,
        weights: Arc::downgrade(&weights),
    });
    Ok(weights)
}

/// A folder's files with symbolic links resolved, because a hub's cache consists of links.
fn files(folder: &Path) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let about = entry.path().metadata().ok()?;
            Some((entry.path(), about.len(), about.modified().ok()))
        })
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Interrupt, Mask, is_interrupt};
    use crate::vlm::base::{BaseModel, LoadOptions};
    use crate::vlm::decoder::{ForwardOptions, Positions};
    use crate::vlm::tiny;

    fn open(folder: &Path, dtype: DType, prompt_tokens: usize) -> BaseModel {
        let options = LoadOptions {
            name: "tiny".to_owned(),
            dtype,
            device: Device::Cpu,
            min_pixels: None,
            max_pixels: Some(20_000 + prompt_tokens as u64),
            prompt_tokens,
            packing: None,
        };
        BaseModel::open(folder, options, |_, _| ()).unwrap()
    }

    fn weight(model: &BaseModel) -> candle_core::TensorId {
        model.decoder.embeddings().numbers().unwrap().id()
    }

    #[test]
    fn one_user_cancels_and_the_other_continues() {
        let folder = tiny::folder().unwrap();
        let [kept, mut left] = [(); 2].map(|()| open(&folder, DType::F32, 2));
        let interrupt = Interrupt::default();
        left.set_interrupt(&interrupt);
        let pass = |model: &BaseModel| {
            let x = model.decoder.embed(&[1, 2]).unwrap().unsqueeze(0).unwrap();
            let positions = Positions(vec![vec![[0; 3], [1; 3]]]);
            let mask = Mask::full(1, 2, true);
            let looked = model.vision.look(&model.vision.pictures.probe());
            (
                model
                    .decoder
                    .forward(&x, &positions, &mask, ForwardOptions::default(), false),
                looked,
            )
        };
        assert!(pass(&left).0.is_ok() && pass(&left).1.is_ok());
        interrupt.0.store(true, std::sync::atomic::Ordering::Relaxed);
        let (language, vision) = pass(&left);
        assert!(is_interrupt(&language.unwrap_err()) && is_interrupt(&vision.unwrap_err()));
        assert!(pass(&kept).0.is_ok() && pass(&kept).1.is_ok());
    }

    #[test]
    fn a_model_is_in_memory_once_until_its_last_user_drops_it() {
        // A copy that no other test has open.
        let folder = tempfile::tempdir().unwrap();
        for file in fs::read_dir(tiny::folder().unwrap()).unwrap().flatten() {
            fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        let first = open(folder.path(), DType::F32, 2);
        let second = open(&folder.path().join("."), DType::F32, 3);
        assert_eq!(weight(&first), weight(&second), "with another prompt and other pixels");
        assert_ne!(weight(&open(folder.path(), DType::F64, 2)), weight(&first));

        let id = weight(&first);
        drop(first);
        assert_eq!(weight(&open(folder.path(), DType::F32, 2)), id);
        drop(second);
        assert_ne!(
            weight(&open(folder.path(), DType::F32, 2)),
            id,
            "nobody held it any more"
        );

        let old = open(folder.path(), DType::F32, 2);
        let file = folder.path().join("config.json");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text + "\n").unwrap();
        assert_ne!(
            weight(&open(folder.path(), DType::F32, 2)),
            weight(&old),
            "the folder has changed"
        );
    }
}
