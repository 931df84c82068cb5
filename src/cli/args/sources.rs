//! Turns flags into settings: the layer that overrides all others in [`crate::config::load`].
//!
//! A command that opens a session adds the session's recorded settings itself.

use clap::ValueEnum;
use serde_json::Value;

use super::{
    Cli, CompareArgs, ConfigArgs, DemoArgs, DoctorArgs, EvalArgs, ModelArgs, OneSessionArgs, PredictArgs, ScreenArgs,
    SweepArgs, TrainArgs,
};
use crate::config::{ConfigFile, Flag, Sources, user_file};
use crate::images::Images;

impl ConfigArgs {
    /// The user's own file, the config file and `--set`.
    #[must_use]
    pub fn sources(&self) -> Sources {
        Sources {
            user: user_file(),
            config: self.config.clone().map_or_else(ConfigFile::default, ConfigFile::Named),
            set: self.set.clone(),
            ..Sources::default()
        }
    }
}

impl ModelArgs {
    /// The sources of the options of every command that runs a model.
    #[must_use]
    pub fn sources(&self) -> Sources {
        with_flags(
            self.settings.sources(),
            [
                flag("--model", "model.path", self.model.as_deref()),
                flag("--dataname", "data.dataname", self.dataname.as_deref()),
            ],
        )
    }
}

impl Cli {
    /// The sources of the workbench without a command.
    #[must_use]
    pub fn sources(&self) -> Sources {
        with_flags(self.settings.sources(), [self.screen.flag()])
    }
}

impl ScreenArgs {
    fn flag(self) -> Option<Flag> {
        let name = |images: Images| Some(images.to_possible_value()?.get_name().to_owned());
        flag("--images", "tui.images", self.images.and_then(name))
    }
}

impl OneSessionArgs {
    #[must_use]
    pub fn sources(&self) -> Sources {
        with_flags(self.settings.sources(), [self.screen.flag()])
    }
}

impl DemoArgs {
    #[must_use]
    pub fn sources(&self) -> Sources {
        with_flags(self.model.sources(), [self.screen.flag()])
    }
}

impl TrainArgs {
    #[must_use]
    pub fn sources(&self) -> Sources {
        with_flags(
            self.model.sources(),
            [
                flag("--data", "data.root", self.data.as_deref()),
                flag("--session", "session.name", self.session.as_deref()),
                flag("--max-steps", "train.max_steps", self.max_steps),
                self.screen.flag(),
            ],
        )
    }
}

impl SweepArgs {
    /// What all runs of the sweep have in common.
    #[must_use]
    pub fn sources(&self) -> Sources {
        with_flags(
            self.model.sources(),
            [
                flag("--data", "data.root", self.data.as_deref()),
                flag("--max-steps", "train.max_steps", self.max_steps),
                self.screen.flag(),
            ],
        )
    }
}

impl EvalArgs {
    #[must_use]
    pub fn sources(&self) -> Sources {
        with_flags(
            self.model.sources(),
            [flag("--data", "data.root", self.data.as_deref())],
        )
    }
}

impl CompareArgs {
    #[must_use]
    pub fn sources(&self) -> Sources {
        with_flags(
            self.model.sources(),
            [flag("--data", "data.root", self.data.as_deref())],
        )
    }
}

impl PredictArgs {
    #[must_use]
    pub fn sources(&self) -> Sources {
        self.model.sources()
    }
}

impl DoctorArgs {
    #[must_use]
    pub fn sources(&self) -> Sources {
        self.model.sources()
    }
}

fn flag(flag: &'static str, key: &'static str, value: Option<impl Into<Value>>) -> Option<Flag> {
    value.map(|value| Flag {
        flag,
        key,
        value: value.into(),
    })
}

fn with_flags<const N: usize>(mut sources: Sources, flags: [Option<Flag>; N]) -> Sources {
    sources.flags.extend(flags.into_iter().flatten());
    sources
}
