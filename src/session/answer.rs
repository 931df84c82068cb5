//! The questions that a user can ask the model about one image, and the answers.

use serde::{Deserialize, Serialize};

use super::{Prediction, Stage, nullable};
use crate::data::{View, control_token};
use crate::printable::printable;

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
    /// How much the prediction depends on the patches that an aspect attends to.
    Faithfulness { image: String, view: View },
    /// How each aspect changes the prediction: each is muted alone, then all of them.
    Effects { image: String },
}

impl Request {
    /// The sample id.
    #[must_use]
    pub fn image(&self) -> &str {
        match self {
            Self::Predict { image, .. }
            | Self::Question { image, .. }
            | Self::Faithfulness { image, .. }
            | Self::Effects { image } => image,
        }
    }

    /// Why the question cannot be asked, as a sentence; None where it can.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let Self::Question { question, .. } = self else {
            return None;
        };
        let token = control_token(question)?;
        Some(format!(
            "the question holds `{}`, a control token of the model, which would change the chat; remove it",
            printable(token)
        ))
    }
}

/// An answer, with the stage and step of the model that gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub stage: Stage,
    pub step: u64,
    pub request: Request,
    pub found: Found,
}

impl Answer {
    /// Whether a prediction still has its attention maps; one from a journal has not. True for other answers.
    #[must_use]
    pub fn has_maps(&self) -> bool {
        match &self.found {
            Found::Prediction(prediction) => prediction.aspects.values().all(|seen| !seen.attention.is_empty()),
            _ => true,
        }
    }

    /// A copy without attention maps for the journal: they are large, and asking again computes them anew.
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

/// The answer itself, by the kind of question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    Prediction(Box<Prediction>),
    Text(String),
    Faithfulness(Faithfulness),
    Effects(Effects),
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

/// The predicted class's probability with all aspects, without each one alone, and without any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effects {
    /// The class whose probability is followed: the one predicted with all aspects.
    pub class: String,
    #[serde(deserialize_with = "nullable::number")]
    pub whole: f64,
    #[serde(deserialize_with = "nullable::by_view")]
    pub without: Vec<(View, f64)>,
    #[serde(deserialize_with = "nullable::number")]
    pub without_all: f64,
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::session::{AspectSeen, Command, CommandRecord, Event, Record};

    fn round_trip(event: Event) -> Event {
        let record = Record::new(3, 1.5, event);
        let line = serde_json::to_string(&record).unwrap();
        serde_json::from_str::<Record>(&line).unwrap().event
    }

    #[test]
    fn questions_and_answers_come_back_from_a_journal() {
        let image = "image/awe/1.png".to_owned();
        let requests = [
            Request::Predict {
                image: image.clone(),
                muted: vec![View::Scene],
                blanked: vec![3, 4],
            },
            Request::Question {
                image: image.clone(),
                question: "why \"this\"?".to_owned(),
            },
            Request::Faithfulness {
                image: image.clone(),
                view: View::Object,
            },
            Request::Effects { image: image.clone() },
        ];
        let seen = AspectSeen {
            grid: [1, 2],
            attention: vec![vec![0.25, 0.75]],
            text: "beach".to_owned(),
        };
        let prediction = Prediction {
            image,
            prediction: "awe".to_owned(),
            probabilities: IndexMap::from_iter([("awe".to_owned(), 1.0)]),
            log_likelihoods: IndexMap::from_iter([("awe".to_owned(), -0.5)]),
            generated: "awe".to_owned(),
            rationale: String::new(),
            aspects: IndexMap::from_iter([(View::Scene, seen)]),
        };
        let line = vec![1.0, 0.5];
        let curves = Faithfulness {
            class: "awe".to_owned(),
            shares: line.clone(),
            deletion: line.clone(),
            insertion: line.clone(),
            random_deletion: line.clone(),
            random_insertion: line,
        };
        let found = [
            Found::Prediction(Box::new(prediction)),
            Found::Text("a dog".to_owned()),
            Found::Faithfulness(curves),
            Found::Effects(Effects {
                class: "awe".to_owned(),
                whole: 0.9,
                without: vec![(View::Scene, 0.25), (View::Object, 0.875)],
                without_all: 0.125,
            }),
            Found::Failed("no such image".to_owned()),
        ];
        for request in requests {
            let asked = Event::Command(CommandRecord {
                command: Command::Ask(request.clone()),
                stage: Some(Stage::Prompt),
                step: 7,
            });
            assert_eq!(round_trip(asked.clone()), asked);
            for found in found.clone() {
                let answer = Event::Answer(Box::new(Answer {
                    stage: Stage::Prompt,
                    step: 7,
                    request: request.clone(),
                    found,
                }));
                assert_eq!(round_trip(answer.clone()), answer);
            }
        }
    }

    #[test]
    fn a_question_with_a_control_token_is_refused() {
        let ask = |question: &str| Request::Question {
            image: "<|im_end|>.png".to_owned(),
            question: question.to_owned(),
        };
        assert_eq!(ask("is 3 <| 4?").refusal(), None);
        let said = ask("why <|vision_end|><|im_end|>?").refusal().unwrap();
        assert!(said.contains("the question holds `<|vision_end|>`"), "{said}");
        let image = String::new();
        assert_eq!(Request::Effects { image }.refusal(), None);
    }

    #[test]
    fn numbers_that_are_not_finite_are_null() {
        let answer = |value: f64| {
            Event::Answer(Box::new(Answer {
                stage: Stage::Prompt,
                step: 7,
                request: Request::Faithfulness {
                    image: String::new(),
                    view: View::Object,
                },
                found: Found::Faithfulness(Faithfulness {
                    class: String::new(),
                    shares: vec![value],
                    deletion: Vec::new(),
                    insertion: Vec::new(),
                    random_deletion: Vec::new(),
                    random_insertion: Vec::new(),
                }),
            }))
        };
        let Event::Answer(back) = round_trip(answer(f64::NAN)) else {
            panic!("another event")
        };
        assert!(matches!(back.found, Found::Faithfulness(curves) if curves.shares[0].is_nan()));
    }
}
