//! Effect of each aspect on the prediction for an image: the class's probability without that aspect's tokens.

use super::error::EngineError;
use super::evaluator::label_probabilities;
use super::features::Features;
use super::learner::Learner;
use crate::data::View;
use crate::metrics::predicted;
use crate::session::Effects;

/// The effects of all of the model's aspects.
///
/// # Errors
/// Where the device fails, or the model predicts nothing.
pub fn effects(learner: &Learner, features: &Features) -> Result<Effects, EngineError> {
    let views = learner.views();
    let probabilities = |muted: &[View]| {
        Ok::<_, EngineError>(label_probabilities(learner, std::slice::from_ref(features), muted)?.concat())
    };
    let whole: Vec<f64> = probabilities(&[])?;
    let class = predicted(&whole).ok_or_else(|| {
        EngineError::Failed("the model's probabilities are not numbers, so it predicts no class".to_owned())
    })?;
    let share = |probabilities: Vec<f64>| probabilities.get(class).copied().unwrap_or(f64::NAN);
    let without = |&view: &View| Ok::<_, EngineError>((view, share(probabilities(&[view])?)));
    Ok(Effects {
        class: learner.classes.get(class).cloned().unwrap_or_default(),
        without: views.iter().map(without).collect::<Result<_, _>>()?,
        without_all: share(probabilities(&views)?),
        whole: share(whole),
    })
}
