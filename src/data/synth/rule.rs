//! The written rule: which emotion a drawn picture evokes.
//!
//! Every aspect that is visible adds points to the emotions of its row; the emotion with the most points is the picture's. A situation is
//! never read. Brightness and colour count by MASP's five levels. Pictures in which two emotions tie for the most points are not drawn.
//! A picture is *clear* where the winner leads by [`CLEAR`] points or more.
//!
//! | aspect | value | amusement | awe | contentment | excitement | anger | disgust | fear | sadness |
//! |---|---|---|---|---|---|---|---|---|---|
//! | scene | beach | | 1 | 3 | | | | | |
//! | scene | cemetery | | | | | | | 1 | 3 |
//! | scene | fairground | 3 | | | 1 | | | | |
//! | scene | forest | | 1 | | | | | 3 | |
//! | scene | garden | 1 | | 3 | | | | | |
//! | scene | landfill | | | | | | 3 | | |
//! | scene | living_room | 1 | | 2 | | 1 | | | |
//! | scene | mountain | | 3 | | | | | 1 | |
//! | scene | ocean | | 3 | | | | | 1 | |
//! | scene | stadium | | | | 3 | | | | |
//! | scene | street | | | | | 3 | 1 | | |
//! | object | balloon | 3 | | | 1 | | | | |
//! | object | boat | | 1 | 2 | | | | | |
//! | object | cake | 3 | | 1 | | | | | |
//! | object | candle | | | | | | | | 3 |
//! | object | car | | | | 1 | 3 | | | |
//! | object | dog | 2 | | 3 | | | | | |
//! | object | eagle | | 3 | | | | | | |
//! | object | fire | | | | | 3 | | 1 | |
//! | object | flower | | | 3 | | | | | 1 |
//! | object | snake | | | | | | | 3 | |
//! | object | spider | | | | | | 2 | 3 | |
//! | object | trash | | | | | 1 | 3 | | |
//! | object | trophy | | | | 3 | | | | |
//! | object | umbrella | | | | | | | | 3 |
//! | expression | angry | | | | | 4 | | | |
//! | expression | disgust | | | | | | 4 | | |
//! | expression | fear | | | | | | | 4 | |
//! | expression | happy | 3 | | 3 | 3 | | | | |
//! | expression | sad | | | | | | | | 4 |
//! | expression | surprise | | 3 | | 3 | | | 1 | |
//! | action | bending | | | | | | 3 | | |
//! | action | dancing | 3 | | | 1 | | | | |
//! | action | fighting | | | | | 3 | | | |
//! | action | jumping | 1 | | | 3 | | | | |
//! | action | kneeling | | | | | | | 1 | 3 |
//! | action | running | | | | 1 | | | 3 | |
//! | action | sitting | | | 3 | | | | | 1 |
//! | action | standing | | 3 | | | | | | 1 |
//! | brightness | very low | | | | | | | 2 | 1 |
//! | brightness | low | | | | | 1 | 1 | 1 | 1 |
//! | brightness | moderate | | | 1 | | | 1 | | |
//! | brightness | high | 1 | 1 | 1 | 1 | | | | |
//! | brightness | very high | 1 | 2 | | 1 | | | | |
//! | colour | very low | | | | | | 1 | | 2 |
//! | colour | low | | | 1 | | | 1 | 1 | 1 |
//! | colour | moderate | | 2 | 1 | | | | 1 | |
//! | colour | high | 1 | 1 | | 1 | 1 | | | |
//! | colour | very high | 1 | | | 2 | 1 | | | |

use super::scene::Scene;

/// The share of labels that are another emotion than the rule's.
pub const NOISE: f64 = 0.05;

/// The lead, in points, from which a winner is clear.
pub const CLEAR: u8 = 2;

/// One row of the table: points for each of [`MIKELS`](crate::data::classes::MIKELS).
type Points = [u8; 8];

/// In the order of [`super::scene::SCENES`].
#[rustfmt::skip]
const SCENE_POINTS: [Points; 11] = [
    [0, 1, 3, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, 3],
    [3, 0, 0, 1, 0, 0, 0, 0],
    [0, 1, 0, 0, 0, 0, 3, 0],
    [1, 0, 3, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 3, 0, 0],
    [1, 0, 2, 0, 1, 0, 0, 0],
    [0, 3, 0, 0, 0, 0, 1, 0],
    [0, 3, 0, 0, 0, 0, 1, 0],
    [0, 0, 0, 3, 0, 0, 0, 0],
    [0, 0, 0, 0, 3, 1, 0, 0],
];

/// In the order of [`super::scene::OBJECTS`].
#[rustfmt::skip]
const OBJECT_POINTS: [Points; 14] = [
    [3, 0, 0, 1, 0, 0, 0, 0],
    [0, 1, 2, 0, 0, 0, 0, 0],
    [3, 0, 1, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 3],
    [0, 0, 0, 1, 3, 0, 0, 0],
    [2, 0, 3, 0, 0, 0, 0, 0],
    [0, 3, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 3, 0, 1, 0],
    [0, 0, 3, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 3, 0],
    [0, 0, 0, 0, 0, 2, 3, 0],
    [0, 0, 0, 0, 1, 3, 0, 0],
    [0, 0, 0, 3, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 3],
];

/// In the order of [`super::scene::EXPRESSIONS`].
#[rustfmt::skip]
const EXPRESSION_POINTS: [Points; 6] = [
    [0, 0, 0, 0, 4, 0, 0, 0],
    [0, 0, 0, 0, 0, 4, 0, 0],
    [0, 0, 0, 0, 0, 0, 4, 0],
    [3, 0, 3, 3, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 4],
    [0, 3, 0, 3, 0, 0, 1, 0],
];

/// In the order of [`super::scene::ACTIONS`].
#[rustfmt::skip]
const ACTION_POINTS: [Points; 8] = [
    [0, 0, 0, 0, 0, 3, 0, 0],
    [3, 0, 0, 1, 0, 0, 0, 0],
    [0, 0, 0, 0, 3, 0, 0, 0],
    [1, 0, 0, 3, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, 3],
    [0, 0, 0, 1, 0, 0, 3, 0],
    [0, 0, 3, 0, 0, 0, 0, 1],
    [0, 3, 0, 0, 0, 0, 0, 1],
];

/// In the order of [`super::scene::LEVELS`].
#[rustfmt::skip]
const BRIGHTNESS_POINTS: [Points; 5] = [
    [0, 0, 0, 0, 0, 0, 2, 1],
    [0, 0, 0, 0, 1, 1, 1, 1],
    [0, 0, 1, 0, 0, 1, 0, 0],
    [1, 1, 1, 1, 0, 0, 0, 0],
    [1, 2, 0, 1, 0, 0, 0, 0],
];

/// In the order of [`super::scene::LEVELS`].
#[rustfmt::skip]
const COLOUR_POINTS: [Points; 5] = [
    [0, 0, 0, 0, 0, 1, 0, 2],
    [0, 0, 1, 0, 0, 1, 1, 1],
    [0, 2, 1, 0, 0, 0, 1, 0],
    [1, 1, 0, 1, 1, 0, 0, 0],
    [1, 0, 0, 2, 1, 0, 0, 0],
];

/// What the rule says of a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Index into [`MIKELS`](crate::data::classes::MIKELS); of several with the most points the first.
    pub emotion: usize,
    /// By how many points it leads; 0 is a tie.
    pub lead: u8,
}

impl Verdict {
    #[must_use]
    pub fn clear(self) -> bool {
        self.lead >= CLEAR
    }
}

/// The points of each of [`MIKELS`](crate::data::classes::MIKELS).
#[must_use]
pub fn points(scene: &Scene) -> Points {
    let person = scene
        .person
        .iter()
        .flat_map(|person| [EXPRESSION_POINTS[person.expression], ACTION_POINTS[person.action]]);
    let rows = [
        SCENE_POINTS[scene.setting],
        BRIGHTNESS_POINTS[scene.brightness_level()],
        COLOUR_POINTS[scene.colorfulness_level()],
    ];
    let objects = scene.objects.iter().map(|thing| OBJECT_POINTS[thing.kind]);
    rows.into_iter()
        .chain(objects)
        .chain(person)
        .fold([0; 8], |mut sum, row| {
            sum.iter_mut().zip(row).for_each(|(sum, points)| *sum += points);
            sum
        })
}

/// The emotion of a scene, and how clearly it wins.
#[must_use]
pub fn verdict(scene: &Scene) -> Verdict {
    let points = points(scene);
    let (mut emotion, mut second) = (0, 0);
    for (candidate, &value) in points.iter().enumerate().skip(1) {
        if value > points[emotion] {
            second = points[emotion];
            emotion = candidate;
        } else {
            second = second.max(value);
        }
    }
    Verdict {
        emotion,
        lead: points[emotion] - second,
    }
}

/// How many of a split's labels are another emotion than the rule's: the share rounded to whole pictures.
#[must_use]
pub fn noisy(pictures: usize, noise: f64) -> usize {
    ((pictures as f64 * noise).round() as usize).min(pictures)
}

/// The best accuracy that can be expected on a split: that of one who reads every aspect rightly and knows the rule. Label noise goes to
/// each other emotion alike, so that nothing in a picture tells of it.
#[must_use]
pub fn best_possible(pictures: usize, noise: f64) -> f64 {
    if pictures == 0 {
        1.0
    } else {
        1.0 - noisy(pictures, noise) as f64 / pictures as f64
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::data::classes::MIKELS;
    use crate::data::synth::scene::{ACTIONS, EXPRESSIONS, LEVELS, OBJECTS, Person, SCENES, Thing, VARIATION};

    #[test]
    fn the_table_in_the_head_is_the_rule() {
        let aspects: [(&str, &[&str], &[Points]); 6] = [
            ("scene", &SCENES, &SCENE_POINTS),
            ("object", &OBJECTS, &OBJECT_POINTS),
            ("expression", &EXPRESSIONS, &EXPRESSION_POINTS),
            ("action", &ACTIONS, &ACTION_POINTS),
            ("brightness", &LEVELS, &BRIGHTNESS_POINTS),
            ("colour", &LEVELS, &COLOUR_POINTS),
        ];
        let mut expected = vec![format!("//! | aspect | value | {} |", MIKELS.join(" | "))];
        for (aspect, words, rows) in aspects {
            for (word, row) in words.iter().zip(rows) {
                let cells: String = row
                    .iter()
                    .map(|&p| if p == 0 { " |".to_owned() } else { format!(" {p} |") })
                    .collect();
                expected.push(format!("//! | {aspect} | {word} |{cells}"));
            }
        }
        let head: Vec<&str> = include_str!("rule.rs")
            .lines()
            .filter(|line| line.starts_with("//! |") && !line.contains("|---|"))
            .collect();
        assert_eq!(head, expected);
    }

    #[test]
    fn points_add_up() {
        let mut scene = Scene::draw_attributes(&mut ChaCha8Rng::seed_from_u64(0), 112, VARIATION);
        scene.setting = 8; // ocean
        scene.objects = vec![Thing {
            kind: 9,
            bounds: [0.0; 4],
        }]; // snake
        scene.person = Some(Person {
            expression: 2,
            action: 5,
            face: [0.0; 4],
            body: [0.0; 4],
        }); // fear, running
        (scene.brightness, scene.colorfulness) = (0.1, 0.5);
        assert_eq!(points(&scene), [0, 5, 1, 1, 0, 0, 14, 1]);
        assert_eq!(verdict(&scene), Verdict { emotion: 6, lead: 9 });
        (scene.person, scene.brightness) = (None, 0.9);
        scene.objects.clear();
        assert_eq!(points(&scene), [1, 7, 1, 1, 0, 0, 2, 0]);
        assert_eq!(verdict(&scene), Verdict { emotion: 1, lead: 5 });
    }

    #[test]
    fn most_pictures_are_clear_and_emotions_are_balanced() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let verdicts: Vec<Verdict> = (0..8000)
            .map(|_| verdict(&Scene::draw_attributes(&mut rng, 112, VARIATION)))
            .filter(|v| v.lead > 0)
            .collect();
        let clear = verdicts.iter().filter(|verdict| verdict.clear()).count() as f64 / verdicts.len() as f64;
        assert!((0.9..0.99).contains(&clear), "{clear}");
        for (emotion, word) in MIKELS.iter().enumerate() {
            let share =
                verdicts.iter().filter(|verdict| verdict.emotion == emotion).count() as f64 / verdicts.len() as f64;
            assert!((0.10..0.15).contains(&share), "{word}: {share}");
        }
    }

    #[test]
    fn the_best_possible_accuracy_counts_whole_pictures() {
        assert_eq!(best_possible(2000, NOISE), 0.95);
        assert_eq!(best_possible(10, NOISE), 0.9);
        assert_eq!(best_possible(0, NOISE), 1.0);
        assert_eq!(best_possible(600, 0.0), 1.0);
    }
}
