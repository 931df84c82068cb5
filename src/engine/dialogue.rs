//! The questions of MASP as sequences for the language model.

use candle_core::{DType, Result, Tensor};

use super::error::EngineError;
use crate::aspects::{PositionRule, Sequence};
use crate::vlm::base::BaseModel;
use crate::vlm::chat::{Chat, Span};

/// Builds the sequences of a base model.
#[derive(Clone, Copy)]
pub struct Dialogue<'a> {
    pub base: &'a BaseModel,
    pub prompt_tokens: usize,
    pub rule: PositionRule,
    /// Also supervise the `<|im_end|>` after an answer.
    pub supervise_end: bool,
}

/// What stands in the place of the image: rows of z tokens, and the grid of vision tokens after them.
#[derive(Debug, Clone, Copy)]
pub struct VisualRun {
    pub z: usize,
    /// Height and width in merged patches; stage 1 has no vision tokens.
    pub grid: Option<(usize, usize)>,
}

impl Dialogue<'_> {
    /// A chat whose last answer is open: it ends with `<|im_start|>assistant` and a newline.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn open(&self, chat: Chat, visual: VisualRun) -> std::result::Result<Sequence, EngineError> {
        let mut sequence = self.before_newline(chat, visual)?;
        sequence.text(&self.newline()?);
        Ok(sequence)
    }

    /// A chat with a supervised answer: the newline after `assistant`, then the answer (as the reference does).
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn answered(&self, chat: Chat, visual: VisualRun, answer: &str) -> std::result::Result<Sequence, EngineError> {
        let mut sequence = self.before_newline(chat, visual)?;
        let mut ids = self.base.tokenizer.encode(&format!("\n{answer}"))?;
        if self.supervise_end {
            ids.push(self.base.tokenizer.special().im_end);
        }
        sequence.answer(&ids);
        Ok(sequence)
    }

    /// A chat with several answers to be scored: the targets' answers are the labels' places, and the newline before
    /// them is answer `labels.len()`.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn scored(
        &self,
        chat: Chat,
        visual: VisualRun,
        labels: &[String],
    ) -> std::result::Result<Sequence, EngineError> {
        let mut sequence = self.before_newline(chat, visual)?;
        let newline = self.newline()?;
        sequence.asked(&newline, labels.len());
        let ids = labels
            .iter()
            .map(|label| {
                Ok(self
                    .base
                    .tokenizer
                    .encode(&format!("\n{label}"))?
                    .split_off(newline.len()))
            })
            .collect::<std::result::Result<Vec<_>, EngineError>>()?;
        sequence.alternatives(ids.iter().map(Vec::as_slice));
        Ok(sequence)
    }

    /// The rows that stand where a soft prompt of the reference begins: those after the tokenizer's, `[tokens, hidden]`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn initial_prompt(&self) -> Result<Tensor> {
        let rows = self.base.qwen.language.embeddings();
        if self.prompt_tokens == 0 {
            // A CUDA device starts no kernel, not even a conversion's, on no elements.
            return Tensor::zeros((0, rows.dim(1)?), DType::F32, rows.device());
        }
        rows.narrow(0, self.base.tokenizer.vocab_len(), self.prompt_tokens)?
            .to_dtype(DType::F32)
    }

    fn newline(&self) -> std::result::Result<Vec<u32>, EngineError> {
        Ok(self.base.tokenizer.encode("\n")?)
    }

    fn before_newline(&self, chat: Chat, visual: VisualRun) -> std::result::Result<Sequence, EngineError> {
        let mut spans = chat.generation_prompt().tokenize(&self.base.tokenizer)?;
        let newline = self.newline()?;
        if let Some(Span::Ids(ids)) = spans.last_mut()
            && ids.ends_with(&newline)
        {
            ids.truncate(ids.len() - newline.len());
        }
        let mut sequence = Sequence::default();
        for span in &spans {
            match span {
                Span::Ids(ids) => sequence.text(ids),
                Span::Image => sequence.visual(visual.z, visual.grid, self.rule),
                Span::SoftPrompt => sequence.prompt(self.prompt_tokens),
            };
        }
        Ok(sequence)
    }
}
