//! The language model against the reference.

use candle_core::Tensor;
use masp::nn::{Interrupt, Mask};
use masp::vlm::decoder::{ForwardOptions, Positions, Vocabulary};

use super::reference::{Tensors, TinyA, assert_close, tiny_a};

fn mask(attention_mask: &Tensor) -> Mask {
    let rows = attention_mask.to_vec2::<i64>().unwrap();
    let segment = |&seen: &i64| {
        if seen == 1 { Mask::SHARED } else { Mask::PADDING }
    };
    Mask::new(true, rows.iter().map(|row| row.iter().map(segment).collect()).collect())
}

/// The rows of `x` `[batch, tokens, ..]` that are not padding.
fn seen(x: &Tensor, mask: &Mask) -> Tensor {
    let flat = x.flatten(0, 1).unwrap();
    let rows = mask
        .segments()
        .iter()
        .flatten()
        .enumerate()
        .filter(|(_, s)| **s != Mask::PADDING);
    let rows: Vec<u32> = rows.map(|(i, _)| i as u32).collect();
    flat.index_select(&Tensor::new(rows, x.device()).unwrap(), 0).unwrap()
}

#[test]
fn hidden_states_and_logits_agree_with_any_padding() {
    let (Some(model), Some(want)) = (tiny_a(), Tensors::read("llm.safetensors")) else {
        return;
    };
    for case in ["full", "left_pad", "right_pad"] {
        let name = |part: &str| format!("{case}.{part}");
        let mask = mask(want.get(&name("attention_mask")));
        let positions = Positions::sequential(&mask);
        let states = model
            .language
            .states(want.get(&name("inputs_embeds")), &positions, &mask, None)
            .unwrap();
        for (i, state) in states.iter().enumerate() {
            let part = format!("hidden{i}");
            assert_close(
                &name(&part),
                &seen(state, &mask),
                &seen(want.get(&name(&part)), &mask),
                1e-4,
            );
        }
        let logits = model
            .language
            .logits(&seen(&states[3], &mask), Vocabulary::Full)
            .unwrap();
        assert_close(&name("logits"), &logits, &seen(want.get(&name("logits")), &mask), 1e-4);
    }
}

/// Greedy tokens `[batch][steps]` after the embeddings `x`, without end tokens.
fn greedy(model: &TinyA, x: &Tensor, mask: &Mask, steps: usize) -> Vec<Vec<u32>> {
    let mut mask = mask.clone();
    let mut cache = model.language.cache(mask.keys() + steps);
    let mut positions = Positions::sequential(&mask);
    let mut x = x.clone();
    let mut out = vec![Vec::new(); mask.segments().len()];
    for _ in 0..steps {
        let hidden = model
            .language
            .forward_cached(&x, &positions, &mask, (None, None), &mut cache)
            .unwrap();
        let last = hidden
            .narrow(1, hidden.dim(1).unwrap() - 1, 1)
            .unwrap()
            .squeeze(1)
            .unwrap();
        let logits = model.language.logits(&last, Vocabulary::Full).unwrap();
        let tokens = logits.argmax(1).unwrap().to_vec1::<u32>().unwrap();
        x = model.language.embed(&tokens).unwrap().unsqueeze(1).unwrap();
        out.iter_mut().zip(&tokens).for_each(|(out, &token)| out.push(token));
        mask.push_shared();
        positions = Positions::sequential(&mask).last(1);
    }
    out
}

#[test]
fn greedy_tokens_agree() {
    let (Some(model), Some(want)) = (tiny_a(), Tensors::read("llm.safetensors")) else {
        return;
    };
    let x = want.get("greedy.inputs_embeds");
    let full = Mask::full(1, x.dim(1).unwrap(), true);
    let tokens = |name: &str| -> Vec<Vec<u32>> {
        let rows = want.get(name).to_vec2::<i64>().unwrap();
        rows.into_iter()
            .map(|row| row.into_iter().map(|t| t as u32).collect())
            .collect()
    };
    assert_eq!(greedy(&model, x, &full, 16), tokens("greedy.tokens"));
    let batch = mask(want.get("greedy_batch.attention_mask"));
    assert_eq!(
        greedy(&model, want.get("greedy_batch.inputs_embeds"), &batch, 8),
        tokens("greedy_batch.tokens")
    );
}

/// A plain pass with the true three-axis positions.
#[test]
fn multimodal_positions_agree() {
    let (Some(model), Some(want)) = (tiny_a(), Tensors::read("vanilla.safetensors")) else {
        return;
    };
    let ids: Vec<u32> = want
        .get("input_ids")
        .flatten_all()
        .unwrap()
        .to_vec1::<i64>()
        .unwrap()
        .iter()
        .map(|&i| i as u32)
        .collect();
    let grid = want
        .get("image_grid_thw")
        .flatten_all()
        .unwrap()
        .to_vec1::<i64>()
        .unwrap();
    let pixels = want.get("pixel_values").unsqueeze(0).unwrap();
    let (image, _) = model
        .vision
        .forward(
            &pixels,
            (grid[0] as usize, grid[1] as usize, grid[2] as usize),
            &Interrupt::default(),
            None,
        )
        .unwrap();
    let image = image.squeeze(0).unwrap();
    let first = ids.iter().position(|&id| id == 2060).unwrap();
    let text = model.language.embed(&ids).unwrap();
    let after = first + image.dim(0).unwrap();
    let parts = [
        text.narrow(0, 0, first).unwrap(),
        image,
        text.narrow(0, after, ids.len() - after).unwrap(),
    ];
    let x = Tensor::cat(&parts, 0).unwrap().unsqueeze(0).unwrap();
    let axes = want.get("position_ids").squeeze(1).unwrap().to_vec2::<i64>().unwrap();
    let positions = Positions(vec![
        (0..ids.len()).map(|i| [0, 1, 2].map(|a| axes[a][i] as u32)).collect(),
    ]);
    let hidden = model
        .language
        .forward(
            &x,
            &positions,
            &Mask::full(1, ids.len(), true),
            ForwardOptions::default(),
            false,
        )
        .unwrap();
    let logits = model
        .language
        .logits(&hidden.squeeze(0).unwrap(), Vocabulary::Full)
        .unwrap();
    assert_close("vanilla logits", &logits, want.get("logits"), 1e-4);
}
