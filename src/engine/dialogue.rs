//! The questions of MASP as sequences for the language model.

use candle_core::{DType, Device, Result, Tensor};

use super::error::EngineError;
use crate::aspects::{PositionRule, Sequence, VisionRun};
use crate::vlm::base::BaseModel;
use crate::vlm::chat::Chat;
use crate::vlm::template::Span;

/// Builds the sequences of a base model.
#[derive(Clone, Copy)]
pub struct Dialogue<'a> {
    pub base: &'a BaseModel,
    pub prompt_tokens: usize,
    pub rule: PositionRule,
    /// Also supervise the token that ends an answer.
    pub supervise_end: bool,
}

/// The rows that replace the image: z tokens, then vision tokens.
#[derive(Debug, Clone, Copy)]
pub struct VisualRun {
    pub z: usize,
    /// Stage 1 has no vision tokens.
    pub vision: Option<VisionRun>,
}

impl Dialogue<'_> {
    /// A chat whose last answer is open: it ends with the tokens that lead to an answer.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn open(&self, chat: &Chat, visual: VisualRun) -> std::result::Result<Sequence, EngineError> {
        let mut sequence = self.before_lead(chat, visual)?;
        sequence.text(&self.base.text.lead()?);
        Ok(sequence)
    }

    /// A chat with a supervised answer: the tokens that lead to it, then the answer (as the reference does).
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn answered(&self, chat: &Chat, visual: VisualRun, answer: &str) -> std::result::Result<Sequence, EngineError> {
        let mut sequence = self.before_lead(chat, visual)?;
        let mut ids = self.base.text.answer(answer)?;
        if self.supervise_end {
            ids.push(self.base.text.end_of_answer()?);
        }
        sequence.answer(&ids);
        Ok(sequence)
    }

    /// A chat that scores every label as its answer. A target's `answer` is the label's index; the tokens that lead to the
    /// labels have the index `labels.len()`.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn scored(
        &self,
        chat: &Chat,
        visual: VisualRun,
        labels: &[String],
    ) -> std::result::Result<Sequence, EngineError> {
        let mut sequence = self.before_lead(chat, visual)?;
        let lead = self.base.text.lead()?;
        sequence.asked(&lead, labels.len());
        let ids = labels
            .iter()
            .map(|label| Ok(self.base.text.answer(label)?.split_off(lead.len())))
            .collect::<std::result::Result<Vec<_>, EngineError>>()?;
        sequence.alternatives(ids.iter().map(Vec::as_slice));
        Ok(sequence)
    }

    /// The embedding rows from which the reference starts its soft prompt: those after the tokenizer's, `[tokens, hidden]`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn initial_prompt(&self) -> Result<Tensor> {
        let embeddings = self.base.decoder.embeddings();
        if self.prompt_tokens == 0 {
            // On the host: CUDA cannot launch a kernel on zero elements, not even a dtype conversion, and a device without
            // memory pools gives no memory for them.
            return Tensor::zeros((0, embeddings.dims()?.1), DType::F32, &Device::Cpu);
        }
        embeddings
            .rows(self.base.text.vocab_len(), self.prompt_tokens)?
            .to_dtype(DType::F32)
    }

    fn before_lead(&self, chat: &Chat, visual: VisualRun) -> std::result::Result<Sequence, EngineError> {
        let spans = self.base.text.before_lead(chat)?;
        let mut sequence = Sequence::default();
        for span in &spans {
            match span {
                Span::Ids(ids) => sequence.text(ids),
                Span::Image => sequence.visual(visual.z, visual.vision, self.rule),
                Span::SoftPrompt => sequence.prompt(self.prompt_tokens),
            };
        }
        Ok(sequence)
    }
}
