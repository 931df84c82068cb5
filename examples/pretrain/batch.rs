//! Sequences as one forward pass of the language model: embeddings, mask, loss, and what is answered rightly.

use anyhow::Result;
use candle_core::{D, Device, Tensor};
use masp::nn::Mask;
use masp::vlm::decoder::{ForwardOptions, LanguageModel, Positions, Vocabulary};

use super::sequence::{Row, Sequence, Target};

/// Sequences of one forward pass, padded on the right.
pub struct Batch {
    embeddings: Tensor,
    positions: Positions,
    mask: Mask,
    targets: Vec<(usize, Target)>,
    tokens: usize,
}

impl Batch {
    /// Looks up the rows in the model's embeddings and in `prompt` `[rows, hidden]`, which get their gradients.
    ///
    /// # Errors
    /// Where a tensor operation fails.
    pub fn new(sequences: &[Sequence], model: &LanguageModel, prompt: Option<&Tensor>) -> Result<Self> {
        let embedded = model.embeddings().numbers()?;
        let (vocabulary, width) = embedded.dims2()?;
        let tokens = sequences.iter().map(Sequence::len).max().unwrap_or(0);
        let (mut ids, mut vision, mut mixtures) = (Vec::new(), Vec::new(), Vec::new());
        let all: Vec<&Row> = sequences.iter().flat_map(|sequence| &sequence.rows).collect();
        let count = |wanted: fn(&Row) -> bool| all.iter().filter(|row| wanted(row)).count();
        let (pictured, mixed) = (
            count(|row| matches!(row, Row::Vision(_))),
            count(|row| matches!(row, Row::Mixture(_))),
        );
        let (mut seen, mut summed) = (0, 0);
        for sequence in sequences {
            for row in &sequence.rows {
                ids.push(match row {
                    Row::Token(token) => *token,
                    Row::Vision(values) => {
                        vision.extend_from_slice(values);
                        seen += 1;
                        (vocabulary + seen - 1) as u32
                    }
                    Row::Mixture(parts) => {
                        let from = mixtures.len();
                        mixtures.resize(from + vocabulary, 0.0f32);
                        parts
                            .iter()
                            .for_each(|&(token, weight)| mixtures[from + token as usize] += weight);
                        summed += 1;
                        (vocabulary + pictured + summed - 1) as u32
                    }
                    Row::Prompt(row) => (vocabulary + pictured + mixed + row) as u32,
                });
            }
            ids.resize(ids.len() + tokens - sequence.len(), 0);
        }
        let mut tables = vec![embedded.clone()];
        if pictured > 0 {
            tables.push(Tensor::from_vec(vision, (pictured, width), &Device::Cpu)?);
        }
        if mixed > 0 {
            tables.push(Tensor::from_vec(mixtures, (mixed, vocabulary), &Device::Cpu)?.matmul(&embedded)?);
        }
        tables.extend(prompt.cloned());
        let rows = Tensor::from_vec(ids, sequences.len() * tokens, &Device::Cpu)?;
        let embeddings = Tensor::cat(&tables, 0)?
            .index_select(&rows, 0)?
            .reshape((sequences.len(), tokens, width))?;
        let segments: Vec<Vec<u32>> = (sequences.iter())
            .map(|sequence| {
                let mut segments = sequence.segments.clone();
                segments.resize(tokens, Mask::PADDING);
                segments
            })
            .collect();
        let positions = (sequences.iter())
            .map(|sequence| {
                let mut positions: Vec<[u32; 3]> = sequence.positions.iter().map(|&p| [p; 3]).collect();
                positions.resize(tokens, [1; 3]);
                positions
            })
            .collect();
        let targets = (sequences.iter().enumerate())
            .flat_map(|(index, sequence)| sequence.targets.iter().map(move |&target| (index, target)))
            .collect();
        Ok(Self {
            embeddings,
            positions: Positions(positions),
            mask: Mask::new(true, segments),
            targets,
            tokens,
        })
    }

    /// Log-probabilities `[targets, vocabulary]` at the supervised positions.
    ///
    /// # Errors
    /// Where a tensor operation fails.
    pub fn log_probabilities(&self, model: &LanguageModel) -> Result<Tensor> {
        let hidden = model
            .forward(
                &self.embeddings,
                &self.positions,
                &self.mask,
                ForwardOptions::default(),
                false,
            )?
            .flatten_to(1)?;
        let rows: Vec<u32> = self
            .targets
            .iter()
            .map(|(index, target)| (index * self.tokens + target.position) as u32)
            .collect();
        let hidden = hidden.index_select(&Tensor::from_vec(rows, self.targets.len(), &Device::Cpu)?, 0)?;
        Ok(candle_nn::ops::log_softmax(
            &model.logits(&hidden, Vocabulary::Full)?,
            D::Minus1,
        )?)
    }

    /// The weighted mean of the targets' cross-entropy.
    ///
    /// # Errors
    /// Where a tensor operation fails.
    pub fn loss(&self, model: &LanguageModel) -> Result<Tensor> {
        let count = self.targets.len();
        let tokens: Vec<u32> = self.targets.iter().map(|(_, target)| target.token).collect();
        let weights: Vec<f32> = self.targets.iter().map(|(_, target)| target.weight).collect();
        let total: f32 = weights.iter().sum();
        let log_p = self.log_probabilities(model)?;
        let log_p = log_p
            .gather(&Tensor::from_vec(tokens, (count, 1), &Device::Cpu)?, 1)?
            .squeeze(1)?;
        Ok(((log_p * Tensor::from_vec(weights, count, &Device::Cpu)?)?.sum_all()? / -f64::from(total))?)
    }

    /// In how many sequences the first question is answered as the model would: every token the likeliest after those
    /// before it.
    ///
    /// # Errors
    /// Where a tensor operation fails.
    pub fn first_right(&self, model: &LanguageModel) -> Result<usize> {
        let best = self.log_probabilities(model)?.argmax(D::Minus1)?.to_vec1::<u32>()?;
        let mut right = vec![true; self.mask.segments().len()];
        for (&best, (index, target)) in best.iter().zip(&self.targets) {
            right[*index] &= target.question > 0 || best == target.token;
        }
        Ok(right.into_iter().filter(|right| *right).count())
    }
}
