//! Makes `assets/tiny`, the small Qwen2-VL that MASP's embedded default tunes.
//!
//! `cargo run --release --example pretrain -- --out assets/tiny --minutes 45 --seed 1 [--resume]`
//!
//! The vision tower learns first, from dense labels of drawn pictures; then, with its features frozen, the language
//! model. No training reads the drawn dataset's emotion rule.

mod batch;
mod corpus;
mod export;
mod facts;
mod labels;
mod language_stage;
mod ops;
mod optimiser;
mod params;
mod pools;
mod probe;
mod prompt_tokens;
mod questions;
mod report;
mod schedule;
mod school;
mod sequence;
mod shape;
mod tokenizer;
mod viewers;
mod vision;
mod vision_stage;
mod wording;
mod workers;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use candle_core::{DType, Device};
use clap::Parser;
use masp::data::View;
use masp::vlm::base::{BaseModel, LoadOptions};
use masp::vlm::qwen2_vl::config;
use optimiser::Optimiser;
use params::Params;
use pools::Picture;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use schedule::Clock;
use school::School;
use shape::TINY;
use wording::Wordings;
use workers::Workers;

/// The soft prompt's length by default: so many of the spare rows are where it starts.
const PROMPT_TOKENS: usize = 32;
/// Pictures of the report.
const HELD_OUT_PICTURES: usize = 400;

/// Pretrain the embedded tiny model on drawn scenes.
#[derive(Parser)]
struct Arguments {
    /// The folder that gets the model in Hugging Face layout.
    #[arg(long, default_value = "assets/tiny")]
    out: PathBuf,
    /// The folder of the state from which `--resume` goes on.
    #[arg(long, default_value = "target/pretrain")]
    work: PathBuf,
    /// Minutes of training in all.
    #[arg(long, default_value_t = 45.0)]
    minutes: f64,
    /// The vision tower's share of them.
    #[arg(long, default_value_t = 0.5)]
    vision: f64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Pictures whose vision tokens the language model learns from.
    #[arg(long, default_value_t = 8000)]
    pictures: usize,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Afterwards tune a soft prompt for so many steps and print how far it gets.
    #[arg(long, default_value_t = 0)]
    probe: usize,
    /// The learning rate of the probe.
    #[arg(long, default_value_t = 0.04)]
    probe_lr: f64,
    /// Go on from the state in `--work`.
    #[arg(long)]
    resume: bool,
}

/// What libraries read from the environment before `main`: each worker computes on its own thread, so that candle's
/// products shall not be split again; and glibc shall keep freed tensors' memory instead of returning it to the system
/// (half of the time went there).
const ENVIRONMENT: [(&str, &str); 4] = [
    ("RAYON_NUM_THREADS", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "4000000000"),
    ("MALLOC_TRIM_THRESHOLD_", "8000000000"),
    ("MALLOC_TOP_PAD_", "64000000"),
];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if ENVIRONMENT.iter().any(|(name, _)| std::env::var_os(name).is_none()) {
        return start_again();
    }
    std::fs::create_dir_all(&arguments.work).with_context(|| format!("making {}", arguments.work.display()))?;
    let workers = Workers::new(arguments.threads)?;
    let vision = vision_stage(&arguments, &workers)?;
    language_stage(&arguments, &workers, &vision)
}

/// Replaces this process by itself with [`ENVIRONMENT`].
fn start_again() -> Result<()> {
    let program = std::env::current_exe().context("finding this program's file")?;
    let mut command = std::process::Command::new(program);
    command.args(std::env::args_os().skip(1));
    command.envs(ENVIRONMENT);
    Err(command.exec()).context("starting again with the environment set")
}

fn vision_stage(arguments: &Arguments, workers: &Workers) -> Result<Params> {
    let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
    let mut params = Params::default();
    vision::initialise(&mut params, &TINY, &mut rng)?;
    vision_stage::initialise(&mut params, &TINY, &mut rng)?;
    let names = labels::READ_OUTS.map(|(name, _, _)| name).to_vec();
    let path = arguments.work.join("vision.safetensors");
    let minutes = arguments.minutes * arguments.vision;
    let mut clock = Clock::start(&path, minutes, names, Optimiser::new(0.05), &params, arguments.resume)?;
    vision_stage::train(&params, &TINY, workers, &mut clock, arguments.seed)?;
    let shares = vision_stage::evaluate(&params, &TINY, workers, 800)?;
    for ((name, _, _), share) in labels::READ_OUTS.iter().zip(shares) {
        eprintln!("read from the vision tokens of new pictures, {name}: {share:.3}");
    }
    Ok(params)
}

fn language_stage(arguments: &Arguments, workers: &Workers, vision: &Params) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed ^ 0x1a);
    let wordings = Wordings::new()?;
    let folder = PathBuf::from("prompts");
    let templates = |view: View| corpus::templates(&folder, &format!("{view}.txt")).unwrap_or_default();
    let mut all = corpus::templates(&PathBuf::from("."), "prompts.txt")?;
    all.extend(View::ALL.into_iter().flat_map(templates));
    let tokenizer = tokenizer::train(&corpus::lines(&wordings, &all, arguments.seed), TINY.bpe)?;
    let keys = export::config(&TINY, &tokenizer);
    let keys = keys.as_object().context("the configuration holds keys")?;
    let config = config::parse(keys).map_err(anyhow::Error::msg)?.decoder;
    let mut params = Params::default();
    language_stage::initialise(&mut params, &TINY, config.vocab_size, &mut rng)?;

    let pictures = pictures(vision, workers, arguments.pictures, arguments.seed)?;
    let school = School {
        shape: &TINY,
        config: &config,
        tokenizer: &tokenizer,
        wordings: &wordings,
        pictures: &pictures,
    };
    let path = arguments.work.join("language.safetensors");
    let minutes = arguments.minutes * (1.0 - arguments.vision);
    let names = language_stage::LOSSES.to_vec();
    let mut clock = Clock::start(&path, minutes, names, Optimiser::new(0.05), &params, arguments.resume)?;
    language_stage::train(&params, &school, workers, &mut clock, arguments.seed)?;

    let spare = prompt_tokens::neutral(&tokenizer, params.get("model.embed_tokens.weight")?, PROMPT_TOKENS)?;
    export::write(&arguments.out, &TINY, &tokenizer, vision, &params, &spare.detach())?;
    eprintln!("the model is in {}", arguments.out.display());
    let options = LoadOptions {
        name: "tiny".to_owned(),
        dtype: DType::F32,
        device: Device::Cpu,
        min_pixels: None,
        max_pixels: None,
        prompt_tokens: PROMPT_TOKENS,
        packing: None,
    };
    let base = BaseModel::open(&arguments.out, options, |_, _| ())?;
    let held_out = report::new_pictures(&base, workers, HELD_OUT_PICTURES, &TINY)?;
    for (name, share) in report::report(&base.decoder, &school, workers, &held_out, &templates)? {
        eprintln!("{name}: {share:.3}");
    }
    if arguments.probe > 0 {
        let steps = (arguments.probe, arguments.probe_lr);
        probe::probe(&base.decoder, &school, workers, &held_out, &spare.detach(), steps)?;
    }
    Ok(())
}

fn pictures(vision: &Params, workers: &Workers, count: usize, seed: u64) -> Result<Vec<Picture>> {
    vision_stage::pictures(vision, &TINY, workers, count, seed << 32)
}
