//! What words that are being completed begin with.

/// The longest common prefix of all words; `None` if there are none.
#[must_use]
pub fn common_prefix<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    words.into_iter().reduce(of_two)
}

fn of_two<'a>(a: &'a str, b: &'a str) -> &'a str {
    let same = a.char_indices().zip(b.chars()).find(|((_, a), b)| a != b);
    let shorter = a.chars().zip(b.chars()).map(|(c, _)| c.len_utf8()).sum();
    &a[..same.map_or(shorter, |((at, _), _)| at)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_words_begin_with() {
        assert_eq!(common_prefix(["best_ece", "best_f1", "best"]), Some("best"));
        assert_eq!(
            [of_two("best_ece", "best_f1"), of_two("ab", "abc"), of_two("é", "è")],
            ["best_", "ab", ""]
        );
        assert_eq!((common_prefix([]), common_prefix(["one"])), (None, Some("one")));
    }
}
