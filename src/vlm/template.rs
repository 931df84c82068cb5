//! The chat templates of the families, written out.

use super::chat::{Chat, Content, Turn};
use super::tokenizer::{Tokenizer, TokenizerError};

/// A family's chat format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// `<|im_start|>user
    ///  ... <|im_end|>
    /// `, preceded by a system turn in families whose template adds one.
    ChatMl { system: Option<&'static str> },
    /// Mistral's: `<s>[INST] ... [/INST]`, directly followed by the answer. A line break follows the image.
    Instruct,
}

/// A piece of a written chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A text that is tokenised on its own.
    Text(String),
    /// The place of the picture's tokens (or of what replaces them).
    Image,
    /// The place of the soft prompt's vectors.
    SoftPrompt,
}

/// A stretch of a tokenised chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    Ids(Vec<u32>),
    Image,
    SoftPrompt,
}

impl Template {
    /// The text between the header of the assistant's turn and its answer. It is supervised together with the answer,
    /// as in the reference.
    #[must_use]
    pub const fn lead(self) -> &'static str {
        match self {
            Self::ChatMl { .. } => "\n",
            Self::Instruct => "",
        }
    }

    /// The token that ends an answer.
    #[must_use]
    pub const fn end_of_answer(self) -> &'static str {
        match self {
            Self::ChatMl { .. } => "<|im_end|>",
            Self::Instruct => "</s>",
        }
    }

    /// The special tokens that the template writes; the tokenizer must have them. If the folder does not state which
    /// tokens end an answer, the first of these do.
    #[must_use]
    pub const fn tokens(self) -> &'static [&'static str] {
        match self {
            Self::ChatMl { .. } => &[
                "<|im_end|>",
                "<|endoftext|>",
                "<|im_start|>",
                "<|vision_start|>",
                "<|vision_end|>",
                "<|image_pad|>",
            ],
            Self::Instruct => &["</s>", "<s>", "<image>"],
        }
    }

    /// How many of [`Self::tokens`] end an answer.
    #[must_use]
    pub const fn ends(self) -> usize {
        match self {
            Self::ChatMl { .. } => 2,
            Self::Instruct => 1,
        }
    }

    /// The chat as pieces. If the last turn is the user's, it ends where the answer begins.
    #[must_use]
    pub fn pieces(self, chat: &Chat) -> Vec<Piece> {
        let mut pieces = Pieces(Vec::new());
        match self {
            Self::ChatMl { system } => chat_ml(&mut pieces, system, chat),
            Self::Instruct => instruct(&mut pieces, chat),
        }
        pieces.0
    }

    /// Like [`Self::pieces`], but tokenised.
    ///
    /// # Errors
    /// [`TokenizerError::Failed`].
    pub fn spans(self, chat: &Chat, tokenizer: &Tokenizer) -> Result<Vec<Span>, TokenizerError> {
        let span = |piece: &Piece| {
            Ok(match piece {
                Piece::Text(text) => Span::Ids(tokenizer.encode(text)?),
                Piece::Image => Span::Image,
                Piece::SoftPrompt => Span::SoftPrompt,
            })
        };
        self.pieces(chat).iter().map(span).collect()
    }
}

fn chat_ml(pieces: &mut Pieces, system: Option<&str>, chat: &Chat) {
    if let Some(system) = system {
        pieces.text(&format!("<|im_start|>system\n{system}<|im_end|>\n"));
    }
    for turn in &chat.turns {
        match turn {
            Turn::User(content) => {
                pieces.text("<|im_start|>user\n");
                for content in content {
                    match content {
                        Content::Text(text) => pieces.text(text),
                        Content::Image => {
                            pieces.text("<|vision_start|>");
                            pieces.0.push(Piece::Image);
                            pieces.text("<|vision_end|>");
                        }
                        Content::SoftPrompt => pieces.0.push(Piece::SoftPrompt),
                    }
                }
                pieces.text("<|im_end|>\n");
            }
            Turn::Assistant(text) => pieces.text(&format!("<|im_start|>assistant\n{text}<|im_end|>\n")),
        }
    }
    if matches!(chat.turns.last(), Some(Turn::User(_))) {
        pieces.text("<|im_start|>assistant\n");
    }
}

/// The hub's template of LLaVA-NeXT-Mistral, except that the image stays where the chat has it.
fn instruct(pieces: &mut Pieces, chat: &Chat) {
    pieces.text("<s>");
    for turn in &chat.turns {
        match turn {
            Turn::User(content) => {
                pieces.text("[INST] ");
                for content in content {
                    match content {
                        Content::Text(text) => pieces.text(text),
                        Content::Image => {
                            pieces.0.push(Piece::Image);
                            pieces.text("\n");
                        }
                        Content::SoftPrompt => pieces.0.push(Piece::SoftPrompt),
                    }
                }
                pieces.text(" [/INST]");
            }
            Turn::Assistant(text) => {
                // An answer is tokenised separately.
                pieces.0.push(Piece::Text(text.clone()));
                pieces.0.push(Piece::Text("</s> ".to_owned()));
            }
        }
    }
}

struct Pieces(Vec<Piece>);

impl Pieces {
    /// Adjacent texts become one piece, because they are tokenised together.
    fn text(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Text(last)) => last.push_str(text),
            _ => self.0.push(Piece::Text(text.to_owned())),
        }
    }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
