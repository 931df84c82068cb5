//! The situations that pictures are drawn from. A situation proposes aspects that go together, as in a photograph; the emotion does not
//! come from it but from the aspects ([`super::rule`]).

/// A situation: the words each aspect is drawn from, all equally likely; a word may be repeated to make it likelier.
#[derive(Debug, Clone, PartialEq)]
pub struct Situation {
    pub name: &'static str,
    pub settings: &'static [&'static str],
    pub objects: &'static [&'static str],
    pub expressions: &'static [&'static str],
    pub actions: &'static [&'static str],
    /// Indices into [`super::scene::LEVELS`].
    pub brightness: &'static [usize],
    /// Indices into [`super::scene::LEVELS`].
    pub colorfulness: &'static [usize],
    /// The probability that a person is seen.
    pub person: f64,
}

macro_rules! situations {
    ($($name:literal: $settings:expr, $objects:expr, $expressions:expr, $actions:expr, $brightness:expr, $colorfulness:expr, $person:literal;)*) => {
        &[$(Situation {
            name: $name,
            settings: &$settings,
            objects: &$objects,
            expressions: &$expressions,
            actions: &$actions,
            brightness: &$brightness,
            colorfulness: &$colorfulness,
            person: $person,
        }),*]
    };
}

/// All situations, equally likely. Columns: settings, objects, expressions, actions, brightness, colour, probability of a person.
#[rustfmt::skip]
pub const SITUATIONS: &[Situation] = situations![
    "birthday": ["living_room", "garden", "fairground"], ["cake", "balloon"], ["happy"], ["dancing"], [2, 3, 4], [3, 4], 0.7;
    "funfair": ["fairground"], ["balloon", "cake", "dog"], ["happy"], ["dancing", "jumping"], [2, 3, 4], [3, 4], 0.65;
    "playing with the dog": ["fairground", "garden", "beach"], ["dog", "balloon"], ["happy"], ["dancing"], [2, 3, 4], [3, 4], 0.7;
    "summit at dawn": ["mountain"], ["eagle", "boat"], ["surprise"], ["standing"], [3, 4], [2, 3], 0.6;
    "wide sea": ["ocean"], ["eagle", "boat"], ["surprise"], ["standing"], [3, 4], [2, 3], 0.6;
    "light in the high forest": ["forest", "mountain"], ["eagle", "flower"], ["surprise"], ["standing"], [3, 4], [2, 3], 0.65;
    "afternoon in the garden": ["garden"], ["flower", "dog"], ["happy"], ["sitting"], [2, 3], [1, 2, 3], 0.7;
    "quiet beach": ["beach"], ["boat", "flower", "umbrella"], ["happy"], ["sitting"], [2, 3], [1, 2, 3], 0.7;
    "evening at home": ["living_room"], ["dog", "flower", "cake"], ["happy"], ["sitting"], [2, 3], [1, 2, 3], 0.7;
    "victory": ["stadium"], ["trophy", "balloon"], ["happy", "surprise"], ["jumping"], [3, 4], [3, 4], 0.65;
    "race": ["stadium", "street"], ["car", "trophy"], ["happy", "surprise"], ["jumping", "running"], [3, 4], [3, 4], 0.65;
    "festival": ["stadium", "fairground"], ["trophy", "balloon"], ["happy", "surprise"], ["jumping"], [2, 3, 4], [4], 0.7;
    "quarrel": ["living_room", "street"], ["fire", "car", "trash"], ["angry"], ["fighting"], [1, 2], [3, 4], 0.85;
    "riot": ["street"], ["fire", "car"], ["angry"], ["fighting"], [0, 1, 2], [3, 4], 0.65;
    "crash": ["street", "stadium"], ["car", "fire"], ["angry"], ["fighting", "standing"], [1, 2], [3, 4], 0.65;
    "waste": ["landfill"], ["trash", "spider"], ["disgust"], ["bending"], [1, 2], [0, 1], 0.6;
    "dirty corner": ["street", "landfill"], ["trash", "spider"], ["disgust"], ["bending"], [1, 2], [0, 1], 0.65;
    "spoilt food": ["living_room", "landfill"], ["trash", "spider", "cake"], ["disgust"], ["bending"], [1, 2], [0, 1], 0.7;
    "night in the forest": ["forest"], ["snake", "spider"], ["fear"], ["running"], [0, 1], [0, 1, 2], 0.65;
    "storm at sea": ["ocean"], ["boat", "snake"], ["fear"], ["running", "kneeling"], [0, 1], [0, 1, 2], 0.75;
    "snake on the path": ["forest", "mountain", "garden"], ["snake", "spider"], ["fear"], ["running"], [0, 1], [1, 2], 0.65;
    "funeral": ["cemetery"], ["candle", "flower"], ["sad"], ["kneeling", "standing"], [0, 1, 2], [0, 1], 0.65;
    "alone in the rain": ["street", "cemetery"], ["umbrella", "candle"], ["sad"], ["sitting", "kneeling"], [0, 1, 2], [0], 0.7;
    "farewell": ["beach", "living_room", "cemetery"], ["umbrella", "candle"], ["sad"], ["kneeling", "sitting"], [0, 1, 2], [0, 1], 0.75;
];
