//! The sequences that the language model is trained on: questions on pictures, on averages of their tokens, on one
//! aspect, on a viewer's feeling, and on words alone.

use anyhow::Result;
use masp::vlm::decoder::DecoderConfig;
use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tokenizers::Tokenizer;

use super::facts::{EMOTIONS, rationale, values};
use super::pools::{Picture, Run};
use super::prompt_tokens;
use super::questions::{self, Example};
use super::sequence::{Row, Sequence};
use super::shape::Shape;
use super::viewers;
use super::wording::Wordings;

/// What the sequences of one part of a step are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
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
    pub config: &'a DecoderConfig,
    pub tokenizer: &'a Tokenizer,
    pub wordings: &'a Wordings,
    pub pictures: &'a [Picture],
}

impl School<'_> {
    /// The sequences of a part; `progress` is the share of the stage that is over.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn part(&self, part: Part, progress: f64, rng: &mut ChaCha8Rng) -> Result<Vec<Sequence>> {
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
                            let scene = &self.pictures[rng.random_range(0..self.pictures.len())].scene;
                            let example = questions::in_words(scene, self.wordings, rng);
                            self.ask(&mut sequence, &example)?;
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

    /// A question and its answer, after which another may follow.
    fn ask(&self, sequence: &mut Sequence, example: &Example) -> Result<()> {
        let answer = (example.answer.as_str(), example.weight);
        sequence.ask(self.tokenizer, &example.question, answer, true)
    }

    /// A picture and some questions on it.
    fn about(&self, picture: &Picture, kind: Run, asked: usize, rng: &mut ChaCha8Rng) -> Result<Sequence> {
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
            self.ask(&mut sequence, &example)?;
        }
        Ok(sequence)
    }

    /// A picture between a viewer's tokens, what the viewer feels, and now and then why.
    pub fn viewer(&self, picture: &Picture, kind: Run, progress: f64, rng: &mut ChaCha8Rng) -> Result<Sequence> {
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
        sequence.ask(self.tokenizer, &question, (EMOTIONS[viewer.emotion], 1.0), false)?;
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
    pub fn question(&self, run: Vec<Vec<f32>>, prompt: &[Row], question: &str, answer: &str) -> Result<Sequence> {
        let mut sequence = self.open()?;
        sequence.share(prompt.iter().cloned());
        self.show(&mut sequence, run)?;
        sequence.share(prompt.iter().cloned());
        sequence.ask(self.tokenizer, question, (answer, 1.0), false)?;
        Ok(sequence)
    }
}
