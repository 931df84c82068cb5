//! Answers token by token, for a batch of open sequences.

use candle_core::{D, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling};

use super::error::EngineError;
use crate::aspects::{Batch, Sequence, Visuals};
use crate::config::TestSettings;
use crate::vlm::base::BaseModel;
use crate::vlm::qwen2_vl::{Positions, Vocabulary, Wanted};

/// How an answer is drawn.
#[derive(Debug, Clone)]
pub struct Decoding {
    pub max_new_tokens: usize,
    sampling: Sampling,
    seed: u64,
}

impl Decoding {
    /// The most likely token each time.
    #[must_use]
    pub const fn greedy(max_new_tokens: usize) -> Self {
        Self {
            max_new_tokens,
            sampling: Sampling::ArgMax,
            seed: 0,
        }
    }

    /// As `test:` says.
    #[must_use]
    pub fn new(test: &TestSettings, seed: u64) -> Self {
        let sampling = if test.do_sample {
            Sampling::TopP {
                p: test.top_p,
                temperature: test.temperature,
            }
        } else {
            Sampling::ArgMax
        };
        Self {
            max_new_tokens: test.max_new_tokens,
            sampling,
            seed,
        }
    }
}

/// The tokens that follow each of `sequences` (ends left out), whose `Visual` and `Prompt` rows are constants.
///
/// # Errors
/// Where the device fails.
pub fn generate(
    base: &BaseModel,
    sequences: &[Sequence],
    visuals: &[Tensor],
    prompt: Option<&Tensor>,
    vocabulary: Vocabulary,
    decoding: &Decoding,
) -> Result<Vec<Vec<u32>>, EngineError> {
    let language = &base.qwen.language;
    let batch = Batch::splice(language, sequences, &Visuals::Constant(visuals), prompt)?;
    let mut mask = batch.mask.clone();
    let mut cache = batch.cache(language, decoding.max_new_tokens)?;
    let last = |sequence: &Sequence| vec![sequence.rows.len() - 1 - batch.prefix_tokens()];
    let lasts = Wanted::new(sequences.iter().map(last).collect());
    let x = batch.embeddings.detach();
    let mut last = language
        .forward_cached(&x, &batch.positions, &mask, Some(&lasts), &mut cache)?
        .squeeze(1)?;
    let mut choosers: Vec<LogitsProcessor> = (0..sequences.len())
        .map(|i| LogitsProcessor::from_sampling(decoding.seed.wrapping_add(i as u64), decoding.sampling.clone()))
        .collect();
    let mut answers = vec![Vec::new(); sequences.len()];
    let mut open = vec![true; sequences.len()];
    for step in 0..decoding.max_new_tokens {
        let chosen = choose(&language.logits(&last, vocabulary)?, &decoding.sampling, &mut choosers)?;
        for ((answer, open), token) in answers.iter_mut().zip(&mut open).zip(&chosen) {
            *open &= !base.ends.contains(token);
            if *open {
                answer.push(*token);
            }
        }
        if step + 1 == decoding.max_new_tokens || !open.contains(&true) {
            break;
        }
        mask.push_shared();
        let positions = sequences
            .iter()
            .map(|s| vec![[s.next_position() + step as u32; 3]])
            .collect();
        let x = embed(base, &chosen, prompt)?.unsqueeze(1)?;
        last = language
            .forward_cached(&x, &Positions(positions), &mask, None, &mut cache)?
            .squeeze(1)?;
    }
    Ok(answers)
}

fn choose(logits: &Tensor, sampling: &Sampling, choosers: &mut [LogitsProcessor]) -> Result<Vec<u32>, EngineError> {
    if *sampling == Sampling::ArgMax {
        return Ok(logits.argmax(D::Minus1)?.to_vec1()?);
    }
    let rows = choosers.iter_mut().enumerate();
    rows.map(|(i, chooser)| Ok(chooser.sample(&logits.get(i)?)?)).collect()
}

/// A generated id may be one of the soft prompt's.
fn embed(base: &BaseModel, ids: &[u32], prompt: Option<&Tensor>) -> candle_core::Result<Tensor> {
    let first = base.tokenizer.vocab_len() as u32;
    let rows = ids.iter().map(|&id| match prompt {
        Some(prompt) if id >= first && ((id - first) as usize) < prompt.dim(0)? => {
            prompt.get((id - first) as usize)?.to_dtype(base.dtype)
        }
        _ => base.qwen.language.embed(&[id])?.squeeze(0),
    });
    Tensor::stack(&rows.collect::<candle_core::Result<Vec<_>>>()?, 0)
}
