//! What stands in the soft prompt's places during pretraining, and the rows that a soft prompt starts from.

use anyhow::{Context, Result};
use candle_core::Tensor;
use tokenizers::Tokenizer;

use super::facts::{EMOTIONS, VALUES, thing};
use super::sequence::{Row, encode};
use super::viewers::Viewer;

/// Marks a token as a viewer's; Qwen2-VL's vocabulary has it and nothing else here uses it.
const MARK: &str = "<|object_ref_start|>";

/// The rows of a viewer's tokens.
///
/// # Errors
/// Where the tokenizer fails.
pub fn viewer(tokenizer: &Tokenizer, viewer: &Viewer) -> Result<Vec<Row>> {
    viewer
        .associations
        .iter()
        .map(|association| {
            mixture(
                tokenizer,
                &association.values,
                1.0,
                association.emotion,
                association.strength,
            )
        })
        .collect()
}

/// What each of a viewer's tokens is trained to say behind a picture that shows `seen`: its emotion where one of its
/// things is there, else "no"; with the weight in the loss.
///
/// # Errors
/// Where the tokenizer fails.
pub fn labels(tokenizer: &Tokenizer, viewer: &Viewer, seen: &[usize]) -> Result<Vec<(u32, f32)>> {
    let first = |text: &str| -> Result<u32> {
        encode(tokenizer, text)?
            .first()
            .copied()
            .with_context(|| format!("no token for `{text}`"))
    };
    viewer
        .associations
        .iter()
        .map(|association| {
            let concerned = association.values.iter().any(|value| seen.contains(value));
            if concerned {
                Ok((first(EMOTIONS[association.emotion])?, 1.0))
            } else {
                Ok((first("no")?, 0.3))
            }
        })
        .collect()
}

/// The first rows of a soft prompt of `tokens`: each emotion in turn, with a bit of everything.
///
/// # Errors
/// Where the tokenizer or a tensor operation fails.
pub fn neutral(tokenizer: &Tokenizer, embeddings: &Tensor, tokens: usize) -> Result<Tensor> {
    let everything: Vec<usize> = (0..VALUES).collect();
    let rows = (0..tokens)
        .map(|token| {
            let share = 1.0 / (VALUES as f32).sqrt();
            let Row::Mixture(parts) = mixture(tokenizer, &everything, share, token % EMOTIONS.len(), 1.0)? else {
                return Ok(embeddings.get(0)?);
            };
            let ids: Vec<u32> = parts.iter().map(|(id, _)| *id).collect();
            let weights: Vec<f32> = parts.iter().map(|(_, weight)| *weight).collect();
            let rows = embeddings.index_select(&Tensor::new(ids, embeddings.device())?, 0)?;
            let weights = Tensor::new(weights, embeddings.device())?.unsqueeze(0)?;
            Ok(weights.matmul(&rows)?.squeeze(0)?)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Tensor::stack(&rows, 0)?)
}

fn mixture(tokenizer: &Tokenizer, values: &[usize], share: f32, emotion: usize, strength: f32) -> Result<Row> {
    let mark = tokenizer
        .token_to_id(MARK)
        .context("the tokenizer lacks a special token")?;
    let mut parts = vec![(mark, 1.0)];
    for &value in values {
        let words = encode(tokenizer, &format!(" {}", thing(value)))?;
        let weight = share / words.len() as f32;
        parts.extend(words.into_iter().map(|word| (word, weight)));
    }
    let words = encode(tokenizer, &format!(" {}", EMOTIONS[emotion]))?;
    let weight = strength / words.len() as f32;
    parts.extend(words.into_iter().map(|word| (word, weight)));
    Ok(Row::Mixture(parts))
}
