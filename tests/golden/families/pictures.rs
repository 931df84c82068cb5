//! Pictures as grids of patches; tiles are tested beside their code.

use candle_core::{Device, Tensor};
use masp::data::image_file::{DecodeOptions, decode};
use masp::vlm::vision::Picture;

use super::{all, whole};
use crate::golden::reference::assert_close;

#[test]
fn pictures_become_the_families_patches() {
    for family in all() {
        let images = family.cases("images").as_object().unwrap();
        let tensors = family.tensors("processor.safetensors");
        for (name, facts) in images {
            let file = family.folder.join(facts["file"].as_str().unwrap());
            let picture = decode(&file, DecodeOptions::default()).unwrap();
            let prepared = family.model.vision.pictures.prepare(&picture).unwrap();
            let Picture::Grid(patches) = prepared else { continue };
            let grid = [patches.grid.t, patches.grid.h, patches.grid.w];
            assert_eq!(whole(tensors.get(&format!("{name}.grid_thw"))), grid, "{name}");
            let rows = tensors.get(&format!("{name}.pixel_values_rows"));
            let sample = tensors.get(&format!("{name}.pixel_values_sample"));
            let width = sample.dim(1).unwrap();
            let values: Vec<f32> = whole(rows)
                .into_iter()
                .flat_map(|row| patches.values[row * width..][..width].to_vec())
                .collect();
            let values = Tensor::from_vec(values, sample.shape(), &Device::Cpu).unwrap();
            assert_close(&format!("{} {name}", family.name), &values, sample, 1e-6);
            let sum: f64 = patches.values.iter().map(|value| f64::from(value.abs())).sum();
            let want = facts["pixel_values_abs_sum"].as_f64().unwrap();
            assert!((sum - want).abs() <= 1e-6 * want, "{name}: {sum} {want}");
        }
    }
}
