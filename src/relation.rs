//! Relations between numbers, as filters write them: `conf<0.4`, `best>=80%`.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// The notations, the longer ones first.
const NOTATIONS: [(&str, Relation); 4] = [
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("<", Relation::Less),
    (">", Relation::More),
];

impl Relation {
    /// Splits `lr<1e-4` into its name, its relation and its value; `None` where the word holds no relation.
    #[must_use]
    pub fn split(word: &str) -> Option<(&str, Self, &str)> {
        NOTATIONS
            .into_iter()
            .find_map(|(sign, relation)| word.split_once(sign).map(|(name, value)| (name, relation, value)))
    }

    /// Whether `a` stands in this relation to `b`; never where one is not a number.
    #[must_use]
    pub fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Self::Less => a < b,
            Self::AtMost => a <= b,
            Self::More => a > b,
            Self::AtLeast => a >= b,
        }
    }
}

/// The number that a filter compares with: `0.8`, `1e-4` or `80%`.
///
/// # Errors
/// A sentence where it is none.
pub fn number(text: &str) -> Result<f64, String> {
    let (digits, whole) = match text.strip_suffix('%') {
        Some(digits) => (digits, 100.0),
        None => (text, 1.0),
    };
    let number = digits.parse::<f64>().map_err(|_| format!("`{text}` is not a number"))?;
    Ok(number / whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_split_at_its_longest_relation() {
        assert_eq!(Relation::split("lr<=1e-4"), Some(("lr", Relation::AtMost, "1e-4")));
        assert_eq!(Relation::split("best>80%"), Some(("best", Relation::More, "80%")));
        assert_eq!(Relation::split("plain"), None);
    }

    #[test]
    fn shares_may_be_written_in_percent() {
        assert_eq!([number("80%"), number("7%")], [Ok(0.8), Ok(0.07)]);
        assert_eq!(number("0.8"), Ok(0.8));
        assert!(number("x%").unwrap_err().contains("`x%` is not a number"));
        assert!(!Relation::Less.holds(f64::NAN, 1.0) && !Relation::AtLeast.holds(f64::NAN, 1.0));
    }
}
