//! A chat about a picture, as turns; a family's [`Template`](super::template::Template) writes it out.

/// A piece of a user's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(String),
    /// The picture.
    Image,
    /// The soft prompt's tokens; each occurrence stands for the same vectors.
    SoftPrompt,
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    User(Vec<Content>),
    /// A finished answer.
    Assistant(String),
}

/// Turns in order. Where the last one is the user's, the model is to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chat {
    pub turns: Vec<Turn>,
}

impl Chat {
    /// Stage 1's question: the image, then the text.
    #[must_use]
    pub fn about_image(question: &str) -> Self {
        Self::default().user([Content::Image, Content::Text(question.to_owned())])
    }

    /// Stage 2's question. As in the reference the soft prompt stands twice: before the image, and glued to the
    /// question's front.
    #[must_use]
    pub fn about_image_with_prompt(question: &str) -> Self {
        let question = Content::Text(question.to_owned());
        Self::default().user([Content::SoftPrompt, Content::Image, Content::SoftPrompt, question])
    }

    /// Adds a user's turn.
    #[must_use]
    pub fn user(mut self, content: impl IntoIterator<Item = Content>) -> Self {
        self.turns.push(Turn::User(content.into_iter().collect()));
        self
    }

    /// Adds a finished turn of the assistant.
    #[must_use]
    pub fn assistant(mut self, text: &str) -> Self {
        self.turns.push(Turn::Assistant(text.to_owned()));
        self
    }
}
