//! Sequences of any length as one padded batch of embeddings.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor, bail};

use super::beginning::beginning;
use super::prompt_rows::PromptRows;
use super::sequence::{Row, Sequence};
use crate::nn::embedding::{Placement, place};
use crate::nn::{Mask, loss};
use crate::vlm::decoder::{
    DeepRows, ForwardOptions, KvCache, LanguageModel, OutputPositions, Positions, Prefix, Vocabulary,
};

/// The source of a batch's `Visual` rows.
pub enum Visuals<'a> {
    /// Stage 1: `[samples * rows, hidden]` from the aspect modules; the gradient flows into it.
    Trained(&'a Tensor),
    /// One entry per sample.
    Constant(&'a [VisualRows]),
}

/// The contents of one sample's `Visual` rows.
#[derive(Clone, Debug)]
pub struct VisualRows {
    /// `[rows, hidden]`: z tokens, then the vision run.
    pub rows: Tensor,
    /// `[run, hidden]` each. Each is added, after one of the language model's first layers, to the last rows: those of
    /// the vision run.
    pub deep: Vec<Tensor>,
}

impl From<Tensor> for VisualRows {
    fn from(rows: Tensor) -> Self {
        Self { rows, deep: Vec::new() }
    }
}

/// A padded batch, ready for the language model.
#[derive(Debug)]
pub struct Batch {
    /// Constant rows in front of each sequence's embeddings, if all sequences share them.
    prefix: Option<Arc<Prefix>>,
    /// `[batch, tokens, hidden]`
    pub embeddings: Tensor,
    /// Positions of the embeddings; the prefix is not included.
    pub positions: Positions,
    /// Covers the prefix and the embeddings.
    pub mask: Mask,
    /// Features that the first layers add to rows of the embeddings.
    pub deep: Option<DeepRows>,
    /// The positions whose logits predict a target.
    outputs: OutputPositions,
    /// `[targets]` (u32): each target's row in the language model's output.
    rows: Tensor,
    /// `[targets]` (u32)
    pub tokens: Tensor,
    /// For each target: the index of its sequence and of its answer.
    pub owners: Vec<(usize, usize)>,
}

impl Batch {
    /// Splices `sequences` into one batch. Padding is on the right, and no token attends to it. `prompt` fills the
    /// `Prompt` rows.
    ///
    /// # Errors
    /// If a row has no source, if both the visuals and the prompt are trained, or if shapes differ.
    pub fn splice(
        language: &LanguageModel,
        sequences: &[Sequence],
        visuals: &Visuals,
        prompt: Option<&PromptRows>,
    ) -> Result<Self> {
        let device = language.device();
        let prefix = beginning(language, sequences, prompt)?;
        let skipped = prefix.as_ref().map_or(0, |prefix| prefix.tokens);
        let longest = sequences.iter().map(|s| s.rows.len() - skipped).max().unwrap_or(0);
        let mut table = Table::new(language, visuals)?;
        let mut rows = Vec::with_capacity(sequences.len() * longest);
        let mut trained = Vec::new();
        let mut deep = Deep::default();
        for (sample, sequence) in sequences.iter().enumerate() {
            for &row in &sequence.rows[skipped..] {
                let place = rows.len() as u32;
                if let (Row::Visual(i), Visuals::Constant(samples)) = (row, visuals) {
                    deep.note(&samples[sample], (sample, i), place);
                }
                rows.push(match (row, visuals, prompt) {
                    (Row::Token(id), ..) => Source::Constant(table.token(id)),
                    (Row::Visual(i), Visuals::Constant(_), _) => Source::Constant(table.visual(sample, i)?),
                    (Row::Visual(i), Visuals::Trained(z), None) => {
                        Source::Trained(sample * (z.dim(0)? / sequences.len()) + i)
                    }
                    (Row::Prompt(i), Visuals::Constant(_), Some(_)) => Source::Trained(i),
                    (row, ..) => bail!("sample {sample} has no embedding for its {row:?}"),
                });
                if let Some(Source::Trained(i)) = rows.last() {
                    trained.push((*i, place));
                }
            }
            rows.resize((sample + 1) * longest, Source::Constant(0));
        }
        let constants = table.finish()?;
        let source = match visuals {
            Visuals::Trained(z) => Some(*z),
            Visuals::Constant(_) => prompt.map(PromptRows::rows),
        };
        let count = constants.dim(0)?;
        let index: Vec<u32> = rows.iter().map(|row| row.index(count)).collect();
        let index = Tensor::new(index, device)?;
        let flat = match source {
            Some(source) if !trained.is_empty() => {
                let occurrences = occurrences(trained, source.dim(0)?)?.to_device(device)?;
                let source = source.to_dtype(constants.dtype())?;
                place(
                    &constants,
                    &source,
                    &Placement {
                        rows: index,
                        occurrences,
                    },
                )?
            }
            _ => constants.index_select(&index, 0)?,
        };
        let hidden = constants.dim(1)?;
        let deep = deep.finish(visuals, device)?;
        let embeddings = flat.reshape((sequences.len(), longest, hidden))?;
        Self::masked(sequences, prefix, (embeddings, deep))
    }

    fn masked(
        sequences: &[Sequence],
        prefix: Option<Arc<Prefix>>,
        (embeddings, deep): (Tensor, Option<DeepRows>),
    ) -> Result<Self> {
        let (_, longest, _) = embeddings.dims3()?;
        let skipped = prefix.as_ref().map_or(0, |prefix| prefix.tokens);
        let padded = |sequence: &Sequence| {
            let mut segments = sequence.segments.clone();
            segments.resize(skipped + longest, Mask::PADDING);
            let mut positions = sequence.positions[skipped..].to_vec();
            positions.resize(longest, [1; 3]);
            (segments, positions)
        };
        let (segments, positions) = sequences.iter().map(padded).unzip();
        let predicting = |sequence: &Sequence| {
            let positions = sequence.targets.iter().map(|target| target.place - skipped);
            positions.collect()
        };
        let outputs = OutputPositions::new(sequences.iter().map(predicting).collect());
        let (mut rows, mut tokens, mut owners) = (Vec::new(), Vec::new(), Vec::new());
        for (i, sequence) in sequences.iter().enumerate() {
            for target in &sequence.targets {
                rows.extend(outputs.row(i, target.place - skipped).map(|row| row as u32));
                tokens.push(target.token);
                owners.push((i, target.answer));
            }
        }
        // Sequences with open answers have no targets. A device without memory pools refuses to allocate 0 bytes, so
        // their empty tensors stay on the host; nothing computes with them.
        let device = if tokens.is_empty() {
            &Device::Cpu
        } else {
            embeddings.device()
        };
        let (rows, tokens) = (Tensor::new(rows, device)?, Tensor::new(tokens, device)?);
        Ok(Self {
            prefix,
            embeddings,
            positions: Positions(positions),
            mask: Mask::new(true, segments),
            deep,
            outputs,
            rows,
            tokens,
            owners,
        })
    }

    /// The number of tokens in the prefix.
    #[must_use]
    pub fn prefix_tokens(&self) -> usize {
        self.prefix.as_ref().map_or(0, |prefix| prefix.tokens)
    }

    /// A KV cache for this batch that holds the prefix and has room for `more` tokens.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn cache(&self, language: &LanguageModel, more: usize) -> Result<KvCache> {
        let (batch, tokens, _) = self.embeddings.dims3()?;
        match &self.prefix {
            Some(prefix) => language.cache_behind(prefix, batch, tokens + more),
            None => Ok(language.cache(tokens + more)),
        }
    }

    /// Logits `[targets, entries]` at the output positions, one row for each target. With `recompute`, backward runs the layers again instead of
    /// keeping their intermediate results.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn logits(&self, language: &LanguageModel, vocabulary: Vocabulary, recompute: bool) -> Result<Tensor> {
        let options = ForwardOptions {
            outputs: Some(&self.outputs),
            prefix: self.prefix.as_deref(),
            deep: self.deep.as_ref(),
        };
        let hidden = language.forward(&self.embeddings, &self.positions, &self.mask, options, recompute)?;
        language.logits(&hidden.flatten(0, 1)?.index_select(&self.rows, 0)?, vocabulary)
    }

    /// Log-probabilities `[targets]` of the targets' tokens.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn log_likelihoods(&self, language: &LanguageModel, vocabulary: Vocabulary, recompute: bool) -> Result<Tensor> {
        loss::log_likelihoods(&self.logits(language, vocabulary, recompute)?, &self.tokens)
    }

    /// The sum of the log-probabilities for each sequence's answers, in nats: `[sequences][answers]`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn scores(&self, language: &LanguageModel, vocabulary: Vocabulary) -> Result<Vec<Vec<f64>>> {
        let each = self
            .log_likelihoods(language, vocabulary, false)?
            .to_dtype(candle_core::DType::F64)?;
        let mut scores: Vec<Vec<f64>> = vec![Vec::new(); self.mask.segments().len()];
        for (value, &(sequence, answer)) in each.to_vec1::<f64>()?.into_iter().zip(&self.owners) {
            let answers = &mut scores[sequence];
            answers.resize(answers.len().max(answer + 1), 0.0);
            answers[answer] += value;
        }
        Ok(scores)
    }
}

/// Collects the rows to which the first layers add features.
#[derive(Default)]
struct Deep {
    /// For each row: its place in the flattened batch, its sample, and its row in that sample's levels.
    rows: Vec<(u32, usize, u32)>,
}

impl Deep {
    /// Records that visual row `row` of sample `sample` is at `place`, if it belongs to the vision run.
    fn note(&mut self, visual: &VisualRows, (sample, row): (usize, usize), place: u32) {
        let Some(level) = visual.deep.first() else { return };
        let run = level.dims().first().copied().unwrap_or(0);
        let all = visual.rows.dims().first().copied().unwrap_or(0);
        if let Some(row) = (row + run).checked_sub(all) {
            self.rows.push((place, sample, row as u32));
        }
    }

    /// Gathers the levels' rows in the order of their places.
    fn finish(self, visuals: &Visuals, device: &Device) -> Result<Option<DeepRows>> {
        let Visuals::Constant(samples) = visuals else {
            return Ok(None);
        };
        let levels = samples.iter().map(|sample| sample.deep.len()).max().unwrap_or(0);
        if levels == 0 || self.rows.is_empty() {
            return Ok(None);
        }
        // Index of each sample's first row in the concatenation of all samples' rows.
        let mut firsts = Vec::with_capacity(samples.len());
        let mut next = 0;
        for sample in *samples {
            firsts.push(next);
            next += match sample.deep.first() {
                Some(level) if sample.deep.len() == levels => level.dim(0)?,
                _ => bail!("a sample without the features of {levels} deeper levels"),
            };
        }
        let in_batch: Vec<u32> = self.rows.iter().map(|(place, ..)| *place).collect();
        let index = self.rows.iter().map(|(_, sample, row)| firsts[*sample] as u32 + row);
        let index = Tensor::new(index.collect::<Vec<_>>(), device)?;
        let of_level = |level: usize| {
            let all: Vec<&Tensor> = samples.iter().map(|sample| &sample.deep[level]).collect();
            Tensor::cat(&all, 0)?.index_select(&index, 0)
        };
        Ok(Some(DeepRows {
            index: Tensor::new(in_batch, device)?,
            levels: (0..levels).map(of_level).collect::<Result<_>>()?,
        }))
    }
}

/// Where a row of the batch comes from.
#[derive(Clone, Copy)]
enum Source {
    Constant(usize),
    Trained(usize),
}

impl Source {
    /// Its row in `[constants, trained]`.
    fn index(self, constants: usize) -> u32 {
        match self {
            Self::Constant(i) => i as u32,
            Self::Trained(i) => (constants + i) as u32,
        }
    }
}

/// The constant rows of a batch: a zero row for padding, the visual rows, the text tokens that occur.
struct Table<'a> {
    language: &'a LanguageModel,
    parts: Vec<Tensor>,
    /// For each sample its first visual row and their number.
    visuals: Vec<(usize, usize)>,
    first_token: usize,
    ids: indexmap::IndexSet<u32>,
}

impl<'a> Table<'a> {
    fn new(language: &'a LanguageModel, visuals: &Visuals) -> Result<Self> {
        let embeddings = language.embeddings();
        let zero = Tensor::zeros((1, embeddings.dims()?.1), embeddings.dtype(), embeddings.device())?;
        let mut parts = vec![zero];
        let (mut ranges, mut next) = (Vec::new(), 1);
        if let Visuals::Constant(samples) = visuals {
            for VisualRows { rows, .. } in *samples {
                ranges.push((next, rows.dim(0)?));
                next += rows.dim(0)?;
                parts.push(rows.to_dtype(embeddings.dtype())?);
            }
        }
        Ok(Self {
            language,
            parts,
            visuals: ranges,
            first_token: next,
            ids: indexmap::IndexSet::new(),
        })
    }

    fn token(&mut self, id: u32) -> usize {
        self.first_token + self.ids.insert_full(id).0
    }

    fn visual(&self, sample: usize, row: usize) -> Result<usize> {
        match self.visuals.get(sample) {
            Some(&(first, rows)) if row < rows => Ok(first + row),
            _ => bail!("sample {sample} has no visual row {row}"),
        }
    }

    fn finish(mut self) -> Result<Tensor> {
        let ids: Vec<u32> = self.ids.into_iter().collect();
        if !ids.is_empty() {
            self.parts.push(self.language.embed(&ids)?);
        }
        Tensor::cat(&self.parts, 0)
    }
}

/// `[occurrences, trained]`: the places of each trained row. Every trained row must occur equally often.
fn occurrences(mut trained: Vec<(usize, u32)>, count: usize) -> Result<Tensor> {
    trained.sort_unstable();
    let times = trained.len() / count;
    let regular = times * count == trained.len()
        && trained
            .chunks(times.max(1))
            .enumerate()
            .all(|(i, places)| places.iter().all(|(row, _)| *row == i));
    if !regular {
        bail!("trained rows do not occur equally often in the batch");
    }
    let places: Vec<u32> = trained.iter().map(|(_, place)| *place).collect();
    Tensor::from_vec(places, (count, times), &Device::Cpu)?
        .t()?
        .contiguous()
}
