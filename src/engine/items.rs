//! What a stage asks about: a view of a sample in stage 1, its emotion in stage 2.

use super::error::EngineError;
use crate::config::Settings;
use crate::data::{Dataset, Sample, View};
use crate::session::Stage;

/// An item that a stage trains on.
#[derive(Debug, Clone, PartialEq)]
pub struct Item<'a> {
    pub sample: &'a Sample,
    /// Stage 1 asks about this view; stage 2 about the emotion.
    pub view: Option<View>,
    pub answer: String,
}

/// The items of a stage, in the order of the samples and, in stage 1, of the views.
#[must_use]
pub fn items<'a>(stage: Stage, samples: &'a [Sample], views: &[View], classes: &[String]) -> Vec<Item<'a>> {
    let of_sample = |sample: &'a Sample| -> Vec<Item<'a>> {
        match stage {
            Stage::Aspects => {
                let item = |&view| {
                    let answer = sample.annotation.text(view)?;
                    Some(Item {
                        sample,
                        view: Some(view),
                        answer,
                    })
                };
                views.iter().filter_map(item).collect()
            }
            Stage::Prompt => {
                let answer = classes.get(sample.label).cloned().unwrap_or_default();
                vec![Item {
                    sample,
                    view: None,
                    answer,
                }]
            }
        }
    };
    samples.iter().flat_map(of_sample).collect()
}

/// The items that a stage trains on.
#[must_use]
pub fn training_items<'a>(stage: Stage, settings: &Settings, dataset: &'a Dataset) -> Vec<Item<'a>> {
    items(stage, &dataset.train, &settings.aspects.views, &dataset.classes)
}

/// The class of each item's image.
#[must_use]
pub fn classes_of(items: &[Item]) -> Vec<usize> {
    items.iter().map(|item| item.sample.label).collect()
}

/// The sentence on an image that could not be read.
#[must_use]
pub fn left_out_sentence(sample: &Sample, error: &EngineError) -> String {
    format!("{} was left out: {error}", sample.id)
}
