//! How far a wrong emotion is from the right one, on Mikels' wheel and by polarity.

use super::{Scored, classification::predicted, share};

/// Mikels' eight emotions in the order of the wheel; the last stands beside the first.
pub const MIKELS_WHEEL: [&str; 8] = [
    "amusement",
    "excitement",
    "anger",
    "disgust",
    "fear",
    "sadness",
    "awe",
    "contentment",
];

/// Whether an emotion is a pleasant one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polarity {
    Positive,
    Negative,
}

/// The polarity of a label of any of the known class lists; surprise and unknown labels have none.
#[must_use]
pub fn polarity(label: &str) -> Option<Polarity> {
    match label.to_lowercase().as_str() {
        "amusement" | "awe" | "contentment" | "content" | "excitement" | "joy" | "love" | "positive" => {
            Some(Polarity::Positive)
        }
        "anger" | "disgust" | "fear" | "sadness" | "sad" | "negative" => Some(Polarity::Negative),
        _ => None,
    }
}

/// Share of samples whose most likely label has the gold label's polarity. None where a label has no
/// polarity, or all labels have the same. A sample without a prediction counts as wrong.
#[must_use]
pub fn polarity_accuracy(labels: &[String], rows: &[Scored]) -> Option<f64> {
    let polarities: Vec<Polarity> = labels.iter().map(|label| polarity(label)).collect::<Option<_>>()?;
    let first = polarities.first()?;
    if polarities.iter().all(|other| other == first) {
        return None;
    }
    let of = |index: usize| polarities.get(index);
    let right = |row: &&Scored| {
        let prediction = predicted(row.probabilities).and_then(of);
        prediction.is_some() && prediction == of(row.gold)
    };
    Some(share(rows.iter().filter(right).count(), rows.len()))
}

/// Mean distance on the wheel between the most likely and the gold label: min(|i - j|, 8 - |i - j|), 0 to 4.
/// None where the labels are not Mikels' eight (`content` and `sad` are accepted for two of them). A sample
/// without a prediction has distance 4; 0 for no samples.
#[must_use]
pub fn wheel_distance(labels: &[String], rows: &[Scored]) -> Option<f64> {
    let places: Vec<usize> = labels.iter().map(|label| place(label)).collect::<Option<_>>()?;
    if places.len() != MIKELS_WHEEL.len() || (0..MIKELS_WHEEL.len()).any(|i| !places.contains(&i)) {
        return None;
    }
    let half = MIKELS_WHEEL.len() / 2;
    let distance = |row: &Scored| {
        let prediction = places.get(predicted(row.probabilities)?)?;
        let apart = prediction.abs_diff(*places.get(row.gold)?);
        Some(apart.min(MIKELS_WHEEL.len() - apart))
    };
    let sum = rows.iter().map(|row| distance(row).unwrap_or(half)).sum();
    Some(share(sum, rows.len()))
}

fn place(label: &str) -> Option<usize> {
    let label = label.to_lowercase();
    let name = match label.as_str() {
        "content" => "contentment",
        "sad" => "sadness",
        other => other,
    };
    MIKELS_WHEEL.iter().position(|known| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn emoset() -> Vec<String> {
        labels(&crate::data::classes::MIKELS)
    }

    fn row(gold: usize, prediction: usize) -> Scored<'static> {
        const ONE_HOT: [[f64; 8]; 8] = {
            let mut rows = [[0.0; 8]; 8];
            let mut i = 0;
            while i < 8 {
                rows[i][i] = 1.0;
                i += 1;
            }
            rows
        };
        Scored {
            gold,
            probabilities: &ONE_HOT[prediction],
            generated: "",
        }
    }

    fn unanswered() -> Scored<'static> {
        Scored {
            gold: 0,
            probabilities: &[f64::NAN; 8],
            generated: "",
        }
    }

    #[test]
    fn distances_by_hand() {
        let distance = |gold, prediction| wheel_distance(&emoset(), &[row(gold, prediction)]);
        assert_eq!(distance(0, 0), Some(0.0));
        // amusement (0 on the wheel) and contentment (7) are neighbours.
        assert_eq!(distance(0, 2), Some(1.0));
        // excitement (1) and sadness (5) are opposite; awe (6) and anger (2) too.
        assert_eq!(distance(3, 7), Some(4.0));
        assert_eq!(distance(1, 4), Some(4.0));
        // amusement (0) and awe (6): the short way round.
        assert_eq!(distance(0, 1), Some(2.0));
        let mean = wheel_distance(&emoset(), &[row(0, 0), row(0, 1), unanswered()]);
        assert_eq!(mean, Some(2.0));
    }

    #[test]
    fn the_wheel_needs_mikels_eight_emotions() {
        let abstract_paintings = labels(&[
            "amusement",
            "anger",
            "awe",
            "content",
            "disgust",
            "excitement",
            "fear",
            "sad",
        ]);
        assert_eq!(wheel_distance(&abstract_paintings, &[]), Some(0.0));
        assert_eq!(wheel_distance(&labels(&["anger", "fear"]), &[]), None);
        assert_eq!(wheel_distance(&labels(&["awe"; 8]), &[]), None);
        assert_eq!(wheel_distance(&[], &[]), None);
    }

    #[test]
    fn polarity_by_hand() {
        // excitement for amusement is right, anger for awe is not, no answer is not, fear for fear is.
        let rows = [row(0, 3), row(1, 4), unanswered(), row(6, 6)];
        assert_eq!(polarity_accuracy(&emoset(), &rows), Some(0.5));
        assert_eq!(polarity_accuracy(&labels(&["positive", "negative"]), &[]), Some(0.0));
        let emotion6 = labels(&["anger", "disgust", "fear", "joy", "sadness", "surprise"]);
        assert_eq!(polarity_accuracy(&emotion6, &rows), None);
        assert_eq!(polarity_accuracy(&labels(&["anger", "fear"]), &rows), None);
        assert_eq!(polarity_accuracy(&[], &[]), None);
    }
}
