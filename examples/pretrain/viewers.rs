//! Viewers: people who feel in their own way. A viewer is a list of associations, each of a few things with an emotion,
//! and is told to the model by tokens in the soft prompt's two places: each token is the sum of the word embeddings of
//! its things and of its emotion. Every viewer is drawn anew, without regard to the dataset's rule, whose emotions
//! therefore agree with a viewer's by chance alone (1 in 8).

use rand::{Rng, seq::SliceRandom};

use super::facts::{EMOTIONS, VALUES};

/// The least lead of the winning emotion, in units of one association.
const LEAD: f32 = 0.3;

/// One token of a viewer: these values evoke this emotion with this strength.
#[derive(Debug, Clone, PartialEq)]
pub struct Association {
    pub values: Vec<usize>,
    pub emotion: usize,
    pub strength: f32,
}

/// A viewer and what it feels before one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Viewer {
    pub associations: Vec<Association>,
    pub emotion: usize,
    /// The picture's values that speak for the emotion, in order.
    pub cues: Vec<usize>,
}

/// Draws a viewer of up to `tokens` associations of up to `most` values each who feels something definite before a
/// picture that shows `seen`.
pub fn draw(seen: &[usize], tokens: usize, most: usize, rng: &mut impl Rng) -> Viewer {
    loop {
        let mut associations: Vec<Association> = (0..tokens)
            .map(|token| Association {
                values: (0..rng.random_range(1..=most))
                    .map(|_| rng.random_range(0..VALUES))
                    .collect(),
                emotion: if token < EMOTIONS.len() {
                    token
                } else {
                    rng.random_range(0..EMOTIONS.len())
                },
                strength: if most == 1 { 1.0 } else { rng.random_range(0.6..1.4) },
            })
            .collect();
        associations.shuffle(rng);
        // Most things that a viewer may care about are not in a given picture: plant some that are.
        for &value in seen {
            if rng.random_bool(0.5) {
                let token = rng.random_range(0..tokens);
                associations[token].values[0] = value;
            }
        }
        let score = |emotion: usize| -> f32 {
            let own = associations.iter().filter(|association| association.emotion == emotion);
            own.map(|a| a.strength * a.values.iter().filter(|value| seen.contains(value)).count() as f32)
                .sum()
        };
        let mut order: Vec<usize> = (0..EMOTIONS.len()).collect();
        order.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
        if score(order[0]) < score(order[1]) + LEAD {
            continue;
        }
        let speaks = |value: &&usize| {
            associations
                .iter()
                .any(|a| a.emotion == order[0] && a.values.contains(value))
        };
        let cues: Vec<usize> = seen.iter().filter(speaks).copied().collect();
        return Viewer {
            emotion: order[0],
            cues,
            associations,
        };
    }
}
