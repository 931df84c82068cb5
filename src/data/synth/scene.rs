//! What a drawn picture shows, as plain data: the scene word, objects, a person, brightness and colour, and where they stand.

use rand::{Rng, seq::IndexedRandom};

use super::{place, situation};

/// The scene words (settings), as EmoSet writes them.
pub const SCENES: [&str; 11] = [
    "beach",
    "cemetery",
    "fairground",
    "forest",
    "garden",
    "landfill",
    "living_room",
    "mountain",
    "ocean",
    "stadium",
    "street",
];

/// The kinds of object.
pub const OBJECTS: [&str; 14] = [
    "balloon", "boat", "cake", "candle", "car", "dog", "eagle", "fire", "flower", "snake", "spider", "trash", "trophy",
    "umbrella",
];

/// EmoSet's six facial expressions.
pub const EXPRESSIONS: [&str; 6] = ["angry", "disgust", "fear", "happy", "sad", "surprise"];

/// What a person may be doing.
pub const ACTIONS: [&str; 8] = [
    "bending", "dancing", "fighting", "jumping", "kneeling", "running", "sitting", "standing",
];

/// How MASP says a number in `[0, 1]`: `[0,.2)`, `[.2,.4)`, `[.4,.6)`, `[.6,.8)`, `[.8,1]`.
pub const LEVELS: [&str; 5] = ["very low", "low", "moderate", "high", "very high"];

/// How freely an aspect leaves what its situation proposes, in the drawn dataset: the probability, for each aspect on its own,
/// that it is drawn from the whole vocabulary instead.
pub const VARIATION: f64 = 0.1;

/// A box in pixels: left, top, right, bottom.
pub type Bounds = [f32; 4];

/// One object in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Thing {
    /// Index into [`OBJECTS`].
    pub kind: usize,
    pub bounds: Bounds,
}

impl Thing {
    #[must_use]
    pub fn name(&self) -> &'static str {
        OBJECTS[self.kind]
    }
}

/// The person in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Index into [`EXPRESSIONS`].
    pub expression: usize,
    /// Index into [`ACTIONS`].
    pub action: usize,
    pub face: Bounds,
    /// The whole person, face included.
    pub body: Bounds,
}

impl Person {
    #[must_use]
    pub fn expression_word(&self) -> &'static str {
        EXPRESSIONS[self.expression]
    }

    #[must_use]
    pub fn action_word(&self) -> &'static str {
        ACTIONS[self.action]
    }
}

/// Everything that a picture shows. [`super::draw::render`] turns it into pixels without further chance.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Index into [`situation::SITUATIONS`]; no rule and no annotation reads it.
    pub situation: usize,
    /// Index into [`SCENES`].
    pub setting: usize,
    /// None, one or two, of different kinds.
    pub objects: Vec<Thing>,
    pub person: Option<Person>,
    /// In `[0, 1]`.
    pub brightness: f32,
    /// In `[0, 1]`.
    pub colorfulness: f32,
    /// Width and height in pixels.
    pub size: u32,
    /// Seeds what carries no meaning: colours of clothes, where clouds hang, which way a person faces.
    pub style: u64,
}

impl Scene {
    /// Draws a scene of `size` by `size` pixels: a situation, aspects around it, and places for what is seen.
    ///
    /// `variation` is the probability that an aspect ignores the situation: [`VARIATION`] in the dataset, 1 for aspects that are
    /// independent of each other.
    #[must_use]
    pub fn draw(rng: &mut impl Rng, size: u32, variation: f64) -> Self {
        let mut scene = Self::draw_attributes(rng, size, variation);
        place::place(&mut scene, rng);
        scene
    }

    /// [`Scene::draw`] without the places: every box is empty.
    #[must_use]
    pub fn draw_attributes(rng: &mut impl Rng, size: u32, variation: f64) -> Self {
        let chosen = rng.random_range(0..situation::SITUATIONS.len());
        let proposal = &situation::SITUATIONS[chosen];
        let setting = pick(rng, proposal.settings, &SCENES, variation);
        let person = rng.random_bool(proposal.person).then(|| Person {
            expression: pick(rng, proposal.expressions, &EXPRESSIONS, variation),
            action: pick(rng, proposal.actions, &ACTIONS, variation),
            face: [0.0; 4],
            body: [0.0; 4],
        });
        // A picture without a person shows an object nearly always, or nothing would tell what it is about.
        let shares = if person.is_some() { [0.25, 0.5] } else { [0.05, 0.45] };
        let draw: f64 = rng.random();
        let count = shares
            .iter()
            .scan(0.0, |sum, share| {
                *sum += share;
                Some(*sum)
            })
            .filter(|edge| draw >= *edge)
            .count();
        let mut objects: Vec<Thing> = Vec::with_capacity(count);
        while objects.len() < count {
            let kind = pick(rng, proposal.objects, &OBJECTS, variation);
            if objects.iter().all(|thing| thing.kind != kind) {
                objects.push(Thing { kind, bounds: [0.0; 4] });
            }
        }
        Self {
            situation: chosen,
            setting,
            objects,
            person,
            brightness: level_value(rng, proposal.brightness, variation),
            colorfulness: level_value(rng, proposal.colorfulness, variation),
            size,
            style: rng.random(),
        }
    }

    #[must_use]
    pub fn situation_name(&self) -> &'static str {
        situation::SITUATIONS[self.situation].name
    }

    #[must_use]
    pub fn scene_word(&self) -> &'static str {
        SCENES[self.setting]
    }

    /// Whether the person and animals face left.
    #[must_use]
    pub fn mirrored(&self) -> bool {
        self.style & 1 == 1
    }

    /// Index into [`LEVELS`].
    #[must_use]
    pub fn brightness_level(&self) -> usize {
        level(self.brightness)
    }

    /// Index into [`LEVELS`].
    #[must_use]
    pub fn colorfulness_level(&self) -> usize {
        level(self.colorfulness)
    }
}

/// The index into [`LEVELS`] of a number in `[0, 1]`.
#[must_use]
pub fn level(value: f32) -> usize {
    [0.2, 0.4, 0.6, 0.8].iter().filter(|edge| value >= **edge).count()
}

/// One of the proposed words, or with probability `variation` any of the vocabulary: its index there.
fn pick(rng: &mut impl Rng, proposed: &[&str], vocabulary: &[&str], variation: f64) -> usize {
    let word = if rng.random_bool(variation) {
        vocabulary.choose(rng)
    } else {
        proposed.choose(rng)
    };
    word.and_then(|word| vocabulary.iter().position(|known| known == word))
        .unwrap_or(0)
}

/// A number in one of the proposed levels, kept off the level's edges so that levels can be told apart by eye.
fn level_value(rng: &mut impl Rng, proposed: &[usize], variation: f64) -> f32 {
    let any = [0, 1, 2, 3, 4];
    let level = if rng.random_bool(variation) {
        any.choose(rng)
    } else {
        proposed.choose(rng)
    };
    let level = level.copied().unwrap_or(2) as f32;
    let value = 0.2 * level + rng.random_range(0.03..0.17);
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn brightness_levels_are_those_of_masp() {
        let values = [0.0, 0.199, 0.2, 0.4, 0.599, 0.6, 0.8, 1.0];
        assert_eq!(values.map(level), [0, 0, 1, 2, 2, 3, 4, 4]);
    }

    #[test]
    fn every_proposed_word_is_in_its_vocabulary() {
        for proposal in situation::SITUATIONS {
            for (words, vocabulary) in [
                (proposal.settings, &SCENES[..]),
                (proposal.objects, &OBJECTS[..]),
                (proposal.expressions, &EXPRESSIONS[..]),
                (proposal.actions, &ACTIONS[..]),
            ] {
                assert!(!words.is_empty(), "{}", proposal.name);
                assert!(
                    words.iter().all(|word| vocabulary.contains(word)),
                    "{}: {words:?}",
                    proposal.name
                );
            }
            assert!(
                proposal.objects.len() >= 2,
                "{}: two objects of different kinds must be possible",
                proposal.name
            );
        }
    }

    #[test]
    fn every_word_occurs_and_people_are_in_two_thirds() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let scenes: Vec<Scene> = (0..4000)
            .map(|_| Scene::draw_attributes(&mut rng, 112, VARIATION))
            .collect();
        for word in 0..SCENES.len() {
            assert!(scenes.iter().any(|scene| scene.setting == word));
        }
        for kind in 0..OBJECTS.len() {
            assert!(
                scenes
                    .iter()
                    .flat_map(|scene| &scene.objects)
                    .filter(|thing| thing.kind == kind)
                    .count()
                    > 80
            );
        }
        let people: Vec<&Person> = scenes.iter().filter_map(|scene| scene.person.as_ref()).collect();
        assert!(
            (0.6..0.75).contains(&(people.len() as f64 / scenes.len() as f64)),
            "{}",
            people.len()
        );
        for expression in 0..EXPRESSIONS.len() {
            assert!(people.iter().filter(|person| person.expression == expression).count() > 150);
        }
        for action in 0..ACTIONS.len() {
            assert!(people.iter().filter(|person| person.action == action).count() > 100);
        }
    }
}
