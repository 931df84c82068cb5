//! The settings: one struct of all sections.

use serde::{Deserialize, Serialize};

use super::{
    AspectsSettings, CheckpointSettings, DataSettings, EvalSettings, ModelSettings, PromptSettings, SessionSettings,
    TestSettings, TrainSettings, TuiSettings,
};

/// Everything that `config.yaml` can say; a field's name is its key's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub train: TrainSettings,
    pub test: TestSettings,
    pub eval: EvalSettings,
    pub checkpoint: CheckpointSettings,
    pub model: ModelSettings,
    pub data: DataSettings,
    pub aspects: AspectsSettings,
    pub prompt: PromptSettings,
    pub session: SessionSettings,
    pub tui: TuiSettings,
}
