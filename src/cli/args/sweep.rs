//! The flags of `masp sweep`.

use std::path::PathBuf;

use clap::Args;

use super::settings::{ModelArgs, ScreenArgs};
use super::stage::StageChoice;

#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Name of the sweep; the names of its sessions begin with it
    pub name: String,
    /// Folder of the dataset (also --your_datapath)
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// A setting and its values, for example `lr=1e-3,3e-3` or `aspects.views=[scene],[scene,object]`; may be repeated
    #[arg(long, value_name = "KEY=VALUE,...")]
    pub vary: Vec<String>,
    /// Train each combination with so many seeds, counted from train.seed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// Train on so many images a class: the same as --vary data.shots=K,...
    #[arg(long, value_name = "K,...")]
    pub shots: Option<String>,
    /// YAML file with vary, seeds, shots, set and stage; flags add to it, and override what it says of the same
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Runs at once, which share the processor's cores
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub jobs: u64,
    /// What to train [default: both]
    #[arg(long, value_enum)]
    pub stage: Option<StageChoice>,
    /// Start all runs from these aspect modules (safetensors, .pth)
    #[arg(long, value_name = "FILE")]
    pub init_aspects: Option<PathBuf>,
    /// Train exactly this many optimiser steps per stage, whatever the epochs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_steps: Option<u64>,
    /// Do not open the screens; print a line on stderr as each run starts and ends, and the table of the runs on stdout
    #[arg(long)]
    pub headless: bool,
    /// Print the table of the runs as one JSON document on stdout; implies --headless
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub screen: ScreenArgs,
}
