//! Stage one: the vision tower learns what each of its tokens shows, from pictures drawn as they are needed.

use anyhow::Result;
use candle_core::{D, Device, Tensor};
use masp::data::synth::draw;
use masp::data::synth::scene::{Scene, VARIATION};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::labels::{READ_OUTS, labels};
use super::ops::linear;
use super::params::Params;
use super::pools::Picture;
use super::schedule::Clock;
use super::shape::Shape;
use super::vision;
use super::workers::Workers;

/// Pictures of an optimiser step: parts times pictures a part.
const PARTS: usize = 4;
const PART: usize = 8;
const LR: f64 = 4e-3;

/// Adds the read-outs.
///
/// # Errors
/// Where a tensor cannot be made.
pub fn initialise(params: &mut Params, shape: &Shape, rng: &mut ChaCha8Rng) -> Result<()> {
    for (name, classes, _) in READ_OUTS {
        params.linear(&format!("read_out.{name}"), classes, shape.hidden, true, rng)?;
    }
    Ok(())
}

/// A scene of the pretraining: half of them as coherent as the dataset's, half with independent aspects, so that the
/// tower must look instead of guessing one aspect from another.
pub fn scene(shape: &Shape, rng: &mut ChaCha8Rng) -> Scene {
    let variation = if rng.random_bool(0.5) { VARIATION } else { 1.0 };
    Scene::draw(rng, shape.image as u32, variation)
}

/// The patches `[pictures, patches, values]` of scenes.
///
/// # Errors
/// Where the tensor cannot be made.
pub fn pixels(scenes: &[Scene], shape: &Shape) -> Result<Tensor> {
    let values: Vec<f32> = scenes
        .iter()
        .flat_map(|scene| vision::patches(draw::render(scene).as_raw(), shape))
        .collect();
    let patches = shape.grid() * shape.grid();
    Ok(Tensor::from_vec(
        values,
        (scenes.len(), patches, 3 * shape.patch * shape.patch),
        &Device::Cpu,
    )?)
}

/// Trains until the clock says so.
///
/// # Errors
/// Where a tensor operation or the state file fails.
pub fn train(params: &Params, shape: &Shape, workers: &Workers, clock: &mut Clock, seed: u64) -> Result<()> {
    while let Some((step, lr)) = clock.next(LR) {
        let sum = workers.gradients(params, PARTS, |part| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed ^ ((step * PARTS + part) as u64) << 16);
            let scenes: Vec<Scene> = (0..PART).map(|_| scene(shape, &mut rng)).collect();
            loss(params, shape, &scenes)
        })?;
        clock
            .optimiser
            .step(params, &sum.gradients, lr, 1.0 / PARTS as f64, workers)?;
        clock.done(
            params,
            &sum.losses.iter().map(|loss| loss / PARTS as f64).collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}

fn loss(params: &Params, shape: &Shape, scenes: &[Scene]) -> Result<(Tensor, Vec<f64>)> {
    let features = vision::forward(params, shape, &pixels(scenes, shape)?)?;
    let all: Vec<_> = scenes.iter().map(|scene| labels(scene, shape)).collect();
    let mut total = Tensor::zeros((), features.dtype(), features.device())?;
    let mut values = Vec::new();
    for (index, (_, _, share)) in READ_OUTS.iter().enumerate() {
        let logits = read_out(params, &features, index)?.flatten_to(1)?;
        let classes: Vec<u32> = all.iter().flat_map(|labels| labels.classes[index].clone()).collect();
        let weights: Vec<f32> = all.iter().flat_map(|labels| labels.weights[index].clone()).collect();
        let count: f32 = weights.iter().sum();
        let rows = classes.len();
        let log_p = candle_nn::ops::log_softmax(&logits, D::Minus1)?;
        let log_p = log_p
            .gather(&Tensor::from_vec(classes, (rows, 1), &Device::Cpu)?, 1)?
            .squeeze(1)?;
        let weights = Tensor::from_vec(weights, rows, &Device::Cpu)?;
        let loss = ((log_p * weights)?.sum_all()? / -f64::from(count))?;
        values.push(f64::from(loss.to_scalar::<f32>()?));
        total = (total + (loss * f64::from(*share))?)?;
    }
    Ok((total, values))
}

/// Logits `[pictures, tokens, classes]` of a read-out.
fn read_out(params: &Params, features: &Tensor, index: usize) -> Result<Tensor> {
    let name = READ_OUTS[index].0;
    let weight = params.get(&format!("read_out.{name}.weight"))?;
    Ok(linear(
        features,
        weight,
        Some(params.get(&format!("read_out.{name}.bias"))?),
    )?)
}

/// Shares of held-out pictures that the read-outs get right, in the order of [`READ_OUTS`]: the exact set of objects
/// (a kind counts as seen where its probability is above one half in some token), the other aspects by their mean
/// log-probability over the tokens (person's aspects: of pictures with a person).
///
/// # Errors
/// Where a tensor operation fails.
pub fn evaluate(params: &Params, shape: &Shape, workers: &Workers, pictures: usize) -> Result<Vec<f64>> {
    let parts = pictures.div_ceil(PART);
    let results = workers.map(parts, |part| {
        let mut rng = ChaCha8Rng::seed_from_u64(HELD_OUT + part as u64);
        let scenes: Vec<Scene> = (0..PART)
            .map(|_| Scene::draw(&mut rng, shape.image as u32, VARIATION))
            .collect();
        let features = vision::forward(params, shape, &pixels(&scenes, shape)?)?.detach();
        let mut right = vec![(0usize, 0usize); READ_OUTS.len()];
        for (index, right) in right.iter_mut().enumerate() {
            let p = candle_nn::ops::softmax(&read_out(params, &features, index)?, D::Minus1)?.to_vec3::<f32>()?;
            for (scene, p) in scenes.iter().zip(p) {
                if let Some(hit) = is_right(scene, index, &p) {
                    right.0 += usize::from(hit);
                    right.1 += 1;
                }
            }
        }
        Ok(right)
    })?;
    let share = |index: usize| {
        let (hits, of) = results
            .iter()
            .fold((0, 0), |sum, part| (sum.0 + part[index].0, sum.1 + part[index].1));
        hits as f64 / of.max(1) as f64
    };
    Ok((0..READ_OUTS.len()).map(share).collect())
}

/// Pictures with their vision tokens; `first_seed` tells training's from held-out ones.
///
/// # Errors
/// Where a tensor operation fails.
pub fn pictures(
    params: &Params,
    shape: &Shape,
    workers: &Workers,
    count: usize,
    first_seed: u64,
) -> Result<Vec<Picture>> {
    let parts = workers.map(count.div_ceil(PART), |part| {
        let mut rng = ChaCha8Rng::seed_from_u64(first_seed + part as u64);
        let scenes: Vec<Scene> = (0..PART).map(|_| scene(shape, &mut rng)).collect();
        let tokens = vision::forward(params, shape, &pixels(&scenes, shape)?)?.to_vec3::<f32>()?;
        Ok(scenes
            .into_iter()
            .zip(tokens)
            .map(|(scene, tokens)| Picture { scene, tokens })
            .collect::<Vec<_>>())
    })?;
    Ok(parts.into_iter().flatten().collect())
}

/// The first seed of the held-out pictures: training never comes here.
pub const HELD_OUT: u64 = 1 << 62;

fn is_right(scene: &Scene, index: usize, p: &[Vec<f32>]) -> Option<bool> {
    let best = |first: usize| {
        let classes = p.first().map_or(0, Vec::len);
        let score = |class: usize| p.iter().map(|token| token[class].max(1e-6).ln()).sum::<f32>();
        let spotted = |class: usize| p.iter().map(|token| token[class]).sum::<f32>();
        let value = |class: usize| {
            if first == 0 { score(class) } else { spotted(class) }
        };
        (first..classes)
            .max_by(|&a, &b| value(a).total_cmp(&value(b)))
            .map(|class| class - first)
    };
    match index {
        0 => {
            let mut kinds: Vec<usize> = scene.objects.iter().map(|thing| thing.kind).collect();
            kinds.sort_unstable();
            let classes = p.first().map_or(0, Vec::len);
            let seen: Vec<usize> = (1..classes)
                .filter(|&class| p.iter().any(|token| token[class] > 0.5))
                .map(|class| class - 1)
                .collect();
            Some(seen == kinds)
        }
        1 => scene.person.as_ref().map(|person| best(1) == Some(person.expression)),
        2 => scene.person.as_ref().map(|person| best(1) == Some(person.action)),
        3 => Some(best(0) == Some(scene.setting)),
        4 => Some(best(0) == Some(scene.brightness_level())),
        _ => Some(best(0) == Some(scene.colorfulness_level())),
    }
}
