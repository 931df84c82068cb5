//! The settings: one struct of all sections.

use serde::{Deserialize, Serialize};

use super::{
    AspectsSettings, CheckpointSettings, DataSettings, EvalSettings, ModelSettings, PromptSettings, SessionSettings,
    TestSettings, TrainSettings, TuiSettings, allowed::Key,
};

macro_rules! settings {
    ($($section:ident: $kind:ty;)+) => {
        /// Everything that `config.yaml` can say; a field's name is its key's.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings {
            $(pub $section: $kind,)+
        }

        impl Settings {
            /// The sections by their names, with their keys.
            pub(super) fn sections() -> Vec<(&'static str, Vec<(&'static str, Key)>)> {
                vec![$((stringify!($section), <$kind>::keys()),)+]
            }
        }
    };
}

settings! {
    train: TrainSettings;
    test: TestSettings;
    eval: EvalSettings;
    checkpoint: CheckpointSettings;
    model: ModelSettings;
    data: DataSettings;
    aspects: AspectsSettings;
    prompt: PromptSettings;
    session: SessionSettings;
    tui: TuiSettings;
}
