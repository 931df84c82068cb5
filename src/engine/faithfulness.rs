//! Does the prediction depend on what an aspect attends to? Deletion and insertion curves (Petsiuk et al. 2018, RISE).

use candle_core::D;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::error::EngineError;
use super::evaluator::label_probabilities;
use super::features::{FeatureStore, Features};
use super::learner::Learner;
use super::memory::BatchLimit;
use crate::data::{Sample, View};
use crate::metrics::predicted;
use crate::session::Faithfulness;

/// Points of a curve, including both ends.
const POINTS: usize = 11;
/// Number of random orders whose mean curve is the baseline for an aspect's order.
const RANDOM_ORDERS: u64 = 3;

/// The deletion and insertion curves of `view` on an image; each runs between the whole and the blank image.
///
/// # Errors
/// Where the image cannot be read or the device fails.
pub fn faithfulness(
    learner: &Learner,
    store: &mut FeatureStore,
    sample: &Sample,
    view: View,
) -> Result<Faithfulness, EngineError> {
    let whole = store.get(&[&sample.path])?.remove(0)?;
    let patches = whole.grid.0 * whole.grid.1;
    let order = by_attention(learner, &whole, view)?;
    let probabilities = label_probabilities(learner, std::slice::from_ref(&whole), &[])?.concat();
    let class = predicted(&probabilities).ok_or_else(|| {
        EngineError::Failed("the model's probabilities are not numbers, so it predicts no class".to_owned())
    })?;

    let mut curve = |blanked: &dyn Fn(usize) -> Vec<usize>| -> Result<Vec<f64>, EngineError> {
        let features = (0..POINTS)
            .map(|point| store.blanked(&sample.path, &blanked(at(point, patches))))
            .collect::<Result<Vec<Features>, _>>()?;
        let mut scored = Vec::with_capacity(POINTS);
        BatchLimit::default().in_parts(
            &features,
            || store.relieve(),
            |part| {
                scored.extend(label_probabilities(learner, part, &[])?);
                Ok(())
            },
        )?;
        Ok(scored
            .into_iter()
            .map(|p| p.get(class).copied().unwrap_or(f64::NAN))
            .collect())
    };
    let mut both = |order: &[usize]| -> Result<[Vec<f64>; 2], EngineError> {
        Ok([
            curve(&|count| order[..count].to_vec())?,
            curve(&|count| order[count..].to_vec())?,
        ])
    };
    let [deletion, insertion] = both(&order)?;
    let [mut random_deletion, mut random_insertion] = [vec![0.0; POINTS], vec![0.0; POINTS]];
    for seed in 0..RANDOM_ORDERS {
        let mut order = order.clone();
        order.sort_unstable();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let [deletion, insertion] = both(&order)?;
        for (mean, one) in [(&mut random_deletion, deletion), (&mut random_insertion, insertion)] {
            mean.iter_mut()
                .zip(one)
                .for_each(|(mean, p)| *mean += p / RANDOM_ORDERS as f64);
        }
    }
    Ok(Faithfulness {
        class: learner.classes.get(class).cloned().unwrap_or_default(),
        shares: (0..POINTS)
            .map(|point| at(point, patches) as f64 / patches.max(1) as f64)
            .collect(),
        deletion,
        insertion,
        random_deletion,
        random_insertion,
    })
}

/// The number of patches blanked (deletion) or shown (insertion) at a point.
const fn at(point: usize, patches: usize) -> usize {
    point * patches / (POINTS - 1)
}

/// The patches by the mean attention of the view's queries, highest first.
fn by_attention(learner: &Learner, features: &Features, view: View) -> Result<Vec<usize>, EngineError> {
    let (_, attention) = learner.visual_rows(features, &[])?;
    let place = learner.views().into_iter().position(|of| of == view);
    let map = place
        .and_then(|place| attention.get(place))
        .ok_or_else(|| EngineError::Failed(format!("the aspect {view} is not in use, so it has no attention map")))?;
    let order = map.mean(D::Minus2)?.neg()?.arg_sort_last_dim(true)?.to_vec1::<u32>()?;
    Ok(order.into_iter().map(|patch| patch as usize).collect())
}
