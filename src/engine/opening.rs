//! Opens the dataset and the base model on a separate thread, so that a slow file server, a download or gigabytes of weights
//! cannot delay the end of a run.

use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, unbounded};

use super::device::Compute;
use super::error::EngineError;
use super::model;
use super::reporter::Reporter;
use crate::config::Settings;
use crate::data::prompts::Questions;
use crate::data::{self, Dataset, DatasetOptions};
use crate::vlm::base::BaseModel;

/// How often the waiting thread checks whether the process is about to exit.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A phase, how much of it is done, and its total.
type Progress = (String, u64, u64);

/// A message from the opening thread.
enum Message<T> {
    Progress(Progress),
    Opened(Box<Result<T, EngineError>>),
}

/// As [`open_dataset`], for a run.
///
/// # Errors
/// As [`open_dataset`], and where the process is about to exit.
pub fn open_data(settings: &Settings, reporter: &mut Reporter) -> Result<Dataset, EngineError> {
    let settings = settings.clone();
    unless_interrupted(move |_| open_dataset(&settings), reporter)
}

/// Opens the dataset that the settings name.
///
/// # Errors
/// Where none is named, or it cannot be opened.
pub fn open_dataset(settings: &Settings) -> Result<Dataset, EngineError> {
    let root = settings.data.root.clone().ok_or_else(|| {
        EngineError::Usage("no dataset is named; give its folder with --data, or run `masp demo`".to_owned())
    })?;
    Ok(data::open(&DatasetOptions {
        root,
        dataname: settings.data.dataname.clone(),
        val_fraction: settings.data.val_fraction,
        shots: settings.data.shots,
        seed: settings.train.seed,
    })?)
}

/// The templates that the settings name.
///
/// # Errors
/// Where one cannot be used.
pub fn questions(settings: &Settings) -> Result<Questions, EngineError> {
    Ok(Questions::load(
        settings.data.prompts.as_deref(),
        settings.data.aspect_prompts.as_deref(),
    )?)
}

/// Opens the model that the settings name, and reports progress.
///
/// # Errors
/// Where it cannot be opened, the journal cannot be written, or the process is about to exit.
pub fn open_model(settings: &Settings, compute: &Compute, reporter: &mut Reporter) -> Result<BaseModel, EngineError> {
    let (settings, compute) = (settings.clone(), compute.clone());
    let work = move |tell: &Sender<Message<BaseModel>>| {
        model::open(&settings, &compute, |phase, done, total| {
            drop(tell.send(Message::Progress((phase.to_owned(), done, total))));
        })
    };
    unless_interrupted(work, reporter)
}

/// Does `work` on another thread; if the process is about to exit, returns at once and abandons that thread.
fn unless_interrupted<T: Send + 'static>(
    work: impl FnOnce(&Sender<Message<T>>) -> Result<T, EngineError> + Send + 'static,
    reporter: &mut Reporter,
) -> Result<T, EngineError> {
    let (tell, hear) = unbounded();
    std::thread::Builder::new()
        .name("opening".to_owned())
        .spawn(move || {
            let opened = work(&tell);
            drop(tell.send(Message::Opened(Box::new(opened))));
        })
        .map_err(|error| EngineError::Failed(format!("cannot start a thread that opens data and model: {error}")))?;
    let mut shown = String::new();
    loop {
        match hear.recv_timeout(POLL_INTERVAL) {
            Ok(Message::Progress((phase, done, total))) => {
                if shown != phase {
                    reporter.phase(phase.as_str(), None)?;
                    shown.clone_from(&phase);
                }
                reporter.progress(&phase, done, total)?;
            }
            Ok(Message::Opened(opened)) => return *opened,
            Err(RecvTimeoutError::Timeout) => reporter.unless_interrupted()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(EngineError::Failed(
                    "the thread that opens data and model panicked".to_owned(),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::engine::Signals;
    use crate::session::Event;

    #[test]
    fn opening_reports_phases_and_is_abandoned_when_the_process_exits() {
        let (listener, records) = unbounded();
        let terminate = Arc::new(AtomicBool::new(false));
        let signals = Signals {
            terminate: Arc::clone(&terminate),
            ..Signals::default()
        };
        let mut reporter = Reporter::new(listener).of_run(unbounded().0, signals);
        let opened = unless_interrupted(
            |tell| {
                for done in 1..3 {
                    drop(tell.send(Message::Progress(("loading weights".to_owned(), done, 2))));
                }
                Ok("a model")
            },
            &mut reporter,
        );
        assert_eq!(opened.unwrap(), "a model");
        let phases = records.try_iter().filter(|said| matches!(said.event, Event::Phase(_)));
        assert_eq!(phases.count(), 1);

        let (never, waits) = crossbeam_channel::bounded::<()>(0);
        terminate.store(true, Ordering::Relaxed);
        let interrupted = unless_interrupted(
            move |_| waits.recv().map_err(|gone| EngineError::Failed(gone.to_string())),
            &mut reporter,
        );
        assert!(matches!(interrupted, Err(EngineError::Interrupted)));
        drop(never);

        terminate.store(false, Ordering::Relaxed);
        let broken = unless_interrupted::<()>(|_| panic!("weights are torn"), &mut reporter);
        assert!(broken.unwrap_err().to_string().contains("panic"));
    }
}
