//! Stage two: the language model learns to speak of what the frozen tower sees.

use anyhow::Result;
use candle_core::Tensor;
use masp::vlm::Parameters;
use masp::vlm::qwen2_vl::{Config, LanguageModel};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tokenizers::Tokenizer;

use super::facts::{EMOTIONS, rationale, values};
use super::params::Params;
use super::pools::{Picture, Run};
use super::prompt_tokens;
use super::questions;
use super::schedule::Clock;
use super::sequence::{Batch, Row, Sequence};
use super::shape::Shape;
use super::viewers;
use super::wording::Wordings;
use super::workers::Workers;

const LR: f64 = 4e-3;

/// What the sequences of each part of a step are about.
const PARTS: [Part; 7] = [
    Part::Pictures,
    Part::Pools,
    Part::Aspects,
    Part::Viewers,
    Part::Viewers,
    Part::Viewers,
    Part::Words,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Several questions on all tokens of a picture.
    Pictures,
    /// The same on averages of them.
    Pools,
    /// Questions on one aspect's averages.
    Aspects,
    /// A picture's emotion for a viewer.
    Viewers,
    /// No picture.
    Words,
}

/// What training reads.
pub struct School<'a> {
    pub shape: &'a Shape,
    pub config: &'a Config,
    pub tokenizer: &'a Tokenizer,
    pub wordings: &'a Wordings,
    pub pictures: &'a [Picture],
}

impl Parameters for Params {
    fn get(&self, name: &str, shape: &[usize]) -> candle_core::Result<Tensor> {
        let tensor = Params::get(self, name)?;
        if tensor.dims() != shape {
            candle_core::bail!("`{name}` has the shape {:?}, not {shape:?}", tensor.dims());
        }
        Ok(tensor.clone())
    }

    fn trained(&self) -> bool {
        true
    }
}

/// Adds the language model's parameters under their hub names.
///
/// # Errors
/// Where a tensor cannot be made.
pub fn initialise(
    params: &mut Params,
    shape: &Shape,
    vocabulary: usize,
    rng: &mut ChaCha8Rng,
) -> Result<()> {
    let (width, wide, kv) = (
        shape.hidden,
        shape.intermediate,
        shape.hidden / shape.heads * shape.kv_heads,
    );
    params.normal("model.embed_tokens.weight", &[vocabulary, width], 0.5, rng)?;
    params.linear("lm_head", vocabulary, width, false, rng)?;
    params.constant("model.norm.weight", &[width], 1.0)?;
    for layer in 0..shape.layers {
        let name = |part: &str| format!("model.layers.{layer}.{part}");
        params.constant(&name("input_layernorm.weight"), &[width], 1.0)?;
        params.constant(&name("post_attention_layernorm.weight"), &[width], 1.0)?;
        params.linear(&name("self_attn.q_proj"), width, width, true, rng)?;
        params.linear(&name("self_attn.k_proj"), kv, width, true, rng)?;
        params.linear(&name("self_attn.v_proj"), kv, width, true, rng)?;
        params.linear(&name("self_attn.o_proj"), width, width, false, rng)?;
        params.linear(&name("mlp.gate_proj"), wide, width, false, rng)?;
        params.linear(&name("mlp.up_proj"), wide, width, false, rng)?;
        params.linear(&name("mlp.down_proj"), width, wide, false, rng)?;
    }
    Ok(())
}

/// Trains until the clock says so.
///
/// # Errors
/// Where a tensor operation or the state file fails.
pub fn train(
    params: &Params,
    school: &School,
    workers: &Workers,
    clock: &mut Clock,
    seed: u64,
) -> Result<()> {
    let count = PARTS.len();
    while let Some((step, lr)) = clock.next(LR) {
        let model = LanguageModel::new(school.config, params, |_| ())?;
        let progress = clock.progress();
        let sum = workers.gradients(params, count, |part| {
            let mut rng =
                ChaCha8Rng::seed_from_u64(seed ^ ((step * count + part) as u64) << 16 ^ 0x1a9e);
            let sequences = school.part(PARTS[part], progress, &mut rng)?;
            let loss = Batch::new(&sequences, &model, None)?.loss(&model)?;
            let mut losses = vec![0.0; count];
            losses[part] = f64::from(loss.to_scalar::<f32>()?);
            Ok((loss, losses))
        })?;
        clock
            .optimiser
            .step(params, &sum.gradients, lr, 1.0 / count as f64, workers)?;
        let viewers = sum.losses[3..6].iter().sum::<f64>() / 3.0;
        clock.done(
            params,
            &[
                sum.losses[0],
                sum.losses[1],
                sum.losses[2],
                viewers,
                sum.losses[6],
            ],
        )?;
    }
    Ok(())
}

/// The names of the losses that [`train`] reports.
pub const LOSSES: [&str; 5] = ["pictures", "pools", "aspects", "viewers", "words"];

impl School<'_> {
    fn part(&self, part: Part, progress: f64, rng: &mut ChaCha8Rng) -> Result<Vec<Sequence>> {
        let count = match part {
            Part::Pictures | Part::Pools | Part::Words => 4,
            Part::Aspects | Part::Viewers => 8,
        };
        (0..count)
            .map(|_| {
                let picture = &self.pictures[rng.random_range(0..self.pictures.len())];
                match part {
                    Part::Pictures => self.about(picture, Run::Tokens, 5, rng),
                    Part::Pools => {
                        let run = if rng.random_bool(0.4) {
                            Run::AspectsAndTokens
                        } else {
                            Run::Aspects
                        };
                        self.about(picture, run, 5, rng)
                    }
                    Part::Aspects => self.about(picture, Run::Aspect, 3, rng),
                    Part::Viewers => {
                        let kinds = [Run::Tokens, Run::Aspects, Run::AspectsAndTokens, Run::Few];
                        let short = rng.random_bool(if progress < 0.3 { 0.7 } else { 0.2 });
                        let run = if short {
                            Run::Few
                        } else {
                            kinds.choose(rng).copied().unwrap_or(Run::Few)
                        };
                        self.viewer(picture, run, progress, rng)
                    }
                    Part::Words => {
                        let mut sequence = self.open()?;
                        for _ in 0..4 {
                            let scene =
                                &self.pictures[rng.random_range(0..self.pictures.len())].scene;
                            let example = questions::in_words(scene, self.wordings, rng);
                            sequence.ask(
                                self.tokenizer,
                                &example.question,
                                (&example.answer, example.weight),
                                true,
                            )?;
                        }
                        Ok(sequence)
                    }
                }
            })
            .collect()
    }

    /// The system's turn and the beginning of the user's.
    fn open(&self) -> Result<Sequence> {
        let mut sequence = Sequence::default();
        let text = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n";
        sequence.text(self.tokenizer, text)?;
        Ok(sequence)
    }

    fn show(&self, sequence: &mut Sequence, run: Vec<Vec<f32>>) -> Result<()> {
        sequence.text(self.tokenizer, "<|vision_start|>")?;
        sequence.share(run.into_iter().map(Row::Vision));
        sequence.text(self.tokenizer, "<|vision_end|>")
    }

    /// A picture and some questions on it.
    fn about(
        &self,
        picture: &Picture,
        kind: Run,
        asked: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Sequence> {
        let (run, known) = picture.run(self.shape, kind, rng);
        let mut sequence = self.open()?;
        self.show(&mut sequence, run)?;
        for _ in 0..asked {
            let example = if known.len() == 1 {
                questions::aspect(&picture.scene, known[0], self.wordings, rng)
            } else {
                Some(questions::about(&picture.scene, self.wordings, rng))
            };
            let Some(example) = example else { continue };
            sequence.ask(
                self.tokenizer,
                &example.question,
                (&example.answer, example.weight),
                true,
            )?;
        }
        Ok(sequence)
    }

    /// A picture between a viewer's tokens, what the viewer feels, and now and then why.
    pub fn viewer(
        &self,
        picture: &Picture,
        kind: Run,
        progress: f64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Sequence> {
        let seen = values(&picture.scene);
        // Few and plain tokens first: how to read a viewer is learned there.
        let (tokens, most) = if progress < 0.3 {
            (rng.random_range(4..=10), 1)
        } else {
            (rng.random_range(8..=24), rng.random_range(1..=3))
        };
        let viewer = viewers::draw(&seen, tokens, most, rng);
        let rows = prompt_tokens::viewer(self.tokenizer, &viewer)?;
        let (run, _) = picture.run(self.shape, kind, rng);
        let mut sequence = self.open()?;
        sequence.share(rows.iter().cloned());
        self.show(&mut sequence, run)?;
        sequence.share(rows);
        // Each token behind the picture says whether it is concerned, and with which emotion: far more to learn from
        // than the one answer.
        let labels = prompt_tokens::labels(self.tokenizer, &viewer, &seen)?;
        sequence.label_last(&labels);
        let question = if rng.random_bool(0.5) {
            questions::emotion(self.wordings, false, rng)
        } else {
            self.wordings.ask("emotion short", rng)
        };
        sequence.ask(
            self.tokenizer,
            &question,
            (EMOTIONS[viewer.emotion], 1.0),
            false,
        )?;
        if rng.random_bool(0.25) {
            sequence.text(self.tokenizer, "\n<|im_start|>user\n")?;
            let question = questions::cues(&picture.scene, viewer.emotion, self.wordings, rng);
            let answer = rationale(&viewer.cues[..viewer.cues.len().min(3)], viewer.emotion);
            sequence.ask(self.tokenizer, &question, (&answer, 0.2), false)?;
        }
        Ok(sequence)
    }

    /// One question on `run` in the picture's place, with `prompt` in the soft prompt's places.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn question(
        &self,
        run: Vec<Vec<f32>>,
        prompt: &[Row],
        question: &str,
        answer: &str,
    ) -> Result<Sequence> {
        let mut sequence = self.open()?;
        sequence.share(prompt.iter().cloned());
        self.show(&mut sequence, run)?;
        sequence.share(prompt.iter().cloned());
        sequence.ask(self.tokenizer, question, (answer, 1.0), false)?;
        Ok(sequence)
    }
}
