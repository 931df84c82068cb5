//! What a person may ask the model about one image, and what it answers.

use serde::{Deserialize, Serialize};

use super::{Prediction, Stage, nullable};
use crate::data::View;

/// A question about an image of the dataset, by its sample id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// Predict again with these aspects' tokens left out and these merged patches (row by row) blanked.
    Predict {
        image: String,
        #[serde(default)]
        muted: Vec<View>,
        #[serde(default)]
        blanked: Vec<usize>,
    },
    /// A free question; the aspects and the soft prompt stay in place.
    Question { image: String, question: String },
    /// How much the prediction hangs on what an aspect looks at.
    Faithfulness { image: String, view: View },
}

impl Request {
    /// The sample id.
    #[must_use]
    pub fn image(&self) -> &str {
        match self {
            Self::Predict { image, .. } | Self::Question { image, .. } | Self::Faithfulness { image, .. } => image,
        }
    }
}

/// An answer, and by which state of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub stage: Stage,
    pub step: u64,
    pub request: Request,
    pub found: Found,
}

impl Answer {
    /// For the journal: attention maps are bulky, and can be had by asking again.
    #[must_use]
    pub fn without_maps(&self) -> Self {
        let mut answer = self.clone();
        if let Found::Prediction(prediction) = &mut answer.found {
            for seen in prediction.aspects.values_mut() {
                seen.attention.clear();
            }
        }
        answer
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    Prediction(Box<Prediction>),
    Text(String),
    Faithfulness(Faithfulness),
    /// Why there is no answer; the run goes on.
    Failed(String),
}

/// The predicted class's probability while an image's patches are blanked (deletion) or shown (insertion) in the order
/// of an aspect's attention, highest first; and the mean over random orders. The RISE paper's curves (Petsiuk et al. 2018).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Faithfulness {
    /// The class whose probability is followed: the one predicted on the whole image.
    pub class: String,
    /// Share of the patches blanked or shown at each point, from 0 to 1.
    #[serde(deserialize_with = "nullable::numbers")]
    pub shares: Vec<f64>,
    #[serde(deserialize_with = "nullable::numbers")]
    pub deletion: Vec<f64>,
    #[serde(deserialize_with = "nullable::numbers")]
    pub insertion: Vec<f64>,
    #[serde(deserialize_with = "nullable::numbers")]
    pub random_deletion: Vec<f64>,
    #[serde(deserialize_with = "nullable::numbers")]
    pub random_insertion: Vec<f64>,
}
