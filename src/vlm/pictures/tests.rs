use std::{fs, path::PathBuf};

use image::{Rgb, RgbImage};
use safetensors::SafeTensors;
use serde_json::Value;

use super::*;
use crate::data::image_file::{DecodeOptions, decode};
use crate::vlm::qwen2_vl::config::PICTURES;

fn processor() -> ImageProcessor {
    let none = tempfile::tempdir().unwrap();
    let config = ProcessorConfig::of_folder(none.path(), &PICTURES).unwrap().0;
    ImageProcessor::new(config, Sides::AtLeastOne).unwrap()
}

/// The folder of golden data; `None`, with a printed note, if it is missing.
fn golden() -> Option<PathBuf> {
    let folder = std::env::var_os("MASP_REFERENCE").map(|root| PathBuf::from(root).join("golden"));
    if folder.is_none() {
        eprintln!("skipped: MASP_REFERENCE is not set");
    }
    folder
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<usize> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_u64().unwrap() as usize)
        .collect()
}

fn picture(tensors: &SafeTensors, name: &str) -> Option<RgbImage> {
    let tensor = tensors.tensor(name).ok()?;
    let [height, width, 3] = tensor.shape() else {
        panic!("{name} is no picture")
    };
    RgbImage::from_raw(*width as u32, *height as u32, tensor.data().to_vec())
}

fn floats(tensors: &SafeTensors, name: &str) -> Option<Vec<f32>> {
    let bytes = tensors.tensor(name).ok()?.data().to_vec();
    Some(
        bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
            .collect(),
    )
}

fn relative_error(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let difference = squares(&mut ours.iter().zip(theirs).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    difference / squares(&mut theirs.iter().map(|value| f64::from(*value)))
}

#[test]
fn sizes_are_the_references() {
    let Some(golden) = golden() else { return };
    let cases = &json(golden.join("manifest.json"))["cases"];
    let config = processor().config;
    for row in cases["smart_resize"]["table"].as_array().unwrap() {
        let side = |key: &str| row[key].as_u64().unwrap() as u32;
        let (width, height) = smart_resize(side("w"), side("h"), &config, Sides::AtLeastOne).unwrap();
        assert_eq!(numbers(&row["pipeline"]), [height as usize, width as usize], "{row}");
    }
    for row in cases["resize_with_aspect_ratio"]["table"].as_array().unwrap() {
        let side = |key: &str| row[key].as_u64().unwrap() as u32;
        let (width, height) = limited_size(side("w"), side("h"));
        assert_eq!(numbers(&row["new_wh"]), [width as usize, height as usize], "{row}");
    }
}

/// The other families' own processors, without the reference's helper in front of them.
#[test]
fn sizes_of_the_further_families_are_those_of_transformers() {
    let Some(golden) = golden() else { return };
    for family in ["qwen2_5_vl", "qwen3_vl"] {
        let folder = golden.with_file_name("golden_families").join(family);
        let facts = &json(folder.join("manifest.json"))["cases"]["smart_resize"];
        let number = |key: &str| facts[key].as_u64().unwrap() as usize;
        let config = ProcessorConfig {
            patch_size: number("factor") / 2,
            min_pixels: number("min_pixels"),
            max_pixels: number("max_pixels"),
            ..processor().config
        };
        let table = facts["table"].as_array().unwrap();
        assert!(table.len() > 10);
        for row in table {
            let side = |key: &str| row[key].as_u64().unwrap() as u32;
            let (width, height) = smart_resize(side("w"), side("h"), &config, Sides::Nearest).unwrap();
            assert_eq!(
                numbers(&row["size"]),
                [height as usize, width as usize],
                "{family} {row}"
            );
        }
    }
}

#[test]
fn pictures_become_the_references_patches() {
    let Some(golden) = golden() else { return };
    let file = fs::read(golden.join("processor.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let config = ProcessorConfig::of_folder(&golden.join("tiny_a"), &PICTURES).unwrap().0;
    let processor = ImageProcessor::new(config, Sides::AtLeastOne).unwrap();
    let images = &json(golden.join("manifest.json"))["cases"]["images"];
    assert_eq!(images.as_object().unwrap().len(), 11);
    for (name, facts) in images.as_object().unwrap() {
        let file = golden.join(facts["file"].as_str().unwrap());
        let decoded = decode(&file, DecodeOptions::default()).unwrap();
        let reference = picture(&tensors, &format!("{name}.rgb_u8")).unwrap();
        assert!(decoded == reference, "{name}: decoded");

        if let Some(limited) = picture(&tensors, &format!("{name}.limited_u8")) {
            assert!(
                resize(&reference, limited.width(), limited.height(), Filter::Lanczos) == limited,
                "{name}"
            );
        }
        let resized = picture(&tensors, &format!("{name}.resized_u8")).unwrap();
        assert!(processor.resized(&reference).unwrap() == resized, "{name}");

        let patches = processor.process(&reference).unwrap();
        let grid = numbers(&facts["grid_thw"]);
        assert_eq!([patches.grid.t, patches.grid.h, patches.grid.w], grid[..], "{name}");
        assert_eq!(
            (patches.grid.merged_h(2) * patches.grid.merged_w(2)) as u64,
            facts["n_image_pad"].as_u64().unwrap()
        );
        let (ours, theirs) = match floats(&tensors, &format!("{name}.pixel_values")) {
            Some(all) => (patches.values.clone(), all),
            None => {
                let rows = tensors.tensor(&format!("{name}.pixel_values_rows")).unwrap();
                let row = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().unwrap()) as usize * 1176;
                let ours = rows.data().chunks_exact(8).map(row);
                let ours = ours
                    .flat_map(|start| patches.values[start..start + 1176].to_vec())
                    .collect();
                (ours, floats(&tensors, &format!("{name}.pixel_values_sample")).unwrap())
            }
        };
        let error = relative_error(&ours, &theirs);
        assert!(error <= 1e-7, "{name}: {error:e}");
        for (key, sum) in [
            (
                "pixel_values_sum",
                patches.values.iter().map(|value| f64::from(*value)).sum::<f64>(),
            ),
            (
                "pixel_values_abs_sum",
                patches.values.iter().map(|value| f64::from(value.abs())).sum(),
            ),
        ] {
            let expected = facts[key].as_f64().unwrap();
            let scale = facts["pixel_values_abs_sum"].as_f64().unwrap();
            assert!((sum - expected).abs() <= 1e-6 * scale, "{name} {key}: {sum} {expected}");
        }
    }
}

#[test]
fn patches_are_ordered_by_block_then_channel() {
    let config = ProcessorConfig {
        patch_size: 2,
        min_pixels: 1,
        image_mean: [0.0; 3],
        image_std: [1.0; 3],
        rescale_factor: 1.0,
        ..processor().config
    };
    let processor = ImageProcessor::new(config, Sides::AtLeastOne).unwrap();
    let picture = RgbImage::from_fn(8, 4, |x, y| Rgb([(y * 8 + x) as u8, 100, 200]));
    let patches = processor.process(&picture).unwrap();
    assert_eq!(patches.grid, Grid { t: 1, h: 2, w: 4 });
    assert_eq!((patches.grid.merged_h(2), patches.grid.merged_w(2)), (1, 2));
    let row = |index: usize| &patches.values[index * 24..][..24];
    // Red in both frames, then green and blue.
    assert_eq!(row(0)[..8], [0.0, 1.0, 8.0, 9.0, 0.0, 1.0, 8.0, 9.0]);
    assert_eq!(
        (row(0)[8..16].iter().sum::<f32>(), row(0)[16..].iter().sum::<f32>()),
        (800.0, 1600.0)
    );
    // The first merged block's four patches, then the second's.
    let corners: Vec<f32> = (0..8).map(|index| row(index)[0]).collect();
    assert_eq!(corners, [0.0, 2.0, 16.0, 18.0, 4.0, 6.0, 20.0, 22.0]);
}

#[test]
fn a_picture_that_is_too_elongated_is_an_error() {
    let processor = processor();
    for (width, height) in [(2010, 10), (10, 2010), (5000, 1), (201, 1)] {
        let error = processor.process(&RgbImage::new(width, height)).unwrap_err();
        assert!(matches!(error, PictureError::AspectRatio { width: w, height: h, .. } if (w, h) == (width, height)));
    }
    assert!(processor.process(&RgbImage::new(200, 1)).is_ok());
}

#[test]
fn other_limits_change_only_the_grid() {
    let config = processor()
        .config
        .with_pixel_limits(Some(28 * 28), Some(112 * 112))
        .unwrap();
    let processor = ImageProcessor::new(config, Sides::AtLeastOne).unwrap();
    let grid = |width, height| processor.process(&RgbImage::new(width, height)).unwrap().grid;
    let small = grid(20, 20);
    let grid = grid(640, 480);
    assert!(
        grid.h * grid.w * 14 * 14 <= 112 * 112 && grid.h.is_multiple_of(2) && grid.w.is_multiple_of(2),
        "{grid:?}"
    );
    assert_eq!(small, Grid { t: 1, h: 2, w: 2 });
}
