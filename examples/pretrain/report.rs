//! What the model can do on pictures and in words that training never used. Here alone the dataset's rule is read, to
//! measure how far the model is from knowing it.

use anyhow::Result;
use candle_core::Tensor;
use masp::data::View;
use masp::data::synth::scene::VARIATION;
use masp::data::synth::{Scene, draw, rule};
use masp::vlm::base::BaseModel;
use masp::vlm::decoder::LanguageModel;
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::batch::Batch;
use super::facts::EMOTIONS;
use super::pools::{Picture, Run};
use super::questions;
use super::school::School;
use super::sequence::Sequence;
use super::shape::Shape;
use super::vision_stage::HELD_OUT;
use super::workers::Workers;

/// New pictures, looked at by the model in the folder as the workbench looks at them.
///
/// # Errors
/// Where a picture or a tensor operation fails.
pub fn new_pictures(base: &BaseModel, workers: &Workers, count: usize, shape: &Shape) -> Result<Vec<Picture>> {
    workers.map(count, |index| {
        let mut rng = ChaCha8Rng::seed_from_u64(HELD_OUT + index as u64);
        let scene = Scene::draw(&mut rng, shape.image as u32, VARIATION);
        let picture = base.vision.pictures.prepare(&draw::render(&scene))?;
        let tokens = base.vision.look(&picture)?.run;
        Ok(Picture {
            scene,
            tokens: tokens.to_vec2()?,
        })
    })
}

/// Sequences of one forward pass.
const PART: usize = 8;

/// Shares of right answers on `pictures`, by name.
///
/// # Errors
/// Where a tensor operation fails.
pub fn report(
    model: &LanguageModel,
    school: &School,
    workers: &Workers,
    pictures: &[Picture],
    templates: &dyn Fn(View) -> Vec<String>,
) -> Result<Vec<(String, f64)>> {
    let mut rows = Vec::new();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for view in View::ALL {
        for (how, words) in [("trained words", 0), ("new words", 1), ("the project's templates", 2)] {
            let lines = templates(view);
            let mut sequences = Vec::new();
            for picture in pictures {
                let Some(answer) = super::facts::answer(&picture.scene, view) else {
                    continue;
                };
                let question = match words {
                    2 => lines.choose(&mut rng).cloned().unwrap_or_default(),
                    _ => questions::ask(view, school.wordings, words == 1, &mut rng),
                };
                sequences.push(school.question(picture.tokens.clone(), &[], &question, &answer)?);
            }
            rows.push((format!("{view}, {how}"), share(model, workers, &sequences, None)?));
        }
    }
    for (how, kind) in [("tokens", Run::Tokens), ("averages and tokens", Run::AspectsAndTokens)] {
        let sequences = (pictures.iter())
            .map(|picture| school.viewer(picture, kind, rng.random_range(0.5..1.0), &mut rng))
            .collect::<Result<Vec<_>>>()?;
        rows.push((
            format!("emotion of new viewers, {how}"),
            share(model, workers, &sequences, None)?,
        ));
    }
    let sequences = (pictures.iter())
        .map(|picture| {
            let question = questions::emotion(school.wordings, true, &mut rng);
            let emotion = EMOTIONS[rule::verdict(&picture.scene).emotion];
            school.question(picture.tokens.clone(), &[], &question, emotion)
        })
        .collect::<Result<Vec<_>>>()?;
    rows.push((
        "emotion by the dataset's rule, which is untrained".to_owned(),
        share(model, workers, &sequences, None)?,
    ));
    Ok(rows)
}

/// The share of sequences whose first question is answered rightly.
///
/// # Errors
/// Where a tensor operation fails.
pub fn share(model: &LanguageModel, workers: &Workers, sequences: &[Sequence], prompt: Option<&Tensor>) -> Result<f64> {
    let right = workers.map(sequences.len().div_ceil(PART), |part| {
        let sequences = &sequences[part * PART..sequences.len().min((part + 1) * PART)];
        Batch::new(sequences, model, prompt)?.first_right(model)
    })?;
    Ok(right.into_iter().sum::<usize>() as f64 / sequences.len().max(1) as f64)
}
