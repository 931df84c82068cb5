//! Plain passes of each language model: with the family's true positions, with those of the paper, and greedy decoding.

use candle_core::{D, Device, Tensor};
use masp::nn::Mask;
use masp::vlm::decoder::{DeepRows, Positions, Vocabulary};

use super::{Family, all, numbered, whole};
use crate::golden::reference::{Tensors, assert_close};

/// Three axes of `[3, 1, tokens]`, or one of `[1, tokens]` for all.
fn positions(tensors: &Tensors) -> Positions {
    let ids = tensors.get("position_ids");
    let tokens = ids.dim(D::Minus1).unwrap();
    let flat = whole(ids);
    let axis = |axis: usize, token: usize| flat[(axis * tokens + token) % flat.len()] as u32;
    Positions(vec![
        (0..tokens).map(|token| [0, 1, 2].map(|a| axis(a, token))).collect(),
    ])
}

/// The features of deeper levels for the case's image, and the places of its vision tokens.
fn deep(family: &Family, tensors: &Tensors) -> Option<DeepRows> {
    let levels = numbered(tensors, "deepstack");
    let rows = levels.first()?.dim(0).unwrap();
    let first = family.cases("vanilla")["vision_run"][0].as_u64().unwrap() as u32;
    let index: Vec<u32> = (first..).take(rows).collect();
    Some(DeepRows {
        index: Tensor::new(index, &Device::Cpu).unwrap(),
        levels,
    })
}

#[test]
fn hidden_states_and_logits_agree_with_both_kinds_of_positions() {
    for family in all() {
        let vanilla = family.tensors("vanilla.safetensors");
        let of_image = deep(&family, &vanilla);
        for file in ["vanilla.safetensors", "llm.safetensors"] {
            if !family.folder.join(file).is_file() {
                continue;
            }
            let tensors = family.tensors(file);
            let x = tensors.get("inputs_embeds");
            let mask = Mask::full(1, x.dim(1).unwrap(), true);
            let states = family
                .model
                .decoder
                .states(x, &positions(&tensors), &mask, of_image.as_ref())
                .unwrap();
            let wanted = numbered(&tensors, "hidden");
            assert_eq!(states.len(), wanted.len(), "{} {file}", family.name);
            for (i, (state, want)) in states.iter().zip(&wanted).enumerate() {
                assert_close(&format!("{} {file}: hidden{i}", family.name), state, want, 1e-5);
            }
            let want = tensors.get("logits");
            let last = states[states.len() - 1].squeeze(0).unwrap();
            let count = want.dim(1).unwrap();
            let last = last.narrow(0, last.dim(0).unwrap() - count, count).unwrap();
            let logits = family.model.decoder.logits(&last, Vocabulary::Full).unwrap();
            assert_close(&format!("{} {file}: logits", family.name), &logits, want, 1e-5);
        }
    }
}

#[test]
fn greedy_tokens_agree() {
    for family in all() {
        let tensors = family.tensors("vanilla.safetensors");
        let decoder = &family.model.decoder;
        let wanted = whole(tensors.get("greedy"));
        let mut x = tensors.get("inputs_embeds").clone();
        let mut mask = Mask::full(1, x.dim(1).unwrap(), true);
        let mut positions = positions(&tensors);
        let mut next = positions.0[0].iter().flatten().max().unwrap() + 1;
        let mut cache = decoder.cache(mask.keys() + wanted.len());
        let mut deep = deep(&family, &tensors);
        let mut tokens = Vec::new();
        for _ in &wanted {
            let around = (None, deep.as_ref());
            let hidden = decoder
                .forward_cached(&x, &positions, &mask, around, &mut cache)
                .unwrap();
            let last = hidden
                .narrow(1, hidden.dim(1).unwrap() - 1, 1)
                .unwrap()
                .squeeze(1)
                .unwrap();
            let logits = decoder.logits(&last, Vocabulary::Full).unwrap();
            let token = logits.argmax(1).unwrap().to_vec1::<u32>().unwrap();
            x = decoder.embed(&token).unwrap().unsqueeze(1).unwrap();
            tokens.push(token[0] as usize);
            mask.push_shared();
            positions = Positions(vec![vec![[next; 3]]]);
            (next, deep) = (next + 1, None);
        }
        assert_eq!(tokens, wanted, "{}", family.name);
    }
}
