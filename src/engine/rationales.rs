//! Checks the rationales of a split: whole words, and about the predicted emotion?

use std::collections::BTreeSet;

use serde::Serialize;

use super::error::EngineError;
use super::features::FeatureStore;
use super::generate::Decoding;
use super::learner::Learner;
use super::memory::BatchLimit;
use super::predictor::predict_batch;
use crate::data::Sample;
use crate::session::{Prediction, argues_for_another};

/// Counts over a split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Rationales {
    pub asked: usize,
    /// Every word is one of the vocabulary.
    pub whole_words: usize,
    /// The sentence names the predicted class and argues for no other one.
    pub same_emotion: usize,
    /// Both.
    pub sound: usize,
}

impl Rationales {
    fn add(&mut self, prediction: &Prediction, vocabulary: &BTreeSet<&str>) {
        let whole = words(&prediction.rationale).all(|word| vocabulary.contains(word.as_str()));
        let named = words(&prediction.rationale).any(|word| word == prediction.prediction);
        let same = named && argues_for_another(prediction).is_none();
        self.asked += 1;
        self.whole_words += usize::from(whole);
        self.same_emotion += usize::from(same);
        self.sound += usize::from(whole && same);
    }
}

/// Asks for the rationale of each of `samples` and reads it; `vocabulary` is in lower case.
///
/// # Errors
/// Where an image cannot be read or the device fails.
pub fn read_rationales(
    learner: &Learner,
    store: &mut FeatureStore,
    samples: &[Sample],
    room: &mut BatchLimit,
    vocabulary: &BTreeSet<&str>,
) -> Result<Rationales, EngineError> {
    let mut counts = Rationales::default();
    let decoding = Decoding::greedy(1);
    for chunk in samples.chunks(room.0.max(1)) {
        let paths: Vec<_> = chunk.iter().map(|sample| sample.path.as_path()).collect();
        let features = store.get(&paths)?.into_iter().collect::<Result<Vec<_>, _>>()?;
        let named: Vec<_> = chunk.iter().map(|sample| sample.id.clone()).zip(features).collect();
        room.in_parts(
            &named,
            || store.relieve(),
            |part| {
                let (names, features): (Vec<_>, Vec<_>) = part.iter().cloned().unzip();
                for prediction in predict_batch(learner, &features, names, &[], &decoding)? {
                    counts.add(&prediction, vocabulary);
                }
                Ok(())
            },
        )?;
    }
    Ok(counts)
}

/// The words of a sentence in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use candle_core::{Tensor, Var};

    use super::*;
    use crate::config::{Dtype, Settings};
    use crate::data::synth::{Options, synthesise, vocabulary};
    use crate::engine::features::Features;
    use crate::engine::{DeviceChoice, device, inference, model, opening};

    /// A soft prompt is tuned for the emotion's name alone, so the second turn must not see it, whatever values it has. And an
    /// image's rationale is the same alone and in a batch.
    #[test]
    fn the_soft_prompt_does_not_change_the_rationale() -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("drawn");
        let pictures = Options {
            train: 8,
            val: 8,
            test: 12,
            ..Options::default()
        };
        synthesise(&root, &pictures, |_, _| ())?;
        let mut settings = Settings::default();
        settings.data.root = Some(root);
        let dataset = opening::open_dataset(&settings)?;
        let compute = device::open(DeviceChoice::Cpu, Dtype::F32)?;
        let base = model::open(&settings, &compute, |_, _, _| ())?;
        let parts = inference::TrainedParts::default();
        let mut learner = inference::learner(&base, &settings, dataset.classes.clone(), &parts)?;
        let noise: Vec<f32> = (0..learner.prompt.elem_count())
            .map(|i| (i as f32 * 12.9898).sin() * 4.0)
            .collect();
        learner.prompt = Var::from_tensor(&Tensor::from_vec(noise, learner.prompt.dims(), &base.device)?)?;
        let mut store = FeatureStore::of(&base, &settings, 64)?;

        let read = read_rationales(&learner, &mut store, &dataset.test, &mut BatchLimit(8), &vocabulary())?;
        assert_eq!(read.asked, 12);
        assert_eq!(read.sound, 12, "{read:?}");

        let paths: Vec<_> = dataset.test.iter().map(|sample| sample.path.as_path()).collect();
        let features = store.get(&paths)?.into_iter().collect::<Result<Vec<Features>, _>>()?;
        let names: Vec<String> = dataset.test.iter().map(|sample| sample.id.clone()).collect();
        let decoding = Decoding::greedy(4);
        let together = predict_batch(&learner, &features, names.clone(), &[], &decoding)?;
        for ((features, name), among_others) in features.iter().zip(names).zip(together) {
            let alone = predict_batch(&learner, std::slice::from_ref(features), vec![name], &[], &decoding)?;
            assert_eq!(alone[0].rationale, among_others.rationale);
            assert_eq!(alone[0].generated, among_others.generated);
        }
        Ok(())
    }
}
