//! Maps the name that a folder, row or file gives a class to its index in the label list.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::meant::key;
use crate::{data::classes::KnownDataset, printable::printable};

/// The label list, and what is read as each.
pub(super) struct Labels {
    /// In the label list's order.
    pub classes: Vec<String>,
    by_key: HashMap<String, usize>,
    /// Sentences on names that were read as another.
    pub notes: Vec<String>,
}

impl Labels {
    /// The known dataset's list, else the folders' names: those that differ by case, blanks or encoding alone are one
    /// class.
    pub fn new(known: Option<&KnownDataset>, folders: &[String]) -> Self {
        let mut written: IndexMap<String, Vec<&str>> = IndexMap::new();
        for folder in folders {
            let of = written.entry(key(folder)).or_default();
            if !of.contains(&folder.as_str()) {
                of.push(folder);
            }
        }
        written.shift_remove("");
        let mut classes: Vec<String> = match known {
            Some(known) => known.classes.iter().map(|&class| class.to_owned()).collect(),
            None => written.values().map(|names| plainest(names)).collect(),
        };
        if known.is_none() {
            classes.sort_unstable();
        }
        let by_key: HashMap<String, usize> = (0..).zip(&classes).map(|(label, class)| (key(class), label)).collect();
        let mut notes = Vec::new();
        for (key, names) in &written {
            let Some(class) = by_key.get(key).and_then(|&label| classes.get(label)) else {
                continue;
            };
            let odd = names.iter().any(|name| name.to_lowercase() != class.to_lowercase());
            if names.len() > 1 || odd {
                let names: Vec<String> = names.iter().map(|name| format!("`{}`", printable(name))).collect();
                notes.push(format!(
                    "{} differ from one class name by case, blanks or encoding alone and are read as `{}`; if they \
                     are not the same, rename them.",
                    names.join(", "),
                    printable(class)
                ));
            }
        }
        for class in classes.iter().filter(|class| class.contains(',')) {
            notes.push(format!(
                "The class `{}` contains a comma, which separates the classes in the question; rename it.",
                printable(class)
            ));
        }
        Self { classes, by_key, notes }
    }

    /// The label that a name means.
    pub fn of(&self, name: &str) -> Option<usize> {
        self.by_key.get(&key(name)).copied()
    }

    /// The class most like an unknown name, as a suggestion for a person.
    pub fn near(&self, name: &str) -> Option<&str> {
        let name = key(name);
        let nearness = |class: &str| {
            let class = key(class);
            let begins = class.len().min(name.len()) > 2 && (class.starts_with(&name) || name.starts_with(&class));
            if begins {
                1.0
            } else {
                strsim::jaro_winkler(&class, &name)
            }
        };
        let ranked = self.classes.iter().map(|class| (nearness(class), class.as_str()));
        let best = ranked.max_by(|a, b| a.0.total_cmp(&b.0))?;
        (best.0 >= 0.85).then_some(best.1)
    }
}

/// Of several ways to write a name: the first without outer blanks or encoding, else the first without its blanks.
fn plainest(names: &[&str]) -> String {
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}');
    let plain = names
        .iter()
        .find(|name| name.trim_matches(blank) == **name && !name.contains('%'));
    plain.or(names.first()).unwrap_or(&"").trim_matches(blank).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::classes;

    fn labels(known: Option<&KnownDataset>, folders: &[&str]) -> Labels {
        let folders: Vec<String> = folders.iter().map(|&folder| folder.to_owned()).collect();
        Labels::new(known, &folders)
    }

    #[test]
    fn class_names_that_differ_only_by_case_are_one_class_with_a_warning() {
        let twins = labels(None, &["joy", "fear ", "Joy", "fear", "zest"]);
        assert_eq!(twins.classes, ["fear", "joy", "zest"]);
        assert_eq!(
            ["Joy", "fear ", "zest", "rage"].map(|name| twins.of(name)),
            [Some(1), Some(0), Some(2), None]
        );
        let notes = twins.notes.join("\n");
        assert!(
            twins.notes.len() == 2 && notes.contains("`joy`, `Joy` differ"),
            "{notes}"
        );
        let clean = labels(None, &["Cat", "zebra"]);
        assert_eq!(
            (clean.classes, clean.notes.len()),
            (vec!["Cat".to_owned(), "zebra".to_owned()], 0)
        );
        assert_eq!(labels(None, &["-1", "1", "  "]).classes, ["-1", "1"]);
    }

    #[test]
    fn a_known_list_keeps_its_order_and_suggests_near_names() {
        let known = labels(Some(&classes::EMOSET), &["Awe", "fear "]);
        assert_eq!(
            (known.of("fear "), known.of("AWE"), known.of("sad")),
            (Some(6), Some(1), None)
        );
        assert_eq!(known.notes.len(), 1, "{:?}", known.notes);
        assert_eq!(
            (known.near("sad"), known.near("feer"), known.near("cat")),
            (Some("sadness"), Some("fear"), None)
        );
    }
}
