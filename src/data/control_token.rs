//! Words that the model would obey instead of read.

/// The first control token in a text (`<|im_end|>`, `<|image_pad|>`, ...). The tokenizer gives such a word, written
/// anywhere in a chat, the id of the real one: a label or a question with it would end the turn that it stands in.
#[must_use]
pub fn control_token(text: &str) -> Option<&str> {
    let begin = text.find("<|")?;
    let length = text[begin + 2..].find("|>")?;
    Some(&text[begin..begin + 2 + length + 2])
}

#[cfg(test)]
mod tests {
    use super::control_token;

    #[test]
    fn tokens_are_found_and_other_marks_are_not() {
        assert_eq!(control_token("a <|im_end|> b"), Some("<|im_end|>"));
        for plain in ["joy", "<joy>", "<|", "|> <|", "a | b", "<3"] {
            assert_eq!(control_token(plain), None, "{plain}");
        }
    }
}
