//! The six aspects ("views") of an image that MASP asks about.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One aspect of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    FacialExpression,
    Object,
    Scene,
    HumanAction,
    Brightness,
    Colorfulness,
}

impl View {
    /// All views in the reference's order.
    pub const ALL: [Self; 6] = [
        Self::FacialExpression,
        Self::Object,
        Self::Scene,
        Self::HumanAction,
        Self::Brightness,
        Self::Colorfulness,
    ];

    /// The name in annotations, template files, checkpoints and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FacialExpression => "facial_expression",
            Self::Object => "object",
            Self::Scene => "scene",
            Self::HumanAction => "human_action",
            Self::Brightness => "brightness",
            Self::Colorfulness => "colorfulness",
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for View {
    type Err = UnknownView;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|view| view.name() == name)
            .ok_or_else(|| UnknownView(name.to_owned()))
    }
}

/// A name that is none of the six views'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown aspect `{0}`; the aspects are facial_expression, object, scene, human_action, brightness, colorfulness"
)]
pub struct UnknownView(pub String);
