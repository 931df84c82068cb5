//! Makes `assets/tiny`, the small Qwen2-VL that MASP's embedded default tunes.
//!
//! `cargo run --release --example pretrain -- --out assets/tiny --minutes 45 --seed 1 [--resume]`
//!
//! The vision tower learns first, from dense labels of drawn pictures; then, with its features frozen, the language
//! model. Nothing here reads the drawn dataset's emotion rule.

mod labels;
mod ops;
mod optimiser;
mod params;
mod schedule;
mod shape;
mod vision;
mod vision_stage;
mod workers;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use optimiser::Optimiser;
use params::Params;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use schedule::Clock;
use shape::TINY;
use workers::Workers;

/// Pretrain the embedded tiny model on drawn scenes.
#[derive(Parser)]
struct Arguments {
    /// The folder that gets the model in Hugging Face layout.
    #[arg(long, default_value = "assets/tiny")]
    out: PathBuf,
    /// The folder of the state from which `--resume` goes on.
    #[arg(long, default_value = "target/pretrain")]
    work: PathBuf,
    /// Minutes of the vision stage.
    #[arg(long, default_value_t = 25.0)]
    vision_minutes: f64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Go on from the state in `--work`.
    #[arg(long)]
    resume: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    std::fs::create_dir_all(&arguments.work).with_context(|| format!("making {}", arguments.work.display()))?;
    let workers = Workers::new(arguments.threads)?;
    let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
    let mut params = Params::default();
    vision::initialise(&mut params, &TINY, &mut rng)?;
    vision_stage::initialise(&mut params, &TINY, &mut rng)?;
    let names = labels::READ_OUTS.map(|(name, _, _)| name).to_vec();
    let path = arguments.work.join("vision.safetensors");
    let mut clock =
        Clock::start(&path, arguments.vision_minutes, names, Optimiser::new(0.05), &params, arguments.resume)?;
    vision_stage::train(&params, &TINY, &workers, &mut clock, arguments.seed)?;
    for ((name, _, _), share) in labels::READ_OUTS.iter().zip(vision_stage::evaluate(&params, &TINY, &workers, 1000)?) {
        eprintln!("held-out pictures, {name}: {share:.3}");
    }
    Ok(())
}
