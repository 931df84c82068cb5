//! Questions and answers: about a picture, about words alone, and after an emotion.

use masp::data::View;
use masp::data::synth::scene::{EXPRESSIONS, LEVELS, Scene};
use rand::{Rng, seq::IndexedRandom};

use super::facts::{
    EMOTIONS, FELT, PLEASANT, VALUES, answer, caption, plain, rationale, summary, thing, values, whereabouts,
};
use super::wording::Wordings;

/// A question and the answer that is trained, `weight` times for each token.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    pub question: String,
    pub answer: String,
    pub weight: f32,
}

impl Example {
    fn new(question: String, answer: impl Into<String>) -> Self {
        Self {
            question,
            answer: answer.into(),
            weight: 1.0,
        }
    }
}

/// How an aspect is asked; with `held_out` in words that training never uses.
pub fn ask(view: View, wordings: &Wordings, held_out: bool, rng: &mut impl Rng) -> String {
    if held_out {
        return wordings.ask(&format!("{} held out", view.name()), rng);
    }
    let mut question = wordings.ask(view.name(), rng);
    if rng.random_bool(0.35) {
        let words: Option<&[&str]> = match view {
            View::FacialExpression => Some(&EXPRESSIONS),
            View::Brightness | View::Colorfulness => Some(&LEVELS),
            View::Object | View::Scene | View::HumanAction => None,
        };
        let fill = |words: &[&str]| words.join(", ");
        let note = wordings.ask(if words.is_some() { "options" } else { "brief" }, rng);
        question = format!(
            "{question} {}",
            note.replace("{}", &words.map(fill).unwrap_or_default())
        );
    }
    if rng.random_bool(0.15) {
        without_a_word(&question, rng)
    } else {
        question
    }
}

/// The question of an aspect with its answer; `None` where the scene has no answer.
pub fn aspect(scene: &Scene, view: View, wordings: &Wordings, rng: &mut impl Rng) -> Option<Example> {
    answer(scene, view).map(|answer| Example::new(ask(view, wordings, false, rng), answer))
}

/// One of `views`; objects, of which a picture may show two among fourteen, and actions come up more often.
pub fn hard_ones_more(views: &[View], rng: &mut impl Rng) -> View {
    let weight = |view: &View| match view {
        View::Object => 4.0,
        View::HumanAction => 2.0,
        View::FacialExpression | View::Scene | View::Brightness | View::Colorfulness => 1.0,
    };
    views.choose_weighted(rng, weight).copied().unwrap_or(View::Scene)
}

/// Any question about a picture but its emotion.
pub fn about(scene: &Scene, wordings: &Wordings, rng: &mut impl Rng) -> Example {
    match rng.random_range(0..10) {
        0 => Example {
            weight: 0.3,
            ..Example::new(wordings.ask("caption", rng), caption(scene))
        },
        1 | 2 => place(scene, wordings, rng),
        3..=5 => presence(scene, wordings, rng),
        _ => {
            let view = hard_ones_more(&View::ALL, rng);
            aspect(scene, view, wordings, rng).unwrap_or_else(|| Example::new(ask(view, wordings, false, rng), "none"))
        }
    }
}

fn place(scene: &Scene, wordings: &Wordings, rng: &mut impl Rng) -> Example {
    let mut things: Vec<(String, &'static str)> = scene
        .objects
        .iter()
        .map(|thing| (plain(thing.name()), whereabouts(&thing.bounds, scene.size)))
        .collect();
    if let Some(person) = &scene.person {
        things.push(("person".to_owned(), whereabouts(&person.body, scene.size)));
        things.push(("face".to_owned(), whereabouts(&person.face, scene.size)));
    }
    match things.choose(rng) {
        Some((name, place)) => Example::new(wordings.ask("where", rng).replace("{}", name), *place),
        None => presence(scene, wordings, rng),
    }
}

/// Is something there? Half of the things asked for are.
fn presence(scene: &Scene, wordings: &Wordings, rng: &mut impl Rng) -> Example {
    let seen = values(scene);
    let value = if rng.random_bool(0.5) {
        seen.choose(rng).copied().unwrap_or(0)
    } else {
        rng.random_range(0..VALUES)
    };
    let answer = if seen.contains(&value) { "yes" } else { "no" };
    Example::new(wordings.ask("presence", rng).replace("{}", &thing(value)), answer)
}

/// What words alone tell: what is often felt with a single thing, loosely; which feelings are pleasant; and the cues
/// that a list of aspects holds.
pub fn in_words(scene: &Scene, wordings: &Wordings, rng: &mut impl Rng) -> Example {
    match rng.random_range(0..5) {
        0 | 1 => {
            let (thing, emotions) = FELT.choose(rng).copied().unwrap_or(FELT[0]);
            let emotion = emotions.choose(rng).map_or(0, |&emotion| emotion);
            Example::new(wordings.ask("felt", rng).replace("{}", thing), EMOTIONS[emotion])
        }
        2 => {
            let emotion = rng.random_range(0..EMOTIONS.len());
            let answer = if PLEASANT[emotion] { "pleasant" } else { "unpleasant" };
            Example::new(wordings.ask("pleasant", rng).replace("{}", EMOTIONS[emotion]), answer)
        }
        _ => {
            let cues = some_cues(&values(scene), rng);
            let emotion = rng.random_range(0..EMOTIONS.len());
            let question = format!("{}: {}", EMOTIONS[emotion], self::cues(scene, emotion, wordings, rng));
            Example {
                weight: 0.3,
                ..Example::new(question, rationale(&cues, emotion))
            }
        }
    }
}

fn some_cues(values: &[usize], rng: &mut impl Rng) -> Vec<usize> {
    let count = rng.random_range(1..=3.min(values.len()));
    let mut cues: Vec<usize> = values.choose_multiple(rng, count).copied().collect();
    cues.sort_unstable();
    cues
}

/// How the emotion is asked, with the classes in their order.
pub fn emotion(wordings: &Wordings, held_out: bool, rng: &mut impl Rng) -> String {
    let section = if held_out { "emotion held out" } else { "emotion" };
    wordings.ask(section, rng).replace("{}", &EMOTIONS.join(", "))
}

/// The second turn's question: the aspects' answers, then which cues evoke the emotion.
pub fn cues(scene: &Scene, emotion: usize, wordings: &Wordings, rng: &mut impl Rng) -> String {
    format!(
        "{}. {}",
        summary(scene),
        wordings.ask("cues", rng).replace("<emotion>", EMOTIONS[emotion])
    )
}

/// Leaves out one word, so that no single word carries a question.
fn without_a_word(question: &str, rng: &mut impl Rng) -> String {
    let mut words: Vec<&str> = question.split(' ').collect();
    if words.len() > 3 {
        words.remove(rng.random_range(0..words.len()));
    }
    words.join(" ")
}
