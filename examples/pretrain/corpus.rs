//! The text that the tokenizer is trained on: questions, answers, and the project's own prompt templates.

use std::path::Path;

use anyhow::{Context, Result};
use masp::data::synth::scene::{ACTIONS, EXPRESSIONS, LEVELS, OBJECTS, SCENES, Scene};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::facts::{EMOTIONS, VALUES, caption, plain, rationale, summary, thing, values};
use super::questions::{about, in_words};
use super::wording::Wordings;

/// Lines of text, for a seed.
pub fn lines(wordings: &Wordings, templates: &[String], seed: u64) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut lines = wordings.everything(40, &mut rng);
    lines
        .iter_mut()
        .for_each(|line| *line = line.replace("<emotion>", EMOTIONS[6]));
    let words = SCENES
        .iter()
        .chain(&OBJECTS)
        .chain(&EXPRESSIONS)
        .chain(&ACTIONS)
        .chain(&LEVELS)
        .chain(&EMOTIONS);
    let words: Vec<String> = words.map(|word| plain(word)).collect();
    // What is answered shall be one token, at the beginning of an answer and inside one.
    for word in words
        .iter()
        .cloned()
        .chain(["system", "user", "assistant", "yes", "no", "none"].map(str::to_owned))
    {
        lines.extend(std::iter::repeat_n(format!("{word}, {word}"), 300));
    }
    lines.extend(std::iter::repeat_n("You are a helpful assistant.".to_owned(), 300));
    for value in 0..VALUES {
        lines.extend(std::iter::repeat_n(thing(value), 30));
    }
    for template in templates {
        lines.extend(std::iter::repeat_n(template.replace("{}", &EMOTIONS.join(", ")), 60));
    }
    for _ in 0..1000 {
        let scene = Scene::draw_attributes(&mut rng, 112, 0.5);
        lines.extend([caption(&scene), summary(&scene), rationale(&values(&scene)[..3], 0)]);
        for example in [about(&scene, wordings, &mut rng), in_words(&scene, wordings, &mut rng)] {
            lines.extend([example.question, example.answer]);
        }
    }
    lines
}

/// The templates of `prompts.txt` and `prompts/<aspect>.txt` in `folder`, as far as they are there: their words shall be
/// in the tokenizer's vocabulary, and they measure new wordings. Training never asks with them.
///
/// # Errors
/// Where a file cannot be read.
pub fn templates(folder: &Path, name: &str) -> Result<Vec<String>> {
    let path = folder.join(name);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.trim().to_owned())
        .collect())
}
