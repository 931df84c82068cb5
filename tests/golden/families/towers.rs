//! Each tower, part by part.

use candle_core::{DType, Tensor};
use masp::data::image_file::{DecodeOptions, decode};
use masp::nn::Interrupt;
use masp::vlm::config_file::ConfigFile;
use masp::vlm::pictures::{Grid, Patches, Tiles};
use masp::vlm::vision::Picture;

use super::{Family, all, numbered, whole};
use crate::golden::reference::{Tensors, assert_close};

/// Small enough to find mistakes: the wrong form of GELU gives 2e-4 here.
const BOUND: f64 = 3e-5;

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor
        .flatten_all()
        .unwrap()
        .to_dtype(DType::F32)
        .unwrap()
        .to_vec1()
        .unwrap()
}

/// The picture of a case: its stored values, or the prepared file.
fn picture(family: &Family, tensors: &Tensors, case: &str) -> Picture {
    let Some(stored) = tensors.find(&format!("{case}.pixel_values")) else {
        let file = family
            .folder
            .join(family.cases("images")[case]["file"].as_str().unwrap());
        let picture = decode(&file, DecodeOptions::default()).unwrap();
        return family.model.vision.pictures.prepare(&picture).unwrap();
    };
    if let Some(grid) = tensors.find(&format!("{case}.grid_thw")) {
        let grid = whole(grid);
        return Picture::Grid(Patches {
            values: values(stored),
            grid: Grid {
                t: grid[0],
                h: grid[1],
                w: grid[2],
            },
        });
    }
    // `[1, tiles, 3, side, side]` of a picture with its size, to patches.
    let size = whole(tensors.get(&format!("{case}.image_sizes")));
    let shape = image::RgbImage::new(size[1] as u32, size[0] as u32);
    let Picture::Tiles(tiles) = family.model.vision.pictures.prepare(&shape).unwrap() else {
        panic!("{case} is no picture of tiles")
    };
    let (count, pixels) = (stored.dim(1).unwrap(), stored.dim(3).unwrap());
    let patch = pixels / tiles.side;
    let cut = [count, 3, tiles.side, patch, tiles.side, patch];
    let patches = stored.reshape(&cut[..]).unwrap().permute([0, 2, 4, 1, 3, 5]).unwrap();
    Picture::Tiles(Tiles {
        values: values(&patches),
        ..tiles
    })
}

/// Patches `[1, patches, width]` in merge order, reordered as in the file: merged token by merged token as `index` has
/// them.
fn in_order_of(x: &Tensor, index: &[usize]) -> Tensor {
    let patches = x.dim(1).unwrap() / index.len();
    let rows = index.iter().flat_map(|&token| token * patches..(token + 1) * patches);
    let rows: Vec<u32> = rows.map(|row| row as u32).collect();
    let rows = Tensor::new(rows, x.device()).unwrap();
    x.squeeze(0).unwrap().index_select(&rows, 0).unwrap()
}

#[test]
fn every_part_of_each_tower_agrees() {
    for family in all() {
        let tensors = family.tensors("vision.safetensors");
        for case in family.cases("vision")["cases"].as_array().unwrap() {
            let case = case.as_str().unwrap();
            let name = |part: &str| format!("{case}.{part}");
            let picture = picture(&family, &tensors, case);
            let frozen = masp::vlm::base::open_weights(
                &family.folder.join("model"),
                &ConfigFile::read(&family.folder.join("model")).unwrap(),
                (DType::F32, &candle_core::Device::Cpu),
                None,
                |_, _| (),
            );
            let mut parts = Vec::new();
            let tower = frozen.unwrap().tower;
            let features = tower
                .pass(&picture, &Interrupt::default(), &mut |part| parts.push(part.clone()))
                .unwrap();
            let firsts = ["embedded", "embeddings", "pre_layrnorm"];
            let firsts = firsts.iter().filter_map(|part| tensors.find(&name(part)).cloned());
            let mut wanted: Vec<Tensor> = firsts.collect();
            if wanted.is_empty() {
                // The golden tensor is not in the blocks' order.
                assert_close(
                    &name("patch_embed"),
                    &parts.remove(0),
                    tensors.get(&name("patch_embed")),
                    BOUND,
                );
            }
            wanted.extend(numbered(&tensors, &name("block")));
            let unused = usize::from(tensors.find(&name("packed")).is_some());
            assert_eq!(parts.len(), wanted.len() - unused, "{} {case}", family.name);
            for (i, (part, want)) in parts.iter().zip(&wanted).enumerate() {
                let what = format!("{} {case}, part {i}", family.name);
                match tensors.find(&name("window_index")) {
                    Some(index) => assert_close(&what, &in_order_of(part, &whole(index)), want, BOUND),
                    None => assert_close(&what, part, want, BOUND),
                }
            }
            let run = tensors
                .find(&name("packed"))
                .unwrap_or_else(|| tensors.get(&name("merger")));
            assert_close(&name("run"), &features.run, run, BOUND);
            let deep = numbered(&tensors, &name("deepstack"));
            assert_eq!(features.deep.len(), deep.len(), "{case}");
            for (got, want) in features.deep.iter().zip(&deep) {
                assert_close(&name("deepstack"), got, want, BOUND);
            }
        }
    }
}
