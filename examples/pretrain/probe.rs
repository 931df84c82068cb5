//! How far a soft prompt gets on this base: MASP's second stage in small, on aspects that are looked at rightly. A measure
//! of the recipe; nothing of it is in the model. It reads the dataset's rule.

use anyhow::Result;
use candle_core::{Tensor, Var};
use masp::data::synth::rule;
use masp::vlm::decoder::LanguageModel;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::batch::Batch;
use super::facts::EMOTIONS;
use super::optimiser::Optimiser;
use super::params::Params;
use super::pools::{Picture, Run};
use super::questions;
use super::report::share;
use super::school::School;
use super::sequence::{Row, Sequence};
use super::workers::Workers;

const PARTS: usize = 4;
const PART: usize = 8;

/// Tunes a prompt that begins as `start` `[rows, hidden]` for `steps` and prints its accuracy on `held_out` pictures.
///
/// # Errors
/// Where a tensor operation fails.
pub fn probe(
    model: &LanguageModel,
    school: &School,
    workers: &Workers,
    held_out: &[Picture],
    start: &Tensor,
    (steps, lr): (usize, f64),
) -> Result<()> {
    let rows: Vec<Row> = (0..start.dim(0)?).map(Row::Prompt).collect();
    let sequence = |picture: &Picture, kind: Run, rng: &mut ChaCha8Rng| -> Result<Sequence> {
        let (run, _) = picture.run(school.shape, kind, rng);
        let question = questions::emotion(school.wordings, false, rng);
        school.question(run, &rows, &question, EMOTIONS[rule::verdict(&picture.scene).emotion])
    };
    for kind in [Run::AspectsAndTokens, Run::Tokens] {
        let mut prompt = Params::default();
        prompt.add("prompt", &Var::from_tensor(start)?);
        let mut optimiser = Optimiser::new(0.0);
        for step in 0..=steps {
            let rows = prompt.get("prompt")?.clone();
            if step % 100 == 0 {
                let mut rng = ChaCha8Rng::seed_from_u64(9);
                let sequences = held_out
                    .iter()
                    .map(|picture| sequence(picture, kind, &mut rng))
                    .collect::<Result<Vec<_>>>()?;
                let accuracy = share(model, workers, &sequences, Some(&rows.detach()))?;
                eprintln!("a soft prompt on {kind:?} after {step} steps: {accuracy:.3}");
            }
            let sum = workers.gradients(&prompt, PARTS, |part| {
                let mut rng = ChaCha8Rng::seed_from_u64((step * PARTS + part) as u64);
                let sequences = (0..PART)
                    .map(|_| {
                        let picture = &school.pictures[rng.random_range(0..school.pictures.len())];
                        sequence(picture, kind, &mut rng)
                    })
                    .collect::<Result<Vec<_>>>()?;
                let loss = Batch::new(&sequences, model, Some(&rows))?.loss(model)?;
                Ok((loss, Vec::new()))
            })?;
            let rate = lr * (1.0 - step as f64 / (steps + 1) as f64);
            optimiser.step(&prompt, &sum.gradients, rate, 1.0 / PARTS as f64, workers)?;
        }
    }
    Ok(())
}
