//! Qwen2-VL's chat template, written out: system, user and assistant turns with text, an image, the soft prompt.

use std::{fmt::Write, ops::Range};

use super::tokenizer::{SpecialIds, Tokenizer, TokenizerError};

/// What the model's template says where a chat has no system turn of its own.
const SYSTEM: &str = "You are a helpful assistant.";

/// A piece of a user's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(String),
    /// The picture: `<|vision_start|>`, its tokens, `<|vision_end|>`.
    Image,
    /// The soft prompt's tokens; each occurrence stands for the same vectors.
    SoftPrompt,
}

/// A chat as a sequence of texts with gaps for the picture and the soft prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Neighbouring texts are one, because they are tokenised as one.
    pieces: Vec<Content>,
}

/// A stretch of a tokenised chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Vocabulary tokens; around an image they end in `<|vision_start|>` and begin with `<|vision_end|>`.
    Ids(Vec<u32>),
    /// Where the picture's tokens go (or what stands in for them).
    Image,
    /// Where the soft prompt's vectors go.
    SoftPrompt,
}

impl Default for Chat {
    fn default() -> Self {
        Self::new()
    }
}

impl Chat {
    /// A chat with the template's own system turn.
    #[must_use]
    pub fn new() -> Self {
        Self::with_system(SYSTEM)
    }

    /// A chat with a system turn of one's own.
    #[must_use]
    pub fn with_system(text: &str) -> Self {
        let mut chat = Self { pieces: Vec::new() };
        chat.text(&format!("<|im_start|>system\n{text}<|im_end|>\n"));
        chat
    }

    /// Stage 1's question: the image, then the text.
    #[must_use]
    pub fn about_image(question: &str) -> Self {
        Self::new().user([Content::Image, Content::Text(question.to_owned())])
    }

    /// Stage 2's question. As in the reference the soft prompt stands twice: before the image, and glued to the
    /// question's front.
    #[must_use]
    pub fn about_image_with_prompt(question: &str) -> Self {
        let question = Content::Text(question.to_owned());
        Self::new().user([Content::SoftPrompt, Content::Image, Content::SoftPrompt, question])
    }

    /// Adds a user's turn.
    #[must_use]
    pub fn user(mut self, content: impl IntoIterator<Item = Content>) -> Self {
        self.text("<|im_start|>user\n");
        for piece in content {
            match piece {
                Content::Text(text) => self.text(&text),
                Content::Image => {
                    self.text("<|vision_start|>");
                    self.pieces.push(Content::Image);
                    self.text("<|vision_end|>");
                }
                Content::SoftPrompt => self.pieces.push(Content::SoftPrompt),
            }
        }
        self.text("<|im_end|>\n");
        self
    }

    /// Adds a finished turn of the assistant.
    #[must_use]
    pub fn assistant(mut self, text: &str) -> Self {
        self.text(&format!("<|im_start|>assistant\n{text}<|im_end|>\n"));
        self
    }

    /// Ends in the beginning of the assistant's turn, for the model to go on.
    #[must_use]
    pub fn generation_prompt(mut self) -> Self {
        self.text("<|im_start|>assistant\n");
        self
    }

    /// The chat's pieces; no two texts are neighbours.
    #[must_use]
    pub fn pieces(&self) -> &[Content] {
        &self.pieces
    }

    /// The chat as the template's text: one `<|image_pad|>` for the image, the soft prompt under the reference's names
    /// `<|reserved_special_token_0|>` and on.
    #[must_use]
    pub fn to_text(&self, prompt_tokens: usize) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Content::Text(piece) => text.push_str(piece),
                Content::Image => text.push_str("<|image_pad|>"),
                Content::SoftPrompt => {
                    for index in 0..prompt_tokens {
                        // Writing to a string cannot fail.
                        let _ = write!(text, "<|reserved_special_token_{index}|>");
                    }
                }
            }
        }
        text
    }

    /// Tokenises the texts.
    ///
    /// # Errors
    /// [`TokenizerError::Failed`].
    pub fn tokenize(&self, tokenizer: &Tokenizer) -> Result<Vec<Span>, TokenizerError> {
        let span = |piece: &Content| {
            Ok(match piece {
                Content::Text(text) => Span::Ids(tokenizer.encode(text)?),
                Content::Image => Span::Image,
                Content::SoftPrompt => Span::SoftPrompt,
            })
        };
        self.pieces.iter().map(span).collect()
    }

    fn text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Content::Text(last)) => last.push_str(text),
            _ => self.pieces.push(Content::Text(text.to_owned())),
        }
    }
}

/// The ids of a tokenised chat as the processor of the hub gives them: `image_tokens` times `<|image_pad|>` for each
/// image, the soft prompt as the `prompt_tokens` ids behind the vocabulary.
#[must_use]
pub fn input_ids(spans: &[Span], tokenizer: &Tokenizer, image_tokens: usize, prompt_tokens: usize) -> Vec<u32> {
    let mut ids = Vec::new();
    let first = u32::try_from(tokenizer.vocab_len()).unwrap_or(u32::MAX);
    for span in spans {
        match span {
            Span::Ids(text) => ids.extend(text),
            Span::Image => ids.extend(std::iter::repeat_n(tokenizer.special().image_pad, image_tokens)),
            Span::SoftPrompt => ids.extend((first..).take(prompt_tokens)),
        }
    }
    ids
}

/// Which of the last turn's tokens are trained: from right after the last `assistant` to right before the last
/// `<|im_end|>`, that is a line break and the answer. Nothing where there is no such turn.
#[must_use]
pub fn supervised(ids: &[u32], special: SpecialIds) -> Option<Range<usize>> {
    let turn = ids.windows(2).rposition(|pair| pair == [special.im_start, special.assistant])?;
    let end = ids.iter().rposition(|&id| id == special.im_end)?;
    (turn + 2 < end).then_some(turn + 2..end)
}
