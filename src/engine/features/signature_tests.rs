//! The name that features are kept under, for each family.

use std::error::Error;
use std::fs;
use std::path::Path;

use candle_core::DType;
use serde_json::{Value, json};

use super::*;
use crate::engine::device::DeviceChoice;
use crate::engine::{device, model};
use crate::vlm::config_file::Family;
use crate::vlm::random_model;

type TestResult<T = ()> = Result<T, Box<dyn Error>>;

fn base(folder: &Path) -> TestResult<BaseModel> {
    let mut settings = Settings::default();
    settings.model.path = Some(folder.display().to_string());
    settings.prompt.tokens = 4;
    let compute = device::open(DeviceChoice::Cpu, settings.model.dtype)?;
    Ok(model::open(&settings, &compute, |_, _, _| ())?)
}

fn signature(base: &BaseModel) -> TestResult<String> {
    let exif_orientation = Settings::default().data.exif_orientation;
    Ok(super::signature(base, DecodeOptions { exif_orientation })?)
}

/// What the tower makes of the probe.
fn probe(base: &BaseModel) -> TestResult<Vec<f32>> {
    let features = base.vision.look(&base.vision.pictures.probe())?;
    let mut values = Vec::new();
    for tensor in [&features.run].into_iter().chain(&features.deep) {
        values.extend(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?);
    }
    Ok(values)
}

/// With a key of the vision tower set in config.json.
fn set(folder: &Path, key: &str, value: Value) -> TestResult {
    let path = folder.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path)?)?;
    config["vision_config"][key] = value;
    Ok(fs::write(&path, config.to_string())?)
}

#[test]
fn the_corrected_windows_change_the_cache_name() -> TestResult {
    let folder = random_model::folder(Family::Qwen25Vl);
    let first = base(folder.path())?;
    let (old, seen) = (signature(&first)?, probe(&first)?);
    let mut names = vec![old.clone()];
    for (key, value, back) in [
        ("window_size", json!(112), json!(56)),
        ("fullatt_block_indexes", json!([0]), json!([1])),
        ("fullatt_block_indexes", json!([0, 1]), json!([1])),
    ] {
        set(folder.path(), key, value)?;
        let other = base(folder.path())?;
        assert_eq!(probe(&other)?, seen, "the probe does not tell {key}");
        names.push(signature(&other)?);
        set(folder.path(), key, back)?;
    }
    // Blocks that the tower does not have, and another order, change nothing.
    set(folder.path(), "fullatt_block_indexes", json!([7, 1]))?;
    assert_eq!(signature(&base(folder.path())?)?, old);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4, "{names:?}");
    Ok(())
}

/// Caches from before towers had settings are still found.
#[test]
fn the_other_families_keep_their_cache_names() -> TestResult {
    for family in [Family::Qwen2Vl, Family::LlavaNext] {
        let folder = random_model::folder(family);
        let base = base(folder.path())?;
        let decode = DecodeOptions {
            exif_orientation: Settings::default().data.exif_orientation,
        };
        let mut digest = CHECKSUM.digest();
        digest.update(format!("{} {decode:?} {:?}", base.vision.pictures.settings(), base.dtype).as_bytes());
        for value in probe(&base)? {
            digest.update(&value.to_le_bytes());
        }
        assert_eq!(signature(&base)?, format!("{:016x}", digest.finalize()), "{family:?}");
    }
    Ok(())
}

#[test]
fn positions_outside_the_probe_change_the_cache_name() -> TestResult {
    let folder = random_model::folder(Family::Qwen3Vl);
    // Beyond the corners of the probe's grid of 4 x 4.
    set(folder.path(), "num_position_embeddings", json!(49))?;
    let path = folder.path().join("model.safetensors");
    let mut weights = candle_core::safetensors::load(&path, &candle_core::Device::Cpu)?;
    let positions = |row: usize, value: f32| -> TestResult<candle_core::Tensor> {
        let mut values: Vec<f32> = (0..49 * 32).map(|i| (i as f32).sin()).collect();
        values[row * 32] = value;
        Ok(candle_core::Tensor::from_vec(
            values,
            (49, 32),
            &candle_core::Device::Cpu,
        )?)
    };
    let mut seen = Vec::new();
    for value in [0.25, 0.5] {
        // Row 1, column 1: the probe's places on an axis are 0, 2, 4 and 6.
        weights.insert("visual.pos_embed.weight".to_owned(), positions(8, value)?);
        candle_core::safetensors::save(&weights, &path)?;
        let base = base(folder.path())?;
        seen.push((probe(&base)?, signature(&base)?));
    }
    assert_eq!(seen[0].0, seen[1].0);
    assert_ne!(seen[0].1, seen[1].1);
    Ok(())
}

/// Settings that the probe's features already reveal need not be in the name.
#[test]
fn the_probe_distinguishes_the_blocks() -> TestResult {
    let folder = random_model::folder(Family::Qwen3Vl);
    let old = signature(&base(folder.path())?)?;
    set(folder.path(), "deepstack_visual_indexes", json!([0, 2]))?;
    let other = signature(&base(folder.path())?)?;
    set(folder.path(), "deepstack_visual_indexes", json!([1, 0]))?;
    let turned = signature(&base(folder.path())?)?;
    assert!(old != other && old != turned && other != turned);

    let folder = random_model::folder(Family::LlavaNext);
    let old = signature(&base(folder.path())?)?;
    let path = folder.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path)?)?;
    config["vision_feature_layer"] = json!(0);
    fs::write(&path, config.to_string())?;
    assert_ne!(signature(&base(folder.path())?)?, old);
    Ok(())
}
