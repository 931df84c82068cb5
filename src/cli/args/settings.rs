//! The options that several commands have: where settings come from, the model, the screen.

use std::path::PathBuf;

use clap::Args;

use super::device::DeviceParser;
use crate::{engine::DeviceChoice, images::Images};

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct ConfigArgs {
    /// Settings file [default: ./config.yaml, if present]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set a key of config.yaml, for example train.epochs=2; overrides the file, may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// The options of every command that opens the screens.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Screen")]
pub struct ScreenArgs {
    /// How pictures are drawn [default: auto]
    #[arg(long, value_enum)]
    pub images: Option<Images>,
}

/// The options of every command that runs a model.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub struct ModelArgs {
    #[command(flatten)]
    pub settings: ConfigArgs,
    /// Base model: a folder in Hugging Face layout or a hub id [default: the embedded tiny model]
    #[arg(long, value_name = "DIR|HUB-ID")]
    pub model: Option<String>,
    /// Name of the dataset (EmoSet, Emotion6, FI, ...), which sets its layout and classes [default: detected]
    #[arg(long, value_name = "NAME")]
    pub dataname: Option<String>,
    /// Device to compute on; auto uses the first GPU if it can be used, cuda:N is the one with the index N, from 0
    #[arg(long, value_name = "DEVICE", default_value_t, value_parser = DeviceParser)]
    pub device: DeviceChoice,
}
