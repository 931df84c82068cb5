//! Answers questions with a trained model after its run has ended, for the screens.

use crossbeam_channel::{Receiver, bounded, unbounded};

use super::answers::answer;
use super::device::{self, DeviceChoice};
use super::error::EngineError;
use super::features::FeatureStore;
use super::generate::Decoding;
use super::inference::{TrainedParts, learner};
use super::model;
use super::opening::open_dataset;
use super::reporter::Reporter;
use super::thread::STACK;
use crate::config::Settings;
use crate::session::{Answer, Command, Stage, Study};

/// The model to ask.
pub struct Subject {
    pub settings: Settings,
    pub device: DeviceChoice,
    pub parts: TrainedParts,
    /// The stage and step that trained the parts; each answer carries them.
    pub at: (Stage, u64),
}

/// Opens a model on its own thread, which also calls `subject`. The thread ends once every sender of commands is dropped.
/// Failures are reported as warnings.
///
/// # Errors
/// Where no thread can be started.
pub fn start(subject: impl FnOnce() -> Result<Subject, String> + Send + 'static) -> Result<Study, EngineError> {
    let (listener, records) = unbounded();
    let (commands, asked) = bounded(64);
    std::thread::Builder::new()
        .name("study".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            let mut reporter = Reporter::new(listener);
            let served =
                subject().and_then(|subject| serve(&subject, &asked, &mut reporter).map_err(|error| error.to_string()));
            if let Err(reason) = served {
                drop(reporter.warn(reason, None));
            }
        })
        .map_err(|error| EngineError::Failed(format!("cannot start a thread for the model: {error}")))?;
    Ok(Study { commands, records })
}

fn serve(subject: &Subject, asked: &Receiver<Command>, reporter: &mut Reporter) -> Result<(), EngineError> {
    let settings = &subject.settings;
    reporter.phase("opening data", None)?;
    let dataset = open_dataset(settings)?;
    let compute = device::open(subject.device, settings.model.dtype)?;
    let base = model::open(settings, &compute, |phase, done, total| {
        drop(reporter.progress(phase, done, total));
    })?;
    let classes = subject.parts.classes.clone().unwrap_or_else(|| dataset.classes.clone());
    let learner = learner(&base, settings, classes, &subject.parts)?;
    let mut store = FeatureStore::of(&base, settings, settings.data.cache_mb)?;
    let decoding = Decoding::new(&settings.test, settings.train.seed);
    reporter.phase("ready", None)?;
    for command in asked {
        let Command::Ask(request) = command else { continue };
        let (stage, step) = subject.at;
        let found = answer(&learner, &mut store, &dataset, &request, &decoding);
        reporter.answer(Answer {
            stage,
            step,
            request,
            found,
        })?;
    }
    Ok(())
}
