//! The vision tower against the reference.

use masp::nn::Interrupt;
use masp::vlm::tower::vision_angles;

use super::reference::{Tensors, assert_close, tiny_a};

#[test]
fn every_part_of_the_tower_agrees() {
    let (Some(model), Some(want), Some(images)) = (
        tiny_a(),
        Tensors::read("vision.safetensors"),
        Tensors::read("processor.safetensors"),
    ) else {
        return;
    };
    for image in ["sq_224x224", "small_57x91", "tall_120x333"] {
        let grid = want
            .get(&format!("{image}.grid_thw"))
            .flatten_all()
            .unwrap()
            .to_vec1::<i64>()
            .unwrap();
        let grid = (grid[0] as usize, grid[1] as usize, grid[2] as usize);
        let name = |part: &str| format!("{image}.{part}");
        let angles = vision_angles(grid, 2, model.config.sizes.width / model.config.sizes.num_heads);
        let freqs = want.get(&name("rotary_freqs"));
        let angles = candle_core::Tensor::from_vec(angles, freqs.shape(), freqs.device()).unwrap();
        assert_close(&name("rotary_freqs"), &angles, freqs, 1e-6);
        let pixels = images.get(&name("pixel_values")).unsqueeze(0).unwrap();
        let mut parts = Vec::new();
        let (merged, _) = model
            .vision
            .forward(
                &pixels,
                grid,
                &Interrupt::default(),
                Some(&mut |part| parts.push(part.clone())),
            )
            .unwrap();
        for (state, part) in parts.iter().zip(["patch_embed", "block0", "block1"]) {
            assert_close(&name(part), state, want.get(&name(part)), 1e-4);
        }
        assert_close(&name("merger"), &merged, want.get(&name("merger")), 1e-4);
    }
}
