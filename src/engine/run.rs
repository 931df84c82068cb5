//! A training run from its first phase to its last event.

use std::collections::BTreeMap;

use super::control::Control;
use super::device::{self, Compute};
use super::error::EngineError;
use super::features::FeatureStore;
use super::items::{classes_of, training_items};
use super::job::{Outcome, StageRun, TrainJob};
use super::learner::Learner;
use super::memory_plan::MemoryPlan;
use super::opening::{open_data, open_model, questions};
use super::reporter::Reporter;
use super::sampler::Sampler;
use super::stage::run_stage;
use super::trainer::steps;
use super::{model, snapshot, test_split};
use crate::aspects::checkpoint::{Checkpoint, CheckpointError, CheckpointMeta};
use crate::config::Settings;
use crate::data::prompts::Questions;
use crate::data::{Dataset, Readiness, synth};
use crate::output_file::is_stream;
use crate::session::{
    CheckpointFile, Checkpoints, Event, FORMAT, Resumed, Selector, SessionFolder, SessionStart, Stage, TrainedOn,
    first_record,
};

/// Runs the job to its end; events go through `reporter`, commands come through `control`.
///
/// # Errors
/// The failure; the caller records it in the journal. [`EngineError::Interrupted`] if the process is about to exit before
/// there is anything to lose.
pub fn run(mut job: TrainJob, reporter: &mut Reporter, control: &mut Control) -> Result<Outcome, EngineError> {
    let begun = if job.resume { begun(&job.folder)? } else { None };
    let goes_on = begun.is_some();
    let opened = match open(&mut job, begun.as_deref(), reporter) {
        Err(error) => {
            if goes_on && !matches!(error, EngineError::Interrupted) {
                // Lets the caller record the failure in the session's journal. If that cannot be opened, viewers alone
                // learn of it.
                drop(reporter.go_on(&job.folder));
            }
            return Err(error);
        }
        Ok(opened) => opened,
    };
    let Opened {
        dataset,
        questions,
        compute,
        checkpoints,
        start,
    } = opened;
    let plan = start.plan.clone();
    if goes_on {
        reporter.go_on(&job.folder)?;
    } else {
        reporter.begin(&job.folder, start)?;
    }
    for line in job.notices.iter().chain(&dataset.warnings) {
        reporter.log(line.clone())?;
    }
    if !dataset.left_out.is_empty() {
        let first = &dataset.left_out[0];
        let text = format!(
            "{} file(s) left out, the first: {}: {}",
            dataset.left_out.len(),
            first.path.display(),
            first.reason
        );
        reporter.warn(text, None)?;
    }

    let mut base = open_model(&job.settings, &compute, reporter)?;
    if let Some(notice) = &base.notice {
        reporter.log(notice.clone())?;
    }
    base.set_interrupt(&control.interrupt());
    let mut learner = Learner::fresh(&base, &job.settings, questions, dataset.classes.clone())?;
    // The newest usable checkpoint of each stage.
    let mut kept = BTreeMap::new();
    if goes_on {
        for stage in [Stage::Aspects, Stage::Prompt] {
            if let Some(file) = newest_intact(&checkpoints, stage, reporter)? {
                kept.insert(stage, file);
            }
        }
    }
    begin_from(&mut learner, &job, kept.get(&Stage::Aspects))?;
    let mut store = FeatureStore::of(&base, &job.settings, job.settings.data.cache_mb)?;

    let mut announced = false;
    for (place, &stage) in job.stages.iter().enumerate() {
        let from = kept.get(&stage).cloned();
        if goes_on
            && job.stages[place + 1..]
                .iter()
                .any(|later| checkpoints.find(Selector::Last, Some(*later)).is_ok())
        {
            // A later stage has a checkpoint, so this one was finished.
            continue;
        }
        if goes_on && !announced {
            // Report this even if there is no checkpoint yet: it discards what the previous run reported of later steps.
            announced = true;
            reporter.report(Event::Resumed(Resumed {
                stage,
                from_step: from.as_ref().map_or(0, |from| from.step),
                // Earlier stages are finished.
                plan: plan.iter().filter(|(of, _)| *of >= stage).copied().collect(),
            }))?;
        }
        let stage_run = StageRun {
            stage,
            from,
            dataset: &dataset,
            job: &job,
        };
        let plan = MemoryPlan::of(&compute, &learner, Some(stage));
        let stop = run_stage(&stage_run, &learner, &mut store, reporter, control, &plan)?;
        if stop.is_some() {
            return Ok(Outcome::Stopped);
        }
    }
    let prompt = plan.iter().find(|(stage, _)| *stage == Stage::Prompt);
    if let Some((_, step)) = prompt.filter(|_| job.test) {
        test_split::test((&learner, *step), (&dataset, &job), &mut store, reporter)?;
    }
    if let Some(path) = &job.save_ckpt {
        save_for_use_elsewhere(&learner, &job, path)?;
        reporter.log(format!("wrote {}", path.display()))?;
    }
    Ok(Outcome::Done)
}

/// What a run opens before it writes to its session.
struct Opened {
    dataset: Dataset,
    questions: Questions,
    compute: Compute,
    checkpoints: Checkpoints,
    start: SessionStart,
}

/// Opens everything but the model; `begun` is the first record of the session to resume, if any.
fn open(job: &mut TrainJob, begun: Option<&SessionStart>, reporter: &mut Reporter) -> Result<Opened, EngineError> {
    if let Some(options) = &job.draw {
        draw(&job.settings, options, reporter)?;
    }
    reporter.phase("opening data", None)?;
    let dataset = open_data(&job.settings, reporter)?;
    let asked = |stage| job.stages.contains(&stage);
    let ready = Readiness::of(&dataset, &job.settings.aspects.views);
    if let Some(reason) = ready.refusal(asked(Stage::Aspects), asked(Stage::Prompt)) {
        return Err(EngineError::Failed(format!(
            "cannot train on {}: {reason}",
            dataset.root.display()
        )));
    }
    let questions = questions(&job.settings)?;
    let compute = device::open(job.device, job.settings.model.dtype)?;
    job.notices.extend(compute.notice.clone());
    let checkpoints = Checkpoints::read(&job.folder)?;
    let start = session_start(job, &dataset, &compute);
    if let Some(begun) = begun {
        job.notices.extend(differences(begun, &start)?);
    }
    Ok(Opened {
        dataset,
        questions,
        compute,
        checkpoints,
        start,
    })
}

/// The session's first record; `None` if the process ended before it was complete.
fn begun(folder: &SessionFolder) -> Result<Option<Box<SessionStart>>, EngineError> {
    let journal = folder.journal();
    let first = if journal.exists() {
        first_record(&journal)?
    } else {
        None
    };
    Ok(first.and_then(|record| match record.event {
        Event::Session(start) => Some(start),
        _ => None,
    }))
}

/// Sentences on what has changed since the session was begun, so that the resumed run gives other results.
///
/// # Errors
/// If the classes have changed: the trained parameters do not apply to other classes.
fn differences(begun: &SessionStart, now: &SessionStart) -> Result<Vec<String>, EngineError> {
    if begun.classes != now.classes {
        return Err(EngineError::Failed(format!(
            "the dataset at {} now has the classes {}, but the session was begun with {}; restore the dataset, or \
             begin a new session",
            now.data,
            now.classes.join(", "),
            begun.classes.join(", ")
        )));
    }
    let mut warnings = Vec::new();
    if begun.splits != now.splits {
        let of = |splits: [usize; 3]| format!("{} / {} / {}", splits[0], splits[1], splits[2]);
        warnings.push(format!(
            "the dataset has changed since the session was begun, or how it is split (data.val_fraction, data.shots): its \
             images in train / val / test were {1} and are now {0}",
            of(now.splits),
            of(begun.splits)
        ));
    }
    if begun.model != now.model {
        warnings.push(format!("the session was begun with the model {}", begun.model));
    }
    Ok(warnings)
}

/// The newest checkpoint of a stage that is whole and finite; warns about each one that it skips.
pub(super) fn newest_intact(
    checkpoints: &Checkpoints,
    stage: Stage,
    reporter: &mut Reporter,
) -> Result<Option<CheckpointFile>, EngineError> {
    for path in checkpoints.not_files().filter(|path| !path.is_file()) {
        let name = path.display();
        reporter.warn(
            format!("{name} has the name of a checkpoint but is not a file; it is ignored"),
            None,
        )?;
    }
    for file in checkpoints.files().rev().filter(|file| file.stage == stage) {
        match Checkpoint::check(&file.path) {
            Err(
                error @ (CheckpointError::Damaged { .. }
                | CheckpointError::NoCheckpoint { .. }
                | CheckpointError::NotFinite { .. }
                | CheckpointError::Content { .. }),
            ) => {
                reporter.warn(
                    format!("{error}; the run goes on from the checkpoint before it"),
                    Some(file.step),
                )?;
            }
            Err(error) => return Err(error.into()),
            Ok(()) => return Ok(Some(file)),
        }
    }
    Ok(None)
}

/// Draws the dataset at `data.root`, if there is none.
fn draw(settings: &Settings, options: &synth::Options, reporter: &mut Reporter) -> Result<(), EngineError> {
    let Some(root) = settings
        .data
        .root
        .as_deref()
        .filter(|root| synth::Info::read(root).is_none())
    else {
        return Ok(());
    };
    reporter.phase("drawing data", None)?;
    // Many threads draw pictures, but only one at a time may report progress.
    let reporter = std::sync::Mutex::new(reporter);
    let progress = |done: usize, total: usize| {
        if let Ok(mut reporter) = reporter.lock()
            && (done.is_multiple_of(50) || done == total)
        {
            drop(reporter.progress("drawing data", done as u64, total as u64));
        }
    };
    synth::synthesise(root, options, progress).map_err(|error| EngineError::Failed(error.to_string()))?;
    Ok(())
}

fn session_start(job: &TrainJob, dataset: &Dataset, compute: &Compute) -> SessionStart {
    let plan = job.stages.iter().map(|&stage| {
        let train = job.settings.train.stage(stage);
        let classes = classes_of(&training_items(stage, &job.settings, dataset));
        (
            stage,
            steps(&Sampler::new(stage, &classes, &train, &job.settings.data), &train),
        )
    });
    SessionStart {
        format: FORMAT,
        program: format!("masp {}", env!("CARGO_PKG_VERSION")),
        name: job.folder.name().to_owned(),
        settings: job.settings.to_record(),
        model: model::name(&job.settings),
        data: dataset.root.display().to_string(),
        drawn: synth::Recipe::of(&dataset.root),
        dataname: dataset.name.clone(),
        classes: dataset.classes.clone(),
        splits: [dataset.train.len(), dataset.val.len(), dataset.test.len()],
        device: compute.name.clone(),
        views: job.settings.aspects.views.clone(),
        plan: plan.collect(),
    }
}

/// Loads initial parameters: the aspects from the session's checkpoint, else from `--init-aspects`; the prompt from
/// `--init-prompt`.
fn begin_from(learner: &mut Learner, job: &TrainJob, kept_aspects: Option<&CheckpointFile>) -> Result<(), EngineError> {
    if job.settings.aspects.views.is_empty() {
        return Ok(());
    }
    if let Some(file) = kept_aspects {
        snapshot::load_aspects(learner, &file.path)?;
    } else if let Some(path) = &job.init_aspects {
        snapshot::load_aspects(learner, path)?;
        if !job.stages.contains(&Stage::Aspects) {
            // Copy the aspects into the session, so that later uses need nothing outside its folder.
            let meta = snapshot::meta(learner, &job.settings, Stage::Aspects, 0);
            let name = crate::session::checkpoint_name(Stage::Aspects, 0);
            job.folder.check_in_place()?;
            snapshot::export(learner, &meta, Stage::Aspects, &job.folder.checkpoints().join(name))?;
        }
    } else if !job.stages.contains(&Stage::Aspects) {
        return Err(EngineError::Usage(
            "stage `prompt` needs trained aspect modules: name a file with --init-aspects, resume a session that has \
             them, or train --stage both"
                .to_owned(),
        ));
    }
    match &job.init_prompt {
        Some(path) => snapshot::load_prompt(learner, path),
        None => Ok(()),
    }
}

/// `--save-ckpt`: writes the last stage's parameters. After both stages it also writes the aspects beside that file, as
/// `*.aspects.*`.
fn save_for_use_elsewhere(learner: &Learner, job: &TrainJob, path: &std::path::Path) -> Result<(), EngineError> {
    let Some(&last) = job.stages.last() else { return Ok(()) };
    let checkpoints = Checkpoints::read(&job.folder)?;
    let start = begun(&job.folder)?;
    // The step of a stage's last checkpoint, which is always written at its end.
    let meta = |stage| CheckpointMeta {
        trained_on: TrainedOn::of(job.folder.name(), start.as_deref()),
        ..snapshot::meta(
            learner,
            &job.settings,
            stage,
            checkpoints
                .find(Selector::Last, Some(stage))
                .map_or(0, |file| file.step),
        )
    };
    snapshot::export(learner, &meta(last), last, path)?;
    // A pipe has no folder for a second file; the session keeps the aspects anyway.
    if job.stages.len() > 1 && !is_stream(path) {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("safetensors");
        let beside = path.with_extension(format!("aspects.{extension}"));
        snapshot::export(learner, &meta(Stage::Aspects), Stage::Aspects, &beside)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_classes_are_refused_and_other_splits_give_a_warning() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/sessions/example/journal.jsonl");
        let Some(Event::Session(begun)) = first_record(example.as_ref()).unwrap().map(|record| record.event) else {
            panic!("the example's first line")
        };
        assert_eq!(differences(&begun, &begun).unwrap(), Vec::<String>::new());
        let mut now = begun.clone();
        now.splits[0] += 1;
        let warnings = differences(&begun, &now).unwrap();
        assert!(
            matches!(&warnings[..], [one] if one.contains("the dataset has changed")),
            "{warnings:?}"
        );
        now.classes.swap(0, 1);
        let refused = differences(&begun, &now).unwrap_err().to_string();
        assert!(refused.contains(&now.classes.join(", ")), "{refused}");
    }
}
