//! Words that the model would obey instead of read.

/// Mistral's and LLaVA's, which have no bars.
const BARE: [&str; 6] = ["<s>", "</s>", "<unk>", "<pad>", "<image>", "<mask>"];

/// The first control token in a text (`<|im_end|>`, `<|image_pad|>`, `</s>`, ...). The tokenizer gives such a word, written
/// anywhere in a chat, the id of the real one: a label or a question with it would end the turn that it stands in. Those of
/// all families are refused with each, so that data serve all of them.
#[must_use]
pub fn control_token(text: &str) -> Option<&str> {
    let bare = BARE.iter().filter_map(|token| Some((text.find(token)?, token.len())));
    let barred = || {
        let begin = text.find("<|")?;
        let length = text[begin + 2..].find("|>")?;
        Some((begin, 2 + length + 2))
    };
    let (begin, length) = bare.chain(barred()).min()?;
    Some(&text[begin..begin + length])
}

#[cfg(test)]
mod tests {
    use super::control_token;

    #[test]
    fn only_control_tokens_are_found() {
        assert_eq!(control_token("a <|im_end|> b"), Some("<|im_end|>"));
        assert_eq!(control_token("joy</s> <|im_end|>"), Some("</s>"));
        assert_eq!(control_token("<image>"), Some("<image>"));
        for plain in ["joy", "<joy>", "<|", "|> <|", "a | b", "<3", "<images>"] {
            assert_eq!(control_token(plain), None, "{plain}");
        }
    }
}
