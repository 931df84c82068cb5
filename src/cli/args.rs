//! The command line as clap sees it; what the flags say of settings is in [`sources`], how `_` becomes `-` in [`argv`].

mod argv;
mod session_spec;
mod sources;
#[cfg(test)]
mod tests;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use session_spec::{BadSessionSpec, CheckpointChoice, SessionSpec};

use crate::{data::View, export::What, session::Stage};

/// Multi-aspect soft-prompt tuning of vision-language models on visual emotion, seen while it happens.
///
/// Without a command: the workbench on ./sessions; an empty folder offers the demo.
#[derive(Debug, Parser)]
#[command(name = "masp", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// For the workbench; a command takes its own.
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
    /// Evaluate a session or checkpoint files on a split
    Eval(EvalArgs),
    /// Say which emotion images evoke, and why
    Predict(PredictArgs),
    /// Compare two sessions or checkpoints
    Compare(CompareArgs),
    /// Show the panes of a session that runs elsewhere, and command it
    Attach(OneSessionArgs),
    /// Show a recorded session as it went
    Replay(OneSessionArgs),
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
    /// Say what this machine offers, and check the numbers
    Doctor(DoctorArgs),
    /// Print what makes a shell complete masp's words
    Completions(CompletionsArgs),
    /// Print the manual's page, or write those of all commands into a folder
    Man(ManArgs),
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct ConfigArgs {
    /// Settings file; without it ./config.yaml is read if present
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A setting by its key in config.yaml, for example train.epochs=2; beats the file, may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// What every command that opens the screens takes.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Screen")]
pub struct ScreenArgs {
    /// How pictures are drawn [default: auto]
    #[arg(long, value_enum)]
    pub images: Option<ImagesChoice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImagesChoice {
    /// In pixels where the terminal has them and is not reached over SSH or through a multiplexer, else in half blocks
    Auto,
    /// Two coloured pixels a cell, in any terminal
    Halfblocks,
    Kitty,
    Iterm2,
    Sixel,
    /// Text alone
    Off,
}

/// What every command that runs a model takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub struct ModelArgs {
    #[command(flatten)]
    pub settings: ConfigArgs,
    /// Base model: a folder in Hugging Face layout or a hub id [default: the embedded tiny model]
    #[arg(long, value_name = "DIR|HUB-ID")]
    pub model: Option<String>,
    /// Dataset's name (EmoSet, Emotion6, FI, ...), which sets its layout and classes [default: detected]
    #[arg(long, value_name = "NAME")]
    pub dataname: Option<String>,
    /// Where to compute; auto takes what there is
    #[arg(long, value_enum, default_value_t)]
    pub device: DeviceChoice,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    #[default]
    Auto,
    Cpu,
    Cuda,
}

impl From<DeviceChoice> for crate::engine::DeviceChoice {
    fn from(choice: DeviceChoice) -> Self {
        match choice {
            DeviceChoice::Auto => Self::Auto,
            DeviceChoice::Cpu => Self::Cpu,
            DeviceChoice::Cuda => Self::Cuda,
        }
    }
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// No screen: progress on stderr
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
    /// Dataset's folder (also as --your_datapath)
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// What to train [default: both; with --resume, what the session was last told to]
    #[arg(long, value_enum)]
    pub stage: Option<StageChoice>,
    /// Session's name; one that exists needs --resume [default: made from the date]
    #[arg(long, value_name = "NAME")]
    pub session: Option<String>,
    /// Go on from the session's newest checkpoint, or begin it where there is none
    #[arg(long)]
    pub resume: bool,
    /// Begin from these aspect modules (safetensors, .pth)
    #[arg(long, value_name = "FILE")]
    pub init_aspects: Option<PathBuf>,
    /// Begin from this soft prompt (safetensors, .pt)
    #[arg(long, value_name = "FILE")]
    pub init_prompt: Option<PathBuf>,
    /// Write the trained parameters there at the end: .pth / .pt as the reference's PyTorch file, else safetensors
    #[arg(long, value_name = "FILE")]
    pub save_ckpt: Option<PathBuf>,
    /// Exactly so many optimiser steps a stage, whatever the epochs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_steps: Option<u64>,
    /// No screen: progress on stderr
    #[arg(long)]
    pub headless: bool,
    /// Train in the background and return at once; `masp attach` shows it
    #[arg(long)]
    pub detach: bool,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub screen: ScreenArgs,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum StageChoice {
    /// Stage 1: queries and cross-attention
    Aspects,
    /// Stage 2: the soft prompt
    Prompt,
    #[default]
    Both,
}

impl StageChoice {
    /// The stages to train, in order.
    #[must_use]
    pub const fn stages(self) -> &'static [Stage] {
        match self {
            Self::Aspects => &[Stage::Aspects],
            Self::Prompt => &[Stage::Prompt],
            Self::Both => &[Stage::Aspects, Stage::Prompt],
        }
    }
}

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// NAME or path, with @best, @last (default) or @STEP
    pub session: Option<SessionSpec>,
    /// Dataset's folder (also as --your_datapath) [default: the session's]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Which part of the dataset
    #[arg(long, value_enum, default_value_t)]
    pub split: Split,
    #[command(flatten)]
    pub checkpoints: CheckpointArgs,
    /// The model as it is, without aspects and prompt; the Train screen of the session marks its figures
    #[arg(long, conflicts_with_all = ["load_ckpt", "load_spmodel_ckpt"])]
    pub frozen: bool,
    /// Write what was said of each image there too (.csv, .jsonl); a session keeps it in its folder anyhow
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
    /// As datasets and documents call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// Trained parameters from files; safetensors or the reference's PyTorch files.
#[derive(Debug, Clone, Default, Args)]
pub struct CheckpointArgs {
    /// Soft prompt
    #[arg(long, value_name = "FILE")]
    pub load_ckpt: Option<PathBuf>,
    /// Aspect modules
    #[arg(long, value_name = "FILE")]
    pub load_spmodel_ckpt: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PredictArgs {
    /// Image files
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// NAME or path, with @best, @last (default) or @STEP
    #[arg(long, conflicts_with_all = ["load_ckpt", "load_spmodel_ckpt"])]
    pub session: Option<SessionSpec>,
    #[command(flatten)]
    pub checkpoints: CheckpointArgs,
    /// Leave out the tokens of these aspects
    #[arg(long, value_name = "ASPECT,...", value_delimiter = ',')]
    pub mute: Vec<View>,
    /// Print a line of JSON per image on stdout
    #[arg(long)]
    pub json: bool,
    /// Print pictures with their heatmaps in the terminal
    #[arg(long, conflicts_with = "json")]
    pub show: bool,
    #[command(flatten)]
    pub model: ModelArgs,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// NAME or path, with @best, @last (default) or @STEP
    pub a: SessionSpec,
    /// NAME or path, with @best, @last (default) or @STEP
    pub b: SessionSpec,
    /// Dataset's folder [default: each session's own]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Which part of the dataset
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
    /// NAME or path
    pub session: String,
    #[command(flatten)]
    pub settings: ConfigArgs,
    #[command(flatten)]
    pub screen: ScreenArgs,
}

#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// All sessions, their state and results
    List {
        #[command(flatten)]
        settings: ConfigArgs,
        /// Print them as one JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// One session: its settings, checkpoints and evaluations
    Show {
        /// NAME or path
        session: String,
        #[command(flatten)]
        settings: ConfigArgs,
        /// Print it as one JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Write a checkpoint's parameters, metrics, predictions, curves, heatmaps, a report or TensorBoard's events to a file
    Export {
        /// NAME or path, with @best, @last (default) or @STEP
        session: SessionSpec,
        /// The file to write (parameters: .pth / .pt as the reference's PyTorch file, else safetensors), for TensorBoard a folder
        #[arg(value_name = "FILE")]
        to: PathBuf,
        /// What to write [default: curves to .svg, maps to .png, a report to .html, metrics to .csv and .jsonl, else parameters]
        #[arg(long, value_enum)]
        what: Option<ExportChoice>,
        /// Which evaluation's predictions: its folder's name under `evaluations`, or its file's under `predictions`
        #[arg(long, value_name = "NAME")]
        evaluation: Option<String>,
        #[command(flatten)]
        settings: ConfigArgs,
    },
    /// Remove sessions with their checkpoints
    Rm {
        /// NAMEs or paths
        #[arg(required = true, value_name = "SESSION")]
        sessions: Vec<String>,
        #[command(flatten)]
        settings: ConfigArgs,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What `sessions export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportChoice {
    /// A checkpoint's parameters (.safetensors, .pth, .pt)
    Parameters,
    /// Every step and evaluation (.csv, .jsonl)
    Metrics,
    /// The predictions of the session's newest evaluation, or of the newest of @STEP (.csv, .jsonl)
    Predictions,
    /// Both stages' losses (.svg)
    Curves,
    /// The panel's images with their heatmaps (.png)
    Maps,
    /// A page that needs nothing but itself (.html)
    Report,
    /// Every step and evaluation as a TensorBoard event file, in a folder of the session's name in FILE, which is a folder
    #[value(name = "tensorboard")]
    TensorBoard,
}

impl ExportChoice {
    /// What of a session is written; nothing for its parameters, which are written by other means.
    #[must_use]
    pub const fn what(self) -> Option<What> {
        match self {
            Self::Parameters => None,
            Self::Metrics => Some(What::Metrics),
            Self::Predictions => Some(What::Predictions),
            Self::Curves => Some(What::Curves),
            Self::Maps => Some(What::Maps),
            Self::Report => Some(What::Report),
            Self::TensorBoard => Some(What::TensorBoard),
        }
    }

    /// What a file's ending speaks for.
    #[must_use]
    pub fn by_ending(path: &std::path::Path) -> Self {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_lowercase().as_str() {
            "csv" | "jsonl" => Self::Metrics,
            "svg" => Self::Curves,
            "png" => Self::Maps,
            "html" => Self::Report,
            _ => Self::Parameters,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Say what a folder holds: layout, classes, counts, annotations, odd files; exit status 1 on what would stop a run
    Check {
        /// Dataset's folder
        dir: String,
        #[command(flatten)]
        settings: ConfigArgs,
        /// Dataset's name, which sets its layout and classes [default: detected]
        #[arg(long, value_name = "NAME")]
        dataname: Option<String>,
    },
    /// Draw a dataset in EmoSet's layout, in which the emotion follows from the aspects by a known rule
    Synth {
        /// Folder to write; made if absent
        dir: PathBuf,
        /// Pictures to draw, all splits together
        #[arg(long, value_name = "N", default_value_t = 4000)]
        images: usize,
        /// The same seed draws the same pictures
        #[arg(long, default_value_t = 3407)]
        seed: u64,
    },
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Compute the committed golden slice on the device and compare
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
    /// Made if it is not there; pages of the same names are replaced
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
