//! Answers token by token, for a batch of open sequences.

use candle_core::{D, DType, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling};

use super::error::EngineError;
use super::features::{CHECKSUM, Features};
use crate::aspects::{Batch, PromptRows, Sequence, VisualRows, Visuals};
use crate::config::TestSettings;
use crate::vlm::base::BaseModel;
use crate::vlm::decoder::{OutputPositions, Positions, Vocabulary};

/// How an answer is drawn.
#[derive(Debug, Clone)]
pub struct Decoding {
    pub max_new_tokens: usize,
    sampling: Sampling,
    seed: u64,
    /// With sampling, a random seed for each sequence.
    seeds: Vec<u64>,
}

/// Below this temperature the most likely token is taken: the other probabilities are 0 in f32.
const COLDEST: f64 = 1e-7;

impl Decoding {
    /// Greedy decoding.
    #[must_use]
    pub const fn greedy(max_new_tokens: usize) -> Self {
        Self {
            max_new_tokens,
            sampling: Sampling::ArgMax,
            seed: 0,
            seeds: Vec::new(),
        }
    }

    /// As `test:` says.
    #[must_use]
    pub fn new(test: &TestSettings, seed: u64) -> Self {
        let sampling = if test.do_sample && test.temperature >= COLDEST {
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
            seeds: Vec::new(),
        }
    }

    /// The same, seeded for these images: each answer is drawn from the run's seed and its own image alone, so that it is the
    /// same in a batch, in any order, and by itself.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn on(&self, images: &[Features]) -> Result<Self, EngineError> {
        let mut seeds = Vec::new();
        if self.sampling != Sampling::ArgMax {
            for image in images {
                let mut digest = CHECKSUM.digest();
                digest.update(&self.seed.to_le_bytes());
                for value in image.run.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()? {
                    digest.update(&value.to_le_bytes());
                }
                seeds.push(digest.finalize());
            }
        }
        Ok(Self { seeds, ..self.clone() })
    }
}

/// The tokens that follow each of `sequences` (ends left out), whose `Visual` and `Prompt` rows are constants.
///
/// # Errors
/// Where the device fails.
pub fn generate(
    base: &BaseModel,
    sequences: &[Sequence],
    visuals: &[VisualRows],
    prompt: Option<&PromptRows>,
    vocabulary: Vocabulary,
    decoding: &Decoding,
) -> Result<Vec<Vec<u32>>, EngineError> {
    let language = &base.decoder;
    let batch = Batch::splice(language, sequences, &Visuals::Constant(visuals), prompt)?;
    let mut mask = batch.mask.clone();
    let mut cache = batch.cache(language, decoding.max_new_tokens)?;
    let last = |sequence: &Sequence| vec![sequence.rows.len() - 1 - batch.prefix_tokens()];
    let lasts = OutputPositions::new(sequences.iter().map(last).collect());
    let x = batch.embeddings.detach();
    let mut last = language
        .forward_cached(
            &x,
            &batch.positions,
            &mask,
            (Some(&lasts), batch.deep.as_ref()),
            &mut cache,
        )?
        .squeeze(1)?;
    let mut choosers: Vec<LogitsProcessor> = (0..sequences.len())
        .map(|i| {
            let seed = decoding.seeds.get(i).copied().unwrap_or(decoding.seed);
            LogitsProcessor::from_sampling(seed, decoding.sampling.clone())
        })
        .collect();
    let mut answers = vec![Vec::new(); sequences.len()];
    let mut open = vec![true; sequences.len()];
    for step in 0..decoding.max_new_tokens {
        let chosen = choose(&language.logits(&last, vocabulary)?, &decoding.sampling, &mut choosers)?;
        for ((answer, open), token) in answers.iter_mut().zip(&mut open).zip(&chosen) {
            *open &= !base.text.ends.contains(token);
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
        let x = embed(base, &chosen, prompt.map(PromptRows::rows))?.unsqueeze(1)?;
        last = language
            .forward_cached(&x, &Positions(positions), &mask, (None, None), &mut cache)?
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

/// Embeddings `[ids, hidden]`. A generated id may be one of the soft prompt's.
fn embed(base: &BaseModel, ids: &[u32], prompt: Option<&Tensor>) -> candle_core::Result<Tensor> {
    let first = base.text.vocab_len() as u32;
    let prompt = match prompt {
        Some(prompt) if ids.iter().any(|&id| id >= first) => prompt,
        _ => return base.decoder.embed(ids),
    };
    let rows = ids.iter().map(|&id| match id.checked_sub(first) {
        Some(row) if (row as usize) < prompt.dim(0)? => prompt.get(row as usize)?.to_dtype(base.dtype),
        _ => base.decoder.embed(&[id])?.squeeze(0),
    });
    Tensor::stack(&rows.collect::<candle_core::Result<Vec<_>>>()?, 0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Settings;
    use crate::engine::evaluator::{Clock, judge};
    use crate::engine::features::FeatureStore;
    use crate::engine::learner::Learner;
    use crate::engine::opening::questions;
    use crate::engine::{DeviceChoice, device, model};

    #[test]
    fn a_sampled_answer_is_the_same_alone_in_a_batch_and_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..4_u8)
            .map(|shade| {
                let path = folder.path().join(format!("{shade}.png"));
                let picture = image::RgbImage::from_fn(56, 56, |x, y| image::Rgb([60 * shade, x as u8, y as u8]));
                picture.save(&path).unwrap();
                path
            })
            .collect();
        let paths: Vec<&Path> = paths.iter().map(|path| path.as_path()).collect();
        let mut settings = Settings::default();
        (
            settings.test.do_sample,
            settings.test.temperature,
            settings.test.max_new_tokens,
        ) = (true, 3.0, 6);
        let compute = device::open(DeviceChoice::Cpu, settings.model.dtype).unwrap();
        let base = model::open(&settings, &compute, |_, _, _| ()).unwrap();
        let classes = vec!["awe".to_owned(), "fear".to_owned()];
        let learner = Learner::fresh(&base, &settings, questions(&settings).unwrap(), classes).unwrap();
        let mut store = FeatureStore::of(&base, &settings, 1).unwrap();
        let answers = |store: &mut FeatureStore, paths: &[&Path], seed| -> Vec<String> {
            let features: Vec<_> = store.get(paths).unwrap().into_iter().map(Result::unwrap).collect();
            let gold = vec![None; features.len()];
            let decoding = Decoding::new(&settings.test, seed);
            let prompt = learner.constant_prompt().unwrap();
            let judged = judge(
                (&learner, &prompt),
                &features,
                &gold,
                &[],
                &decoding,
                &mut Clock::default(),
            )
            .unwrap();
            judged.into_iter().map(|judged| judged.generated).collect()
        };
        let together = answers(&mut store, &paths, 1);
        let alone: Vec<String> = paths.iter().flat_map(|path| answers(&mut store, &[path], 1)).collect();
        assert_eq!(together, alone);
        let turned: Vec<&Path> = paths.iter().rev().copied().collect();
        let mut turned = answers(&mut store, &turned, 1);
        turned.reverse();
        assert_eq!(together, turned);
        assert_ne!(together, answers(&mut store, &paths, 2), "the seed has its say");
    }

    #[test]
    fn a_temperature_of_0_is_the_most_likely_token() {
        let mut test = TestSettings {
            do_sample: true,
            temperature: 0.0,
            ..TestSettings::default()
        };
        assert_eq!(Decoding::new(&test, 1).sampling, Sampling::ArgMax);
        test.temperature = 1.0;
        assert_ne!(Decoding::new(&test, 1).sampling, Sampling::ArgMax);
    }
}
