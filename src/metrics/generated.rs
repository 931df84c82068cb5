//! The reference's own figure: the greedy answer must be the label, letter by letter.

use super::{Scored, share};

/// The text that the reference compares with the label: the answer in lower case, cut at the first line feed,
/// without spaces around it. Other white space stays and makes the answer wrong.
#[must_use]
pub fn generated_label(generated: &str) -> String {
    let lower = generated.to_lowercase();
    lower
        .split('\n')
        .next()
        .unwrap_or_default()
        .trim_matches(' ')
        .to_owned()
}

/// Share of samples whose [`generated_label`] equals the gold label in lower case.
#[must_use]
pub fn accuracy_generated(labels: &[String], rows: &[Scored]) -> f64 {
    let labels: Vec<String> = labels.iter().map(|label| label.to_lowercase()).collect();
    let right = |row: &&Scored| labels.get(row.gold) == Some(&generated_label(row.generated));
    share(rows.iter().filter(right).count(), rows.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_cut_as_the_reference_cuts_it() {
        for (generated, label) in [
            ("awe", "awe"),
            (" Awe \nbecause", "awe"),
            ("awe.", "awe."),
            ("\nawe", ""),
            ("awe\r\n", "awe\r"),
            ("awe\t", "awe\t"),
            ("AWE sadness", "awe sadness"),
            ("", ""),
        ] {
            assert_eq!(generated_label(generated), label);
        }
    }

    #[test]
    fn exact_match_by_hand() {
        let labels = ["awe", "Fear"].map(str::to_owned);
        let row = |gold, generated| Scored {
            gold,
            probabilities: &[],
            generated,
        };
        let rows = [
            row(0, "Awe\n"),
            row(1, "fear"),
            row(0, "awesome"),
            row(1, "awe"),
            row(9, ""),
            row(0, ""),
        ];
        assert_eq!(accuracy_generated(&labels, &rows), 2.0 / 6.0);
        assert_eq!(accuracy_generated(&labels, &[]), 0.0);
    }
}
