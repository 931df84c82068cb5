//! Runs on quantised weights, against runs on the dense weights of the same numbers.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use crossbeam_channel::unbounded;
use tempfile::TempDir;

use super::control::{Control, Signals};
use super::device::DeviceChoice;
use super::job::{Outcome, TrainJob};
use super::reporter::Reporter;
use super::run::run;
use crate::config::{Quantize, Settings};
use crate::data::synth;
use crate::session::{Event, SessionFolder, Stage};
use crate::vlm::config_file::Family;
use crate::vlm::random_model;

const FORMATS: [(Quantize, GgmlDType); 2] = [(Quantize::Q8_0, GgmlDType::Q8_0), (Quantize::Q4K, GgmlDType::Q4K)];

/// A copy of a model whose language matrices are the numbers that their blocks stand for.
fn dense_twin(model: &Path, format: GgmlDType) -> TempDir {
    let twin = tempfile::tempdir().unwrap();
    for file in fs::read_dir(model).unwrap().flatten() {
        fs::copy(file.path(), twin.path().join(file.file_name())).unwrap();
    }
    let weights = candle_core::safetensors::load(model.join("model.safetensors"), &Device::Cpu).unwrap();
    let of_language = |name: &str| name.starts_with("model.") || name.starts_with("lm_head.");
    let weights: HashMap<String, Tensor> = weights
        .into_iter()
        .map(|(name, weight)| {
            let weight = if of_language(&name) && weight.rank() == 2 {
                let blocks = QTensor::quantize(&weight.flatten_all().unwrap(), format).unwrap();
                let numbers = blocks.dequantize(&Device::Cpu).unwrap();
                numbers.reshape(weight.shape()).unwrap()
            } else {
                weight
            };
            (name, weight)
        })
        .collect();
    candle_core::safetensors::save(&weights, twin.path().join("model.safetensors")).unwrap();
    twin
}

/// Loss and gradient norm of each step of both stages.
fn numbers(model: &Path, quantize: Quantize, (folder, drawn): (&Path, &Path), name: &str) -> Vec<[f64; 2]> {
    let mut settings = Settings::default();
    settings.model.path = Some(model.display().to_string());
    settings.model.quantize = quantize;
    settings.prompt.tokens = 4;
    settings.aspects.queries = 2;
    settings.data.root = Some(drawn.to_owned());
    settings.train.max_steps = Some(2);
    settings.train.batch_size = 2;
    settings.eval.panel = 1;
    settings.eval.max_samples = 2;
    let session = SessionFolder::create(&folder.join("sessions"), name).unwrap();
    let job = TrainJob::new(
        settings,
        vec![Stage::Aspects, Stage::Prompt],
        session,
        DeviceChoice::Cpu,
    );
    let (listener, records) = unbounded();
    let mut control = Control::new(unbounded().1, Signals::default());
    let ended = run(job, &mut Reporter::new(listener), &mut control).unwrap();
    assert!(matches!(ended, Outcome::Done));
    let steps = records.try_iter().filter_map(|record| match record.event {
        Event::Step(step) => Some([step.loss, step.grad_norm]),
        _ => None,
    });
    let numbers: Vec<_> = steps.collect();
    assert_eq!(numbers.len(), 4);
    numbers
}

/// So forward computes with the blocks' numbers, and the gradients are exact for what forward computed.
#[test]
fn a_quantised_run_is_to_the_bit_the_run_on_the_numbers_of_its_blocks() {
    for family in Family::ALL {
        let (model, folder) = (random_model::folder(family), tempfile::tempdir().unwrap());
        let drawn = synth::few(folder.path());
        let places = (folder.path(), drawn.as_path());
        let plain = numbers(model.path(), Quantize::None, places, "plain");
        for (quantize, format) in FORMATS {
            let twin = dense_twin(model.path(), format);
            let name = quantize.name();
            let got = numbers(model.path(), quantize, places, name);
            let want = numbers(twin.path(), Quantize::None, places, &format!("{name}-dense"));
            assert_eq!(got, want, "{family:?} in {name}");
            assert_ne!(got, plain, "{family:?} in {name}");
        }
    }
}
