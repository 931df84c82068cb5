use std::{collections::HashMap, error::Error, fs, io, path::Path};

use candle_core::{DType, Device, Tensor};

use super::mapped::{unmappable, unreadable};
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
fn shards_with_older_names_form_one_model() -> Outcome {
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
fn problems_of_a_folder_are_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    assert!(matches!(fault(&folder.join("nothing"))?, WeightsError::NoFolder(_)));
    assert!(matches!(fault(folder)?, WeightsError::NoWeights { .. }));

    let tensor = Tensor::zeros(64, DType::F32, &Device::Cpu)?;
    save(&folder.join("a.safetensors"), &[("x", &tensor)])?;
    index(folder, &[("x", "a.safetensors"), ("y", "b.safetensors")])?;
    let text = fault(folder)?.to_string();
    assert!(
        text.contains("b.safetensors") && !text.contains("a.safetensors,"),
        "{text}"
    );
    // An index entry without a file is an error only if the model has that weight.
    index(folder, &[("x", "a.safetensors"), ("y", "a.safetensors")])?;
    assert!(!Weights::open(folder)?.contains("y"));
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
        assert!(text.contains("model.safetensors is not a complete"), "{length}: {text}");
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

/// A file that cannot be mapped because memory ran out must not be called damaged.
#[test]
fn lack_of_memory_is_distinguished_from_a_truncated_file() {
    let no_memory = || io::Error::from_raw_os_error(rustix::io::Errno::NOMEM.raw_os_error());
    let path = Path::new("model.safetensors");
    let mapped = unmappable(path, candle_core::Error::from(no_memory()).with_path(path));
    for error in [mapped, unreadable(path, no_memory())] {
        let text = error.to_string();
        assert!(matches!(error, WeightsError::NoMemory { .. }), "{text}");
        assert!(
            !text.contains("download it again") && text.contains("may be intact"),
            "{text}"
        );
    }
}

#[test]
fn layers_are_counted_by_their_highest_number() -> Outcome {
    let folder = tempfile::tempdir()?;
    let tensor = Tensor::zeros(1, DType::F32, &Device::Cpu)?;
    let names = [
        "model.layers.0.x",
        "model.layers.10.x",
        "model.layers.2.x",
        "model.layers.y",
        "visual.blocks.0.x",
    ];
    save(
        &folder.path().join("model.safetensors"),
        &names.map(|name| (name, &tensor)),
    )?;
    let weights = Weights::open(folder.path())?;
    assert_eq!(
        ["model.layers.", "visual.blocks.", "other."].map(|prefix| weights.layers(prefix)),
        [11, 1, 0]
    );
    Ok(())
}
