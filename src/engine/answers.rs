//! Answers to what a person asks about one image, by the model as it is now.

use super::effects::effects;
use super::error::EngineError;
use super::faithfulness::faithfulness;
use super::features::FeatureStore;
use super::generate::{Decoding, generate};
use super::learner::Learner;
use super::predictor::predict_from;
use crate::data::{Dataset, Sample};
use crate::session::{Found, Request};
use crate::vlm::chat::Chat;
use crate::vlm::decoder::Vocabulary;

/// Longest answer to a free question, in tokens.
const ANSWER_TOKENS: usize = 96;

/// Answers `request`; a failure becomes the answer, with its reason.
pub fn answer(
    learner: &Learner,
    store: &mut FeatureStore,
    dataset: &Dataset,
    request: &Request,
    decoding: &Decoding,
) -> Found {
    if let Some(reason) = request.refusal() {
        return Found::Failed(reason);
    }
    find(dataset, request.image())
        .and_then(|sample| {
            let mut answered = answer_on(learner, store, sample, request, decoding);
            while answered.as_ref().is_err_and(EngineError::is_out_of_memory) && store.relieve() {
                answered = answer_on(learner, store, sample, request, decoding);
            }
            answered
        })
        .unwrap_or_else(|error| Found::Failed(error.to_string()))
}

fn find<'a>(dataset: &'a Dataset, image: &str) -> Result<&'a Sample, EngineError> {
    let splits = [&dataset.val, &dataset.test, &dataset.train, &dataset.undrawn];
    let mut samples = splits.into_iter().flatten();
    samples
        .find(|sample| sample.id == image)
        .ok_or_else(|| EngineError::Failed(format!("the dataset {} has no image {image}", dataset.root.display())))
}

fn answer_on(
    learner: &Learner,
    store: &mut FeatureStore,
    sample: &Sample,
    request: &Request,
    decoding: &Decoding,
) -> Result<Found, EngineError> {
    Ok(match request {
        Request::Predict { image, muted, blanked } => {
            let features = if blanked.is_empty() {
                store.get(&[&sample.path])?.remove(0)?
            } else {
                store.blanked(&sample.path, blanked)?
            };
            Found::Prediction(Box::new(predict_from(
                learner,
                &features,
                image.clone(),
                muted,
                decoding,
            )?))
        }
        Request::Question { question, .. } => {
            let features = store.get(&[&sample.path])?.remove(0)?;
            // Without the soft prompt, which was trained to answer any question with an emotion.
            let chat = Chat::about_image(question);
            let sequence = learner.dialogue().open(&chat, learner.visual_run(&features, &[]))?;
            let (rows, _) = learner.visual_rows(&features, &[])?;
            let tokens = generate(
                learner.base,
                &[sequence],
                &[rows],
                None,
                Vocabulary::Full,
                &Decoding::greedy(ANSWER_TOKENS),
            )?;
            Found::Text(learner.base.text.decode(&tokens.concat())?.trim().to_owned())
        }
        Request::Effects { .. } => {
            let features = store.get(&[&sample.path])?.remove(0)?;
            Found::Effects(effects(learner, &features)?)
        }
        Request::Faithfulness { view, .. } => Found::Faithfulness(faithfulness(learner, store, sample, *view)?),
    })
}
