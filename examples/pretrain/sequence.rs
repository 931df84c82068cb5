//! Chats as rows of embeddings: words, vision tokens, viewer tokens; several questions packed behind one picture.

use anyhow::{Result, anyhow};
use masp::nn::Mask;
use tokenizers::Tokenizer;

/// What one position of a sequence is fed with.
#[derive(Debug, Clone)]
pub enum Row {
    Token(u32),
    /// A vector of the language model's width.
    Vision(Vec<f32>),
    /// A weighted sum of token embeddings.
    Mixture(Vec<(u32, f32)>),
    /// A row of a soft prompt.
    Prompt(usize),
}

/// A token to be predicted, from the position before it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub position: usize,
    pub token: u32,
    pub weight: f32,
    /// Which question of the sequence it answers.
    pub question: usize,
}

/// One sequence. Questions see what all share and themselves.
#[derive(Debug, Clone, Default)]
pub struct Sequence {
    pub rows: Vec<Row>,
    pub positions: Vec<u32>,
    pub segments: Vec<u32>,
    pub targets: Vec<Target>,
    questions: usize,
}

/// Text to ids.
///
/// # Errors
/// Where the tokenizer fails.
pub fn encode(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>> {
    let encoding = tokenizer
        .encode(text, false)
        .map_err(|e| anyhow!("tokenising `{text}`: {e}"))?;
    Ok(encoding.get_ids().to_vec())
}

impl Sequence {
    /// Adds rows that all later ones see.
    pub fn share(&mut self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            self.positions.push(self.rows.len() as u32);
            self.segments.push(Mask::SHARED);
            self.rows.push(row);
        }
    }

    /// Adds shared text.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn text(&mut self, tokenizer: &Tokenizer, text: &str) -> Result<()> {
        self.share(encode(tokenizer, text)?.into_iter().map(Row::Token));
        Ok(())
    }

    /// Adds the rest of a user's turn and the answer, trained from the line break to `<|im_end|>`. With `apart` no other
    /// question sees it and it stands right behind what is shared.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn ask(
        &mut self,
        tokenizer: &Tokenizer,
        question: &str,
        (answer, weight): (&str, f32),
        apart: bool,
    ) -> Result<()> {
        let shared = self.segments.iter().filter(|&&segment| segment == Mask::SHARED).count();
        let turn = encode(tokenizer, &format!("{question}<|im_end|>\n<|im_start|>assistant"))?;
        let reply = encode(tokenizer, &format!("\n{answer}<|im_end|>"))?;
        let segment = if apart { self.questions as u32 + 1 } else { Mask::SHARED };
        let (first_answer, last) = (turn.len(), turn.len() + reply.len() - 1);
        for (index, token) in turn.into_iter().chain(reply).enumerate() {
            if index >= first_answer {
                // The line break and the end carry little.
                let weight = if index == first_answer || index == last {
                    0.1 * weight
                } else {
                    weight
                };
                let (position, question) = (self.rows.len() - 1, self.questions);
                self.targets.push(Target {
                    position,
                    token,
                    weight,
                    question,
                });
            }
            self.positions.push((shared + index) as u32);
            self.segments.push(segment);
            self.rows.push(Row::Token(token));
        }
        self.questions += 1;
        Ok(())
    }

    /// Trains the last `tokens.len()` rows, each to say a token of its own with its weight.
    pub fn label_last(&mut self, tokens: &[(u32, f32)]) {
        let first = self.rows.len() - tokens.len();
        for (index, &(token, weight)) in tokens.iter().enumerate() {
            self.targets.push(Target {
                position: first + index,
                token,
                weight,
                question: usize::MAX,
            });
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }
}
