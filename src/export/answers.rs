//! The predictions that somebody asked for while the run went on or afterwards, as its journal has them.

use std::collections::HashMap;

use crate::session::{Event, Found, Record, Request, Stage};

/// The rationales of predictions that were asked for, by the prompt's step and the image.
#[derive(Debug, Default)]
pub struct Answers(HashMap<(u64, String), String>);

impl Answers {
    /// Notes the rationale of one of the journal's records, if it holds one.
    pub fn take(&mut self, record: &Record) {
        match &record.event {
            Event::Answer(answer) if answer.stage == Stage::Prompt => {
                // A prediction with something muted or blanked is an experiment, not the model's answer.
                let (Request::Predict { image, muted, blanked }, Found::Prediction(said)) =
                    (&answer.request, &answer.found)
                else {
                    return;
                };
                if muted.is_empty() && blanked.is_empty() && !said.rationale.is_empty() {
                    self.0.insert((answer.step, image.clone()), said.rationale.clone());
                }
            }
            Event::Resumed(resumed) if resumed.stage == Stage::Prompt => {
                self.0.retain(|(step, _), _| *step <= resumed.from_step);
            }
            Event::Resumed(_) => self.0.clear(),
            _ => {}
        }
    }

    /// The images and rationales of the answers that the prompt of a step gave.
    pub fn of_step(&self, step: u64) -> impl Iterator<Item = (&String, &String)> {
        let of_step = self.0.iter().filter(move |((at, _), _)| *at == step);
        of_step.map(|((_, image), text)| (image, text))
    }
}
