//! What a drawn scene shows, in words: answers, captions, places, cues. The dataset's emotion rule is not among it.

use masp::data::View;
use masp::data::synth::scene::{ACTIONS, Bounds, EXPRESSIONS, LEVELS, OBJECTS, SCENES, Scene};

/// The eight emotions of EmoSet, in its order.
pub use masp::data::classes::MIKELS as EMOTIONS;

/// The number of attribute values that a viewer may care about (see [`values`]).
pub const VALUES: usize = SCENES.len() + OBJECTS.len() + EXPRESSIONS.len() + ACTIONS.len() + 2 * LEVELS.len();

const FIRST_OBJECT: usize = SCENES.len();
const FIRST_EXPRESSION: usize = FIRST_OBJECT + OBJECTS.len();
const FIRST_ACTION: usize = FIRST_EXPRESSION + EXPRESSIONS.len();
const FIRST_BRIGHTNESS: usize = FIRST_ACTION + ACTIONS.len();
const FIRST_COLOR: usize = FIRST_BRIGHTNESS + LEVELS.len();

/// The attribute values of a scene as indices below [`VALUES`]: scene, objects, expression, action, brightness, colour.
pub fn values(scene: &Scene) -> Vec<usize> {
    let mut values = vec![scene.setting];
    values.extend(kinds(scene).into_iter().map(|kind| FIRST_OBJECT + kind));
    if let Some(person) = &scene.person {
        values.extend([FIRST_EXPRESSION + person.expression, FIRST_ACTION + person.action]);
    }
    values.extend([
        FIRST_BRIGHTNESS + scene.brightness_level(),
        FIRST_COLOR + scene.colorfulness_level(),
    ]);
    values
}

/// A value as a cue in a sentence: "the snake", "the running person", "the low brightness".
pub fn cue(value: usize) -> String {
    if value < FIRST_OBJECT {
        format!("the {}", plain(SCENES[value]))
    } else if value < FIRST_EXPRESSION {
        format!("the {}", plain(OBJECTS[value - FIRST_OBJECT]))
    } else if value < FIRST_ACTION {
        format!("the {} face", plain(EXPRESSIONS[value - FIRST_EXPRESSION]))
    } else if value < FIRST_BRIGHTNESS {
        format!("the {} person", plain(ACTIONS[value - FIRST_ACTION]))
    } else if value < FIRST_COLOR {
        format!("the {} brightness", LEVELS[value - FIRST_BRIGHTNESS])
    } else {
        format!("the {} colorfulness", LEVELS[value - FIRST_COLOR])
    }
}

/// A value as one asks whether it is there: "Is there ... ?"
pub fn thing(value: usize) -> String {
    cue(value).trim_start_matches("the ").to_owned()
}

/// A word of a vocabulary as it is said.
pub fn plain(word: &str) -> String {
    word.replace('_', " ")
}

/// The answer to an aspect's question, in MASP's words; `None` where the scene has none.
pub fn answer(scene: &Scene, view: View) -> Option<String> {
    match view {
        View::FacialExpression => scene.person.as_ref().map(|person| plain(person.expression_word())),
        View::Object => {
            let words: Vec<String> = kinds(scene).into_iter().map(|kind| plain(OBJECTS[kind])).collect();
            (!words.is_empty()).then(|| words.join(", "))
        }
        View::Scene => Some(plain(scene.scene_word())),
        View::HumanAction => scene.person.as_ref().map(|person| plain(person.action_word())),
        View::Brightness => Some(LEVELS[scene.brightness_level()].to_owned()),
        View::Colorfulness => Some(LEVELS[scene.colorfulness_level()].to_owned()),
    }
}

/// "scene: beach; object: dog, cake; ...": the aspects' answers as the second turn of a rationale gives them.
pub fn summary(scene: &Scene) -> String {
    let parts: Vec<String> = View::ALL
        .into_iter()
        .filter_map(|view| answer(scene, view).map(|answer| format!("{}: {answer}", plain(view.name()))))
        .collect();
    parts.join("; ")
}

/// One sentence on everything that is seen.
pub fn caption(scene: &Scene) -> String {
    let mut parts = vec![with_article(&plain(scene.scene_word()))];
    parts.extend(kinds(scene).into_iter().map(|kind| with_article(&plain(OBJECTS[kind]))));
    if let Some(person) = &scene.person {
        parts.push(format!(
            "a {} person {}",
            plain(person.expression_word()),
            plain(person.action_word())
        ));
    }
    let [brightness, color] = [scene.brightness_level(), scene.colorfulness_level()].map(|level| LEVELS[level]);
    format!("{}, {brightness} brightness, {color} colorfulness.", parts.join(", "))
}

/// "The snake and the low brightness evoke fear."
pub fn rationale(cues: &[usize], emotion: usize) -> String {
    let words: Vec<String> = cues.iter().map(|&value| cue(value)).collect();
    let (verb, list) = match words.split_last() {
        None => return format!("Nothing here evokes {}.", EMOTIONS[emotion]),
        Some((only, [])) => ("evokes", only.clone()),
        Some((last, rest)) => ("evoke", format!("{} and {last}", rest.join(", "))),
    };
    let list = list
        .strip_prefix("the")
        .map_or(list.clone(), |rest| format!("The{rest}"));
    format!("{list} {verb} {}.", EMOTIONS[emotion])
}

/// Where a box stands across the picture.
pub fn whereabouts(bounds: &Bounds, size: u32) -> &'static str {
    let middle = (bounds[0] + bounds[2]) / 2.0 / size as f32;
    ["far left", "left", "middle", "right", "far right"][((middle * 5.0) as usize).min(4)]
}

/// The kinds of object in a fixed order: the picture gives them none.
fn kinds(scene: &Scene) -> Vec<usize> {
    let mut kinds: Vec<usize> = scene.objects.iter().map(|thing| thing.kind).collect();
    kinds.sort_unstable();
    kinds
}

fn with_article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {word}")
}

/// Which emotions are pleasant, in the order of [`EMOTIONS`].
pub const PLEASANT: [bool; 8] = [true, true, true, true, false, false, false, false];

/// What people may feel at a single thing, several emotions alike: what words mean, not what a picture evokes.
pub const FELT: [(&str, &[usize]); 28] = [
    ("a snake", &[5, 6, 1]),
    ("a spider", &[5, 6]),
    ("a fire", &[3, 4, 6]),
    ("a cake", &[0, 2, 3]),
    ("a balloon", &[0, 3]),
    ("a trophy", &[1, 3]),
    ("a dog", &[0, 2, 6]),
    ("a flower", &[1, 2, 7]),
    ("a candle", &[2, 7]),
    ("an eagle", &[1, 6]),
    ("a boat", &[1, 2, 3]),
    ("trash", &[4, 5]),
    ("a cemetery", &[6, 7]),
    ("a landfill", &[4, 5, 7]),
    ("a beach", &[0, 2, 3]),
    ("a mountain", &[1, 3]),
    ("the ocean", &[1, 2, 6]),
    ("a forest", &[1, 2, 6]),
    ("a garden", &[0, 2]),
    ("a fairground", &[0, 3]),
    ("a stadium", &[0, 3]),
    ("a happy face", &[0, 2, 3]),
    ("a sad face", &[4, 7]),
    ("an angry face", &[4, 6]),
    ("a dancing person", &[0, 2, 3]),
    ("a fighting person", &[3, 4, 6]),
    ("very low brightness", &[6, 7, 2]),
    ("very high colorfulness", &[0, 3, 1]),
];
