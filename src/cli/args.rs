//! The definition of the command line for clap. [`sources`] turns flags into settings, [`argv`] turns `_` in flags into `-`.

mod argv;
mod device;
mod export;
mod session_spec;
mod settings;
mod sources;
mod stage;
mod sweep;
#[cfg(test)]
mod tests;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use export::{ExportArgs, ExportChoice};
pub use session_spec::{BadSessionSpec, CheckpointChoice, SessionSpec};
pub use settings::{ConfigArgs, ModelArgs, ScreenArgs};
pub use stage::StageChoice;
pub use sweep::SweepArgs;

use crate::{
    data::View,
    runs::{Column, Query, Sort},
    tui::{REPLAY_SPEED, REPLAY_SPEEDS},
};

/// Multi-aspect soft-prompt tuning of vision-language models on visual emotion, shown while it happens.
///
/// Without a command, masp opens the workbench on ./sessions; if there are no sessions yet, it offers the demo.
#[derive(Debug, Parser)]
#[command(name = "masp", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings of the workbench; each command takes its own.
    #[command(flatten)]
    pub settings: ConfigArgs,
    #[command(flatten)]
    pub screen: ScreenArgs,
}

impl Cli {
    /// Parses arguments, the program's name first.
    ///
    /// # Errors
    /// Wrong usage, and the texts of `--help` and `--version`: print the error and exit with its `exit_code()`.
    pub fn from_argv(argv: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(argv::normalised(argv))
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch MASP learn on a drawn dataset with the embedded tiny model: both stages, then an evaluation
    Demo(DemoArgs),
    /// Train on a dataset: stage 1 (aspects), stage 2 (soft prompt), or both
    Train(TrainArgs),
    /// Train one session for each combination of settings and seeds; the same command again goes on where it ended
    Sweep(SweepArgs),
    /// Evaluate a session or checkpoint files on a split
    Eval(EvalArgs),
    /// Predict which emotion images evoke, and why
    Predict(PredictArgs),
    /// Compare two sessions or checkpoints
    Compare(CompareArgs),
    /// Show a session, and control the process that runs it
    Attach(OneSessionArgs),
    /// Replay a recorded session
    Replay(ReplayArgs),
    /// List, show, export or remove sessions
    Sessions {
        #[command(subcommand)]
        command: SessionsCommand,
    },
    /// Check a dataset, or draw one
    Data {
        #[command(subcommand)]
        command: DataCommand,
    },
    /// Check this machine, its terminal and the settings; with --selftest also the numbers it computes
    Doctor(DoctorArgs),
    /// Print the completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write the pages of all commands to a folder
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Do not open the screens; print progress on stderr
    #[arg(long)]
    pub headless: bool,
    /// Print the figures as one JSON document on stdout; implies --headless
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub screen: ScreenArgs,
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Folder of the dataset (also --your_datapath)
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// What to train [default: both; with --resume, what the session last trained]
    #[arg(long, value_enum)]
    pub stage: Option<StageChoice>,
    /// Name of the session; an existing one needs --resume [default: made from the date]
    #[arg(long, value_name = "NAME")]
    pub session: Option<String>,
    /// Continue from the session's newest checkpoint, or start the session if there is none
    #[arg(long)]
    pub resume: bool,
    /// Begin with the settings of this session; other flags, --set and --config change them
    #[arg(long, value_name = "SESSION")]
    pub like: Option<String>,
    /// Start from these aspect modules (safetensors, .pth)
    #[arg(long, value_name = "FILE")]
    pub init_aspects: Option<PathBuf>,
    /// Start from this soft prompt (safetensors, .pt)
    #[arg(long, value_name = "FILE")]
    pub init_prompt: Option<PathBuf>,
    /// Write the trained parameters to this file at the end: .pth and .pt as the reference's PyTorch files, else safetensors
    #[arg(long, value_name = "FILE")]
    pub save_ckpt: Option<PathBuf>,
    /// Train exactly this many optimiser steps per stage, whatever the epochs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_steps: Option<u64>,
    /// Do not open the screens; print progress on stderr
    #[arg(long)]
    pub headless: bool,
    /// Train in the background and return; `masp attach` shows the run
    #[arg(long)]
    pub detach: bool,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub screen: ScreenArgs,
}

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Name or path of a session, with @best, @last (default) or @STEP
    pub session: Option<SessionSpec>,
    /// Folder of the dataset (also --your_datapath) [default: the session's]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Split of the dataset
    #[arg(long, value_enum, default_value_t)]
    pub split: Split,
    #[command(flatten)]
    pub checkpoints: CheckpointArgs,
    /// Evaluate the base model without aspects and prompt; the session's Train screen then marks its figures
    #[arg(long, conflicts_with_all = ["load_ckpt", "load_spmodel_ckpt"])]
    pub frozen: bool,
    /// Also write each image's prediction to this file (.csv, .jsonl); a session's folder keeps the predictions in any case
    #[arg(long, value_name = "FILE")]
    pub predictions: Option<PathBuf>,
    /// Print the figures as one JSON document on stdout
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// A dataset's split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Split {
    Train,
    Val,
    #[default]
    Test,
}

impl Split {
    /// The name in datasets and JSON documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// Files of trained parameters.
#[derive(Debug, Clone, Default, Args)]
pub struct CheckpointArgs {
    /// File of a soft prompt (safetensors, or the reference's .pth or .pt)
    #[arg(long, value_name = "FILE")]
    pub load_ckpt: Option<PathBuf>,
    /// File of aspect modules (safetensors, or the reference's .pth or .pt)
    #[arg(long, value_name = "FILE")]
    pub load_spmodel_ckpt: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PredictArgs {
    /// Image files
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// Name or path of a session, with @best, @last (default) or @STEP
    #[arg(long, conflicts_with_all = ["load_ckpt", "load_spmodel_ckpt"])]
    pub session: Option<SessionSpec>,
    #[command(flatten)]
    pub checkpoints: CheckpointArgs,
    /// Predict without the tokens of these aspects
    #[arg(long, value_name = "ASPECT,...", value_delimiter = ',')]
    pub mute: Vec<View>,
    /// Print one JSON document per image and line on stdout
    #[arg(long)]
    pub json: bool,
    /// Show the images and their heatmaps in the terminal
    #[arg(long, conflicts_with = "json")]
    pub show: bool,
    #[command(flatten)]
    pub model: ModelArgs,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Name or path of a session, with @best, @last (default) or @STEP
    pub a: SessionSpec,
    /// Name or path of a session, with @best, @last (default) or @STEP
    pub b: SessionSpec,
    /// Folder of the dataset [default: each session's own]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Split of the dataset
    #[arg(long, value_enum, default_value_t)]
    pub split: Split,
    #[command(flatten)]
    pub model: ModelArgs,
    /// Print the comparison as one JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct OneSessionArgs {
    /// Name or path of a session
    pub session: String,
    #[command(flatten)]
    pub settings: ConfigArgs,
    #[command(flatten)]
    pub screen: ScreenArgs,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    pub session: OneSessionArgs,
    /// How many times as fast as the run went: 0.25, 0.5, 1, 2, 5, 10, 20, 50 or 100; keys change it
    #[arg(long, value_name = "TIMES", default_value_t = REPLAY_SPEED, value_parser = speed)]
    pub speed: f64,
}

/// A speed of a replay.
fn speed(text: &str) -> Result<f64, String> {
    let times = text.parse().ok();
    times.filter(|times| REPLAY_SPEEDS.contains(times)).ok_or_else(|| {
        let all: Vec<String> = REPLAY_SPEEDS.iter().map(f64::to_string).collect();
        format!("choose one of {}", all.join(", "))
    })
}

#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub settings: ConfigArgs,
    /// Columns: what runs reached (test, test_f1, best_ece, samples/s, memory ...) and settings (lr, seed, aspects.views)
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = Column::parse)]
    pub columns: Vec<Column>,
    /// Runs that pass: state:finished model:qwen lr<1e-4 best>=80% tag:paper -word
    #[arg(long, value_name = "TERMS", value_parser = Query::parse, allow_hyphen_values = true)]
    pub filter: Option<Query>,
    /// Order, the best or latest first; -COLUMN turns it [default: started]
    #[arg(long, value_name = "COLUMN", value_parser = Sort::parse, allow_hyphen_values = true)]
    pub sort: Option<Sort>,
    /// A row for the runs that differ by these settings alone: mean, standard deviation, and the difference from the first row
    #[arg(long, value_name = "SETTINGS", value_delimiter = ',', value_parser = Column::parse, num_args = 0..=1, default_missing_value = "seed")]
    pub group: Vec<Column>,
    /// Print one JSON document on stdout
    #[arg(long, group = "form")]
    pub json: bool,
    /// Print CSV with exact values
    #[arg(long, group = "form")]
    pub csv: bool,
    /// Print a Markdown table
    #[arg(long, group = "form")]
    pub markdown: bool,
    /// Print a LaTeX tabular (for the package booktabs)
    #[arg(long, group = "form")]
    pub latex: bool,
}

#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// List all sessions with their state and results, or groups of them
    List(ListArgs),
    /// Show one session's state, checkpoints and evaluations; with --json also its settings
    Show {
        /// Name or path of a session
        session: String,
        #[command(flatten)]
        settings: ConfigArgs,
        /// Print the session as one JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Export a checkpoint's parameters, tables, figures for a paper, arrays, a report or TensorBoard events
    Export {
        #[command(flatten)]
        asked: Box<ExportArgs>,
        #[command(flatten)]
        settings: ConfigArgs,
    },
    /// Remove sessions with their checkpoints
    Rm {
        /// Names or paths of sessions
        #[arg(required = true, value_name = "SESSION")]
        sessions: Vec<String>,
        #[command(flatten)]
        settings: ConfigArgs,
        /// Remove without asking
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Report a folder's layout, classes, counts, annotations and unusable files; exit status 1 if a run would fail on it
    Check {
        /// Folder of the dataset
        dir: String,
        #[command(flatten)]
        settings: ConfigArgs,
        /// Name of the dataset, which sets its layout and classes [default: detected]
        #[arg(long, value_name = "NAME")]
        dataname: Option<String>,
    },
    /// Draw a dataset in EmoSet's layout, in which the emotion follows from the aspects by a known rule
    Synth {
        /// Folder to write; created if missing
        dir: PathBuf,
        /// Number of pictures, all splits together
        #[arg(long, value_name = "N", default_value_t = 4000)]
        images: usize,
        /// Seed of the pictures; the same seed draws the same ones
        #[arg(long, default_value_t = 3407)]
        seed: u64,
    },
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Compute small models on the device and compare the numbers with f64
    #[arg(long)]
    pub selftest: bool,
    #[command(flatten)]
    pub model: ModelArgs,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    #[arg(value_enum)]
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder for the pages of all commands, created if missing; pages of the same names are replaced
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
