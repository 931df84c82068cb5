//! One stage of a run: steps, evaluations, checkpoints, commands.

use super::answers::answer;
use super::control::Control;
use super::error::EngineError;
use super::features::FeatureStore;
use super::keeper::Keeper;
use super::learner::Learner;
use super::reporter::Reporter;
use super::run::{TrainJob, training_items};
use super::snapshot;
use super::trainer::{Advanced, NotFinite, Trainer};
use super::watch::{Score, Watch, prompt_norm};
use crate::config::OnNan;
use crate::data::{Dataset, Sample};
use crate::session::{Answer, CheckpointFile, Event, Stage, StopAfter};

/// What a stage works on.
pub struct StageRun<'a> {
    pub stage: Stage,
    /// The checkpoint to go on from.
    pub from: Option<CheckpointFile>,
    pub dataset: &'a Dataset,
    pub job: &'a TrainJob,
}

/// Trains the stage; returns the stop command if one ended it early.
///
/// # Errors
/// Where the device fails or the session cannot be written.
pub fn run_stage(
    run: &StageRun,
    learner: &Learner,
    store: &mut FeatureStore,
    reporter: &mut Reporter,
    control: &mut Control,
) -> Result<Option<StopAfter>, EngineError> {
    let settings = &run.job.settings;
    let items = training_items(run.stage, settings, run.dataset);
    let train = settings.train.stage(run.stage);
    let mut trainer = Trainer::new(learner, run.stage, items, train, settings.data.shuffle)?;
    let mut keeper = match &run.from {
        None => Keeper::new(run)?,
        Some(from) => {
            let restored = snapshot::restore(&mut trainer, &from.path)?;
            Keeper::resumed(run, &trainer, reporter, restored)?
        }
    };
    let watch = Watch::new(run, learner);
    watch.health.borrow_mut().begin(prompt_norm(learner)?);
    if trainer.step == 0 && run.job.stages.first() == Some(&run.stage) {
        reporter.phase("first look", Some(run.stage))?;
        unless_interrupted(watch.look(learner, store, reporter, (run.stage, 0)))?;
    }
    reporter.phase("training", Some(run.stage))?;
    let trained = train_on(
        run,
        learner,
        store,
        reporter,
        control,
        &watch,
        (&mut trainer, &mut keeper),
    );
    if trained.is_err() {
        keeper.save_before_the_end(&trainer, reporter);
    }
    trained
}

/// Trains from the trainer's current step to the stage's end, or until stopped.
fn train_on(
    run: &StageRun,
    learner: &Learner,
    store: &mut FeatureStore,
    reporter: &mut Reporter,
    control: &mut Control,
    watch: &Watch,
    (trainer, keeper): (&mut Trainer, &mut Keeper),
) -> Result<Option<StopAfter>, EngineError> {
    let settings = &run.job.settings;
    let epoch = trainer.sampler.steps_per_epoch().max(1);
    let mut left_out_step = None;
    while trainer.step < trainer.total() || trainer.evaluation_due {
        control.poll(reporter, run.stage, trainer.step)?;
        if let Some(lr) = control.lr.take()
            && let Err(refused) = trainer.rate.set(trainer.step + 1, lr)
        {
            reporter.warn(refused, Some(trainer.step))?;
        }
        let stop_now = match control.stop {
            Some(StopAfter::Step) => true,
            Some(StopAfter::Epoch) => trainer.step > 0 && trainer.step % epoch == 0 && !trainer.evaluation_due,
            None => false,
        };
        if stop_now {
            let stop = control.stop.take();
            keeper.save_for_sure(trainer, reporter, control, false)?;
            return Ok(stop);
        }
        // The checkpoint first: a batch system that asks for one may not wait for a long evaluation.
        if std::mem::take(&mut control.checkpoint) {
            keeper.save(trainer, reporter, false)?;
        }
        if std::mem::take(&mut control.evaluate) {
            if unless_interrupted(watch.evaluate(trainer, store, reporter, false))?.is_none() {
                // The evaluation was abandoned for a checkpoint or the process's end. Handle that first, then evaluate again.
                control.evaluate = true;
                continue;
            }
            reporter.phase("training", Some(run.stage))?;
        }
        for request in std::mem::take(&mut control.requests) {
            let found = answer(learner, store, run.dataset, &request, &watch.decoding);
            reporter.answer(Answer {
                stage: run.stage,
                step: trainer.step,
                request,
                found,
            })?;
        }
        if control.paused && !control.stops_now() {
            // The requests are done, but the run is still paused: make no step before a command resumes it.
            continue;
        }
        if trainer.evaluation_due {
            let last = trainer.step == trainer.total();
            let Some(score) = unless_interrupted(compare(run, watch, trainer, store, reporter, last))? else {
                continue;
            };
            trainer.evaluation_due = false;
            reporter.phase("training", Some(run.stage))?;
            let best = keeper.is_best(score);
            if last {
                keeper.save_for_sure(trainer, reporter, control, best)?;
            } else if best || keeper.is_due(trainer) {
                keeper.save(trainer, reporter, best)?;
            }
            continue;
        }

        let mut notes = Vec::new();
        let step = if left_out_step == Some(trainer.step + 1) {
            trainer.leave_out()
        } else {
            // A step that was abandoned because the process is to end has changed nothing.
            match unless_interrupted(trainer.advance(store, &mut notes))? {
                None => continue,
                Some(Advanced::Step(step)) => step,
                Some(Advanced::NotFinite(found)) => {
                    left_out_step = Some(found.step);
                    if !trainer.is_finite()? {
                        keeper.go_back(trainer, reporter)?;
                    }
                    let text = sentence(&found, trainer.step);
                    if stops_at_nan(run, trainer) {
                        keeper.save_for_sure(trainer, reporter, control, false)?;
                        return Err(EngineError::Failed(format!("{text}; {}", how_to_go_on(run, trainer))));
                    }
                    reporter.warn(
                        format!(
                            "{text}; the run is paused: let it go on without the step, or stop it and begin again with a lower \
                             learning rate"
                        ),
                        Some(found.step),
                    )?;
                    control.pause(reporter, run.stage, trainer.step)?;
                    continue;
                }
            }
        };
        let number = step.step;
        let unwell = watch.health.borrow_mut().step(&step);
        // Set before the step is reported: if the run ends here, its checkpoint must record that the evaluation is due.
        let every = settings.eval.every_steps;
        trainer.evaluation_due = number == trainer.total() || (every > 0 && number % every == 0);
        reporter.report(Event::Step(step))?;
        for text in notes.into_iter().chain(unwell) {
            reporter.warn(text, Some(number))?;
        }

        if !trainer.evaluation_due && keeper.is_due(trainer) {
            keeper.save(trainer, reporter, false)?;
        }
    }
    // A stage's end is also an epoch's end, so a stop after the epoch takes effect; after the last stage the run ends anyway.
    let more = run.job.stages.last() != Some(&run.stage);
    Ok(control.stop.take_if(|stop| more && *stop == StopAfter::Epoch))
}

/// Evaluates, and returns the score by which checkpoints are compared.
fn compare(
    run: &StageRun,
    watch: &Watch,
    trainer: &Trainer,
    store: &mut FeatureStore,
    reporter: &mut Reporter,
    last: bool,
) -> Result<Option<Score>, EngineError> {
    // Checkpoints are always compared on the same images; the figures reported at the end cover the whole split.
    let whole = last && watch.some.len() < run.dataset.val.len();
    let mut fair = None;
    if whole && let Some((mut evaluation, _)) = watch.measure(trainer, store, reporter, false)? {
        fair = Some(Score::of(&evaluation));
        // The evaluation of the whole split, at the same step, overwrites this one's predictions file.
        evaluation.predictions = None;
        reporter.report(Event::Evaluation(Box::new(evaluation)))?;
    }
    let told = watch.evaluate(trainer, store, reporter, whole)?;
    Ok(fair.or(told))
}

/// Turns an interruption into `None`: work abandoned for a checkpoint or the process's end, which the next poll handles.
fn unless_interrupted<T>(done: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match done {
        Err(EngineError::Interrupted) => Ok(None),
        done => done.map(Some),
    }
}

/// Whether the run ends at a step that is not finite: as `train.on_nan` says, else if no person watches who could decide.
fn stops_at_nan(run: &StageRun, trainer: &Trainer) -> bool {
    trainer
        .settings
        .on_nan
        .map_or(!run.job.attended, |wanted| wanted == OnNan::Stop)
}

/// How to continue a run that ended at a step that is not finite.
fn how_to_go_on(run: &StageRun, trainer: &Trainer) -> String {
    // The session has recorded `on_nan: stop`, so resuming must override it.
    let otherwise = match trainer.settings.on_nan {
        Some(OnNan::Stop) => " --set train.on_nan=pause",
        _ => "",
    };
    format!(
        "the run has ended there, with a checkpoint. `masp train --resume --session {}{otherwise}` in a terminal goes on from it: \
         it pauses at this step, and told to go on it leaves the step out; or begin again with a lower learning rate",
        run.job.folder.name()
    )
}

/// The warning for a step whose loss or gradient is not finite; the parameters are those of step `at`.
fn sentence(found: &NotFinite, at: u64) -> String {
    let what = if found.loss.is_finite() {
        "the gradient"
    } else {
        "the loss"
    };
    let whose = if found.samples.is_empty() {
        "no sample alone is to blame".to_owned()
    } else {
        format!("the fault is with {}", found.samples.join(", "))
    };
    format!(
        "{what} of step {} is not finite ({whose}); nothing was learnt from it, and the parameters are those of step {at}",
        found.step
    )
}

/// A sentence on an image that could not be read.
pub fn told(sample: &Sample, error: &EngineError) -> String {
    format!("{} was left out: {error}", sample.id)
}
