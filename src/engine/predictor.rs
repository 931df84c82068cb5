//! The whole prediction for an image: emotion, aspects with their attention and answers, rationale.

use std::path::Path;

use indexmap::IndexMap;

use super::error::EngineError;
use super::evaluator::{Clock, check_finite, judge, prediction};
use super::features::{FeatureStore, Features};
use super::generate::{Decoding, generate};
use super::learner::Learner;
use crate::aspects::VisualRows;
use crate::data::View;
use crate::session::{AspectSeen, Prediction};
use crate::vlm::decoder::Vocabulary;

/// Longest answer of an aspect, in tokens.
const ASPECT_TOKENS: usize = 16;
/// Longest rationale, in tokens.
const RATIONALE_TOKENS: usize = 64;

/// Predicts the image at `path`, named `image` in the result. The tokens of `muted` aspects are left out; the result still
/// holds their attention and answers.
///
/// # Errors
/// Where the image cannot be read or the device fails.
pub fn predict(
    learner: &Learner,
    store: &mut FeatureStore,
    (path, image): (&Path, String),
    muted: &[View],
    decoding: &Decoding,
) -> Result<Prediction, EngineError> {
    let features = store.get(&[path])?.remove(0)?;
    let mut predicted = predict_from(learner, &features, image.clone(), muted, decoding);
    while predicted.as_ref().is_err_and(EngineError::is_out_of_memory) && store.relieve() {
        predicted = predict_from(learner, &features, image.clone(), muted, decoding);
    }
    predicted
}

/// The same from an image's features.
///
/// # Errors
/// Where the device fails.
pub fn predict_from(
    learner: &Learner,
    features: &Features,
    image: String,
    muted: &[View],
    decoding: &Decoding,
) -> Result<Prediction, EngineError> {
    let mut all = predict_batch(learner, std::slice::from_ref(features), vec![image], muted, decoding)?;
    Ok(all.remove(0))
}

/// The same for a batch of images, in order; `images` names them.
///
/// # Errors
/// Where the device fails.
pub fn predict_batch(
    learner: &Learner,
    features: &[Features],
    images: Vec<String>,
    muted: &[View],
    decoding: &Decoding,
) -> Result<Vec<Prediction>, EngineError> {
    let gold = vec![None; features.len()];
    let judged = judge(
        (learner, &learner.constant_prompt()?),
        features,
        &gold,
        muted,
        decoding,
        &mut Clock::default(),
    )?;
    let mut predictions: Vec<Prediction> = images
        .into_iter()
        .zip(&judged)
        .map(|(image, judged)| {
            check_finite(learner, &image, judged)?;
            Ok(prediction(learner, image, judged))
        })
        .collect::<Result<_, EngineError>>()?;
    for (prediction, aspects) in predictions.iter_mut().zip(aspects(learner, features)?) {
        prediction.aspects = aspects;
    }
    let rationales = rationales(learner, features, &predictions, muted)?;
    for (prediction, rationale) in predictions.iter_mut().zip(rationales) {
        prediction.rationale = rationale;
    }
    Ok(predictions)
}

/// Each view's attention and answer, for each image.
fn aspects(learner: &Learner, features: &[Features]) -> Result<Vec<IndexMap<View, AspectSeen>>, EngineError> {
    let views = learner.views();
    if views.is_empty() {
        return Ok(vec![IndexMap::new(); features.len()]);
    }
    let (mut sequences, mut z, mut attention) = (Vec::new(), Vec::new(), Vec::new());
    for features in features {
        attention.extend(learner.visual_rows(features, &[])?.1);
        for view in &views {
            sequences.push(learner.aspect_open(*view)?);
            z.push(VisualRows::from(learner.z(*view, features)?.detach()));
        }
    }
    let decoding = Decoding::greedy(ASPECT_TOKENS);
    let answers = generate(learner.base, &sequences, &z, None, Vocabulary::Full, &decoding)?;
    let mut looks = attention.into_iter().zip(answers);
    let mut seen = Vec::with_capacity(features.len());
    for features in features {
        let [h, w] = [features.grid.0, features.grid.1];
        let mut of_image = IndexMap::new();
        for (view, (attention, answer)) in views.iter().zip(looks.by_ref()) {
            let text = first_line(&learner.base.text.decode(&answer)?);
            let attention = attention.to_vec2()?;
            of_image.insert(
                *view,
                AspectSeen {
                    grid: [h, w],
                    attention,
                    text,
                },
            );
        }
        seen.push(of_image);
    }
    Ok(seen)
}

/// The second turn of each image, asked without the soft prompt: see [`Learner::rationale_chat`].
fn rationales(
    learner: &Learner,
    features: &[Features],
    predictions: &[Prediction],
    muted: &[View],
) -> Result<Vec<String>, EngineError> {
    let (mut sequences, mut rows) = (Vec::new(), Vec::new());
    for (features, prediction) in features.iter().zip(predictions) {
        let said: Vec<(View, String)> = prediction
            .aspects
            .iter()
            .filter(|(view, _)| !muted.contains(view))
            .map(|(view, seen)| (*view, seen.text.clone()))
            .collect();
        let chat = learner.rationale_chat(&prediction.prediction, &said);
        sequences.push(learner.dialogue().open(&chat, learner.visual_run(features, muted))?);
        rows.push(learner.visual_rows(features, muted)?.0);
    }
    let decoding = Decoding::greedy(RATIONALE_TOKENS);
    let answers = generate(learner.base, &sequences, &rows, None, Vocabulary::Full, &decoding)?;
    let decode = |answer: &Vec<u32>| Ok(learner.base.text.decode(answer)?.trim().to_owned());
    answers.iter().map(decode).collect()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}
