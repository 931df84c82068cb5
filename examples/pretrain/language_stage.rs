//! Stage two: the language model learns to speak of what the frozen tower sees.

use anyhow::Result;
use candle_core::Tensor;
use masp::vlm::Parameters;
use masp::vlm::decoder::LanguageModel;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::batch::Batch;
use super::params::Params;
use super::schedule::Clock;
use super::school::{Part, School};
use super::shape::Shape;
use super::workers::Workers;

const LR: f64 = 4e-3;

/// What the sequences of each part of a step are about.
const PARTS: [Part; 7] = [
    Part::Pictures,
    Part::Pools,
    Part::Aspects,
    Part::Viewers,
    Part::Viewers,
    Part::Viewers,
    Part::Words,
];

impl Parameters for Params {
    fn get(&self, name: &str, shape: &[usize]) -> candle_core::Result<Tensor> {
        let tensor = Params::get(self, name)?;
        if tensor.dims() != shape {
            candle_core::bail!("`{name}` has the shape {:?}, not {shape:?}", tensor.dims());
        }
        Ok(tensor.clone())
    }

    fn trained(&self) -> bool {
        true
    }
}

/// Adds the language model's parameters under their hub names.
///
/// # Errors
/// Where a tensor cannot be made.
pub fn initialise(params: &mut Params, shape: &Shape, vocabulary: usize, rng: &mut ChaCha8Rng) -> Result<()> {
    let (width, wide, kv) = (
        shape.hidden,
        shape.intermediate,
        shape.hidden / shape.heads * shape.kv_heads,
    );
    params.normal("model.embed_tokens.weight", &[vocabulary, width], 0.5, rng)?;
    params.linear("lm_head", vocabulary, width, false, rng)?;
    params.constant("model.norm.weight", &[width], 1.0)?;
    for layer in 0..shape.layers {
        let name = |part: &str| format!("model.layers.{layer}.{part}");
        params.constant(&name("input_layernorm.weight"), &[width], 1.0)?;
        params.constant(&name("post_attention_layernorm.weight"), &[width], 1.0)?;
        params.linear(&name("self_attn.q_proj"), width, width, true, rng)?;
        params.linear(&name("self_attn.k_proj"), kv, width, true, rng)?;
        params.linear(&name("self_attn.v_proj"), kv, width, true, rng)?;
        params.linear(&name("self_attn.o_proj"), width, width, false, rng)?;
        params.linear(&name("mlp.gate_proj"), wide, width, false, rng)?;
        params.linear(&name("mlp.up_proj"), wide, width, false, rng)?;
        params.linear(&name("mlp.down_proj"), width, wide, false, rng)?;
    }
    Ok(())
}

/// Trains until the clock says so.
///
/// # Errors
/// Where a tensor operation or the state file fails.
pub fn train(params: &Params, school: &School, workers: &Workers, clock: &mut Clock, seed: u64) -> Result<()> {
    let count = PARTS.len();
    while let Some((step, lr)) = clock.next(LR) {
        let model = LanguageModel::new(school.config, params, |_| ())?;
        let progress = clock.progress();
        let sum = workers.gradients(params, count, |part| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed ^ ((step * count + part) as u64) << 16 ^ 0x1a9e);
            let sequences = school.part(PARTS[part], progress, &mut rng)?;
            let loss = Batch::new(&sequences, &model, None)?.loss(&model)?;
            let mut losses = vec![0.0; count];
            losses[part] = f64::from(loss.to_scalar::<f32>()?);
            Ok((loss, losses))
        })?;
        clock
            .optimiser
            .step(params, &sum.gradients, lr, 1.0 / count as f64, workers)?;
        let viewers = sum.losses[3..6].iter().sum::<f64>() / 3.0;
        clock.done(
            params,
            &[sum.losses[0], sum.losses[1], sum.losses[2], viewers, sum.losses[6]],
        )?;
    }
    Ok(())
}

/// The names of the losses that [`train`] reports.
pub const LOSSES: [&str; 5] = ["pictures", "pools", "aspects", "viewers", "words"];
