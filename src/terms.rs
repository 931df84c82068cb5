//! Filters of several terms that must all hold; `-` before a term means that it must not.

/// The terms, each with whether it is negated. None passes everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms<T>(Vec<(bool, T)>);

impl<T> Default for Terms<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Terms<T> {
    /// Reads terms that spaces separate, in lower case, each by `term`.
    ///
    /// # Errors
    /// What `term` says of the first that it cannot read.
    pub fn parse(text: &str, term: impl Fn(&str) -> Result<T, String>) -> Result<Self, String> {
        let text = text.to_lowercase();
        let terms = text.split_whitespace().map(|word| match word.strip_prefix('-') {
            Some(rest) if !rest.is_empty() => Ok((true, term(rest)?)),
            _ => Ok((false, term(word)?)),
        });
        terms.collect::<Result<_, _>>().map(Self)
    }

    /// Whether all terms hold.
    pub fn hold(&self, holds: impl Fn(&T) -> bool) -> bool {
        self.0.iter().all(|(not, term)| holds(term) != *not)
    }

    /// The terms, negated or not.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, term)| term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negated_term_must_not_hold() {
        let terms = Terms::parse("AB -c -", |word| Ok(word.to_owned())).unwrap();
        assert_eq!(terms.iter().collect::<Vec<_>>(), ["ab", "c", "-"]);
        assert!(terms.hold(|term| term != "c"));
        assert!(!terms.hold(|_| true));
        assert!(Terms::<String>::default().hold(|_| false));
        assert!(Terms::<String>::parse("x", |_| Err("no".to_owned())).is_err());
    }
}
