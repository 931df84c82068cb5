//! How things are asked: `wordings.txt`, a small grammar of alternatives.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use rand::{Rng, seq::IndexedRandom};

/// The sections of `wordings.txt`.
pub struct Wordings {
    sections: BTreeMap<String, Vec<String>>,
}

impl Wordings {
    /// Reads the grammar that is compiled in.
    ///
    /// # Errors
    /// Where a line stands before the first section or its braces do not match.
    pub fn new() -> Result<Self> {
        let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut current = None;
        for (number, line) in include_str!("wordings.txt").lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                current = Some(name.to_owned());
                continue;
            }
            if line.matches('{').count() != line.matches('}').count() {
                bail!("wordings.txt, line {}: the braces do not match", number + 1);
            }
            let section = current
                .clone()
                .with_context(|| format!("wordings.txt, line {}: no section", number + 1))?;
            sections.entry(section).or_default().push(line.to_owned());
        }
        Ok(Self { sections })
    }

    /// The lines of a section, alternatives unresolved.
    pub fn lines(&self, section: &str) -> &[String] {
        self.sections.get(section).map_or(&[], Vec::as_slice)
    }

    /// One wording of a section; `{}` stays for the caller to fill.
    pub fn ask(&self, section: &str, rng: &mut impl Rng) -> String {
        let line = self.lines(section).choose(rng).map_or("", String::as_str);
        resolve(line, rng)
    }

    /// Every line of every section with each choice taken as it comes: the words for the tokenizer.
    pub fn everything(&self, times: usize, rng: &mut impl Rng) -> Vec<String> {
        let lines: Vec<&String> = self.sections.values().flatten().collect();
        (0..times)
            .flat_map(|_| lines.iter().map(|line| resolve(line, rng)).collect::<Vec<_>>())
            .collect()
    }
}

/// Takes one alternative of each `{a|b}`, inner ones included; an empty pair of braces stays.
fn resolve(line: &str, rng: &mut impl Rng) -> String {
    let mut text = line.to_owned();
    let mut from = 0;
    // Innermost first: the first `}` closes the last `{` before it.
    while let Some(close) = text[from..].find('}').map(|at| at + from) {
        let Some(open) = text[..close].rfind('{') else {
            break;
        };
        if close == open + 1 {
            text.replace_range(open..=close, "\u{1}");
        } else {
            let inner = text[open + 1..close].to_owned();
            let options: Vec<&str> = inner.split('|').collect();
            let chosen = options.choose(rng).copied().unwrap_or_default();
            text.replace_range(open..=close, chosen);
        }
        from = 0;
    }
    let text = text.replace('\u{1}', "{}");
    text.split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .replace(" .", ".")
        .replace(" ?", "?")
}
