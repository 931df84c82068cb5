use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use safetensors::SafeTensors;
use serde_json::Value;

use super::*;
use crate::data::image_file::{DecodeOptions, decode};
use crate::vlm::config_file::ConfigFile;
use crate::vlm::llava_next::config::parse;

fn golden() -> Option<PathBuf> {
    let root = std::env::var_os("MASP_REFERENCE");
    if root.is_none() {
        eprintln!("skipped: MASP_REFERENCE is not set");
    }
    root.map(|root| PathBuf::from(root).join("golden_families/llava_next_mistral"))
}

fn processor(folder: &Path) -> TileProcessor {
    let config = parse(ConfigFile::read(folder).unwrap().keys()).unwrap().vision;
    TileProcessor::of_folder(folder, &config, PixelLimits::default())
        .unwrap()
        .0
}

/// A processor with tiles of `tile` pixels, patches of `patch` pixels, and these sizes of the larger picture.
fn made(tile: usize, patch: usize, pinpoints: Vec<[usize; 2]>) -> TileProcessor {
    let normalisation = Normalisation {
        mean: [0.0; 3],
        std: [1.0; 3],
        rescale_factor: 1.0,
    };
    TileProcessor {
        tile,
        patch,
        pinpoints,
        normalisation,
        table: normalisation.table(),
    }
}

fn pair(value: &Value) -> (usize, usize) {
    let [a, b] = serde_json::from_value(value.clone()).unwrap();
    (a, b)
}

#[test]
fn sizes_are_those_of_transformers() {
    let Some(golden) = golden() else { return };
    let manifest: Value = serde_json::from_slice(&fs::read(golden.join("manifest.json")).unwrap()).unwrap();
    let table = &manifest["cases"]["anyres_real_sizes"];
    let pinpoints = pinpoints(Some(&table["pinpoints"])).unwrap().unwrap();
    let processor = made(336, 14, pinpoints);
    let rows = table["table"].as_array().unwrap();
    assert!(rows.len() > 5);
    for row in rows {
        let size = (row["h"].as_u64().unwrap() as usize, row["w"].as_u64().unwrap() as usize);
        let best = best_size(size, &processor.pinpoints).unwrap();
        assert_eq!(best, pair(&row["best"]), "{row}");
        let [rows, columns] = processor.shown(size, best);
        assert_eq!(
            [rows, columns],
            [pair(&row["rows_kept"]), pair(&row["columns_kept"])],
            "{row}"
        );
        assert_eq!(
            576 + rows.1 * (columns.1 + 1),
            row["tokens"].as_u64().unwrap() as usize,
            "{row}"
        );
    }
}

#[test]
fn pictures_become_the_tiles_of_transformers() {
    let Some(golden) = golden() else { return };
    let manifest: Value = serde_json::from_slice(&fs::read(golden.join("manifest.json")).unwrap()).unwrap();
    let file = fs::read(golden.join("processor.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let processor = processor(&golden.join("model"));
    let (tile, patch) = (processor.tile, processor.patch);
    for (name, facts) in manifest["cases"]["images"].as_object().unwrap() {
        let picture = decode(&golden.join(facts["file"].as_str().unwrap()), DecodeOptions::default()).unwrap();
        let tiles = processor.tiles(&picture).unwrap();
        assert_eq!(tiles.count() as u64, facts["tiles"].as_u64().unwrap(), "{name}");
        assert_eq!(
            tiles.shown,
            [pair(&facts["rows_kept"]), pair(&facts["columns_kept"])],
            "{name}"
        );
        let sums = [
            (
                "pixel_values_sum",
                tiles.values.iter().map(|&v| f64::from(v)).sum::<f64>(),
            ),
            (
                "pixel_values_abs_sum",
                tiles.values.iter().map(|v| f64::from(v.abs())).sum(),
            ),
        ];
        let scale = facts["pixel_values_abs_sum"].as_f64().unwrap();
        for (key, sum) in sums {
            assert!(
                (sum - facts[key].as_f64().unwrap()).abs() <= 1e-6 * scale,
                "{name} {key}"
            );
        }
        let (Ok(at), Ok(samples)) = (
            tensors.tensor(&format!("{name}.pixel_values_at")),
            tensors.tensor(&format!("{name}.pixel_values_sample")),
        ) else {
            continue;
        };
        let (at, _) = at.data().as_chunks::<8>();
        let (samples, _) = samples.data().as_chunks::<4>();
        let (places, _) = at.as_chunks::<4>();
        assert_eq!(places.len(), samples.len());
        for (place, sample) in places.iter().zip(samples) {
            let [of_tile, channel, row, column] = place.map(|bytes| i64::from_le_bytes(bytes) as usize);
            let side = tile / patch;
            let of_patch = of_tile * side * side + row / patch * side + column / patch;
            let index = ((of_patch * 3 + channel) * patch + row % patch) * patch + column % patch;
            let (got, want) = (tiles.values[index], f32::from_le_bytes(*sample));
            assert!((got - want).abs() < 1e-6, "{name} {place:?}: {got} {want}");
        }
    }
}

#[test]
fn the_larger_picture_has_black_borders_that_are_not_shown() {
    let processor = made(4, 2, vec![[4, 8], [8, 8]]);
    // Half as high as wide: it fills the first size.
    let picture = RgbImage::from_pixel(80, 40, Rgb([9, 9, 9]));
    let tiles = processor.tiles(&picture).unwrap();
    assert_eq!((tiles.larger, tiles.shown, tiles.side), ((1, 2), [(0, 2), (0, 4)], 2));
    assert!(tiles.values.iter().all(|&value| value == 9.0));
    // A square: the second size shows more of it.
    let tiles = processor.tiles(&RgbImage::from_pixel(8, 8, Rgb([9, 9, 9]))).unwrap();
    assert_eq!((tiles.larger, tiles.count()), ((2, 2), 5));
    // Four times as wide as high: half of the height is border.
    let tiles = processor.tiles(&RgbImage::from_pixel(64, 16, Rgb([9, 9, 9]))).unwrap();
    assert_eq!((tiles.larger, tiles.shown), ((1, 2), [(0, 2), (0, 4)]));
}

/// The limit in the message equals the longest picture that is accepted.
#[test]
fn the_error_of_an_elongated_picture_names_the_allowed_ratio() {
    let flat = made(4, 2, vec![[4, 8], [8, 8]]);
    let real = made(
        336,
        14,
        vec![[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]],
    );
    // One patch per tile: the middle row of three always shows part of the picture.
    let odd = made(2, 2, vec![[6, 6]]);
    for (processor, (width, height), most) in [
        (&flat, (10, 2), 4),
        (&real, (49, 1), 48),
        (&real, (1, 49), 24),
        (&real, (1000, 10), 72),
        (&real, (10, 1000), 72),
        (&odd, (1025, 1), 1024),
    ] {
        let error = processor.tiles(&RgbImage::new(width, height)).unwrap_err();
        assert!(
            matches!(error, PictureError::AspectRatio { width: w, height: h, most: said }
                if (w, h, said) == (width, height, most)),
            "{error}"
        );
        let shorter = |side: u32, other: u32| if side > other { other * most } else { side };
        let shorter = RgbImage::new(shorter(width, height), shorter(height, width));
        assert!(processor.tiles(&shorter).is_ok(), "{most}");
    }
}

#[test]
fn a_blanked_token_is_blank_in_both_pictures() {
    let processor = made(4, 2, vec![[8, 8]]);
    let mut picture = processor.prepare(&RgbImage::from_pixel(8, 8, Rgb([9, 9, 9]))).unwrap();
    processor.blank(&mut picture, &[3]);
    let Picture::Tiles(tiles) = picture else {
        panic!("no tiles")
    };
    let patches: Vec<bool> = tiles
        .values
        .chunks(12)
        .map(|patch| patch.iter().all(|&value| value == 0.0))
        .collect();
    // The last patch of the own tile, and all of the last tile.
    let blank: Vec<usize> = (0..patches.len()).filter(|&patch| patches[patch]).collect();
    assert_eq!(blank, [3, 16, 17, 18, 19]);
}

#[test]
fn settings_of_another_tower_and_limits_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = parse(
        serde_json::json!({"text_config": {"model_type": "mistral"}})
            .as_object()
            .unwrap(),
    );
    let config = config.unwrap().vision;
    let open = |limits| TileProcessor::of_folder(folder.path(), &config, limits).map(|(_, is_there)| is_there);
    assert!(!open(PixelLimits::default()).unwrap());
    let limited = open(PixelLimits {
        min: None,
        max: Some(5),
    })
    .unwrap_err();
    assert!(limited.to_string().contains("max_pixels"), "{limited}");
    for (text, said) in [
        (r#"{"crop_size": {"height": 224, "width": 224}}"#, "224 pixels"),
        (r#"{"image_grid_pinpoints": [[336, 336]]}"#, "image_grid_pinpoints"),
        (r#"{"image_std": [0, 1, 1]}"#, "image_std"),
        (r#"{"image_mean": [0, 1e300, 0]}"#, "image_mean"),
        (r#"{"rescale_factor": 0}"#, "rescale_factor"),
        (r#"{"image_mean": "grey"}"#, "preprocessor_config.json"),
    ] {
        fs::write(folder.path().join("preprocessor_config.json"), text).unwrap();
        let error = open(PixelLimits::default()).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn steps_that_are_switched_off_leave_the_bytes_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let config = parse(
        serde_json::json!({"text_config": {"model_type": "mistral"}})
            .as_object()
            .unwrap(),
    );
    let text = r#"{"do_rescale": false, "do_normalize": false, "rescale_factor": 0.5}"#;
    fs::write(folder.path().join("preprocessor_config.json"), text).unwrap();
    let limits = PixelLimits::default();
    let (processor, _) = TileProcessor::of_folder(folder.path(), &config.unwrap().vision, limits).unwrap();
    let tiles = processor
        .tiles(&RgbImage::from_pixel(336, 336, Rgb([9, 9, 9])))
        .unwrap();
    assert!(tiles.values[..3 * 336 * 336].iter().all(|&value| value == 9.0));
}
