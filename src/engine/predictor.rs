//! All that is said of one image: emotion, aspects with their attention and answers, rationale.

use std::path::Path;

use candle_core::Tensor;
use indexmap::IndexMap;

use super::error::EngineError;
use super::evaluator::{Clock, check_finite, judge, prediction};
use super::features::{FeatureStore, Features};
use super::generate::{Decoding, generate};
use super::learner::Learner;
use crate::data::View;
use crate::session::{AspectSeen, Prediction};
use crate::vlm::qwen2_vl::Vocabulary;

/// Longest answer of an aspect, in tokens.
const ASPECT_TOKENS: usize = 16;
/// Longest rationale, in tokens.
const RATIONALE_TOKENS: usize = 64;

/// Predicts the image at `path`, named `image` in the result; the tokens of `muted` aspects are left out, and their
/// attention and answers still told.
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
    let mut clock = Clock::default();
    let judged = judge(
        learner,
        std::slice::from_ref(features),
        &[None],
        muted,
        decoding,
        &mut clock,
    )?
    .remove(0);
    check_finite(learner, &image, &judged)?;
    let mut prediction = prediction(learner, image, &judged);
    prediction.aspects = aspects(learner, features)?;
    prediction.rationale = rationale(learner, features, &prediction, muted)?;
    Ok(prediction)
}

/// What each view looks at and answers.
fn aspects(learner: &Learner, features: &Features) -> Result<IndexMap<View, AspectSeen>, EngineError> {
    let views = learner.views();
    if views.is_empty() {
        return Ok(IndexMap::new());
    }
    let (_, attention) = learner.visual_rows(features, &[])?;
    let sequences = views
        .iter()
        .map(|view| learner.aspect_open(*view))
        .collect::<Result<Vec<_>, _>>()?;
    let z = views
        .iter()
        .map(|view| Ok(learner.z(*view, features)?.detach()))
        .collect::<Result<Vec<Tensor>, EngineError>>()?;
    let decoding = Decoding::greedy(ASPECT_TOKENS);
    let answers = generate(learner.base, &sequences, &z, None, Vocabulary::Full, &decoding)?;
    let mut seen = IndexMap::new();
    for ((view, attention), answer) in views.into_iter().zip(attention).zip(answers) {
        let text = first_line(&learner.base.tokenizer.decode(&answer)?);
        let (h, w) = features.grid;
        seen.insert(
            view,
            AspectSeen {
                grid: [h, w],
                attention: attention.to_vec2()?,
                text,
            },
        );
    }
    Ok(seen)
}

fn rationale(
    learner: &Learner,
    features: &Features,
    prediction: &Prediction,
    muted: &[View],
) -> Result<String, EngineError> {
    let said: Vec<(View, String)> = prediction
        .aspects
        .iter()
        .filter(|(view, _)| !muted.contains(view))
        .map(|(view, seen)| (*view, seen.text.clone()))
        .collect();
    let chat = learner.rationale_chat(&prediction.prediction, &said);
    let sequence = learner.dialogue().open(chat, learner.visual_run(features, muted))?;
    let (rows, _) = learner.visual_rows(features, muted)?;
    let prompt = learner.prompt.as_detached_tensor();
    let decoding = Decoding::greedy(RATIONALE_TOKENS);
    let answer = generate(
        learner.base,
        &[sequence],
        &[rows],
        Some(&prompt),
        learner.prompted(),
        &decoding,
    )?;
    Ok(learner.base.tokenizer.decode(&answer.concat())?.trim().to_owned())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}
