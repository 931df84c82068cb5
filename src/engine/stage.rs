//! One stage of a run: it obeys commands, evaluates, makes steps and keeps checkpoints.

use super::answers::answer;
use super::control::Control;
use super::error::EngineError;
use super::features::FeatureStore;
use super::items::training_items;
use super::job::StageRun;
use super::keeper::Keeper;
use super::learner::Learner;
use super::memory_plan::MemoryPlan;
use super::not_finite::{how_to_go_on, stops_at_nan, warning};
use super::reporter::Reporter;
use super::score::Score;
use super::snapshot;
use super::trainer::{Advanced, NotFinite, Trainer};
use super::validation::Validation;
use crate::session::{Answer, Event, Step, StopAfter};

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
    plan: &MemoryPlan,
) -> Result<Option<StopAfter>, EngineError> {
    let settings = &run.job.settings;
    let items = training_items(run.stage, settings, run.dataset);
    let train = settings.train.stage(run.stage);
    let trainer = Trainer::new(learner, run.stage, items, train, &settings.data);
    let mut trainer = trainer.map_err(|error| plan.explain(error))?;
    let keeper = match &run.from {
        None => Keeper::new(run)?,
        Some(from) => {
            let restored = snapshot::restore(&mut trainer, &from.path)?;
            Keeper::resumed(run, &trainer, reporter, restored)?
        }
    };
    let mut training = Training {
        run,
        trainer,
        keeper,
        validation: Validation::new(run, learner),
        store,
        reporter,
        control,
        left_out: None,
    };
    let begun = training.begin();
    let trained = if begun.is_ok() { training.train() } else { Ok(None) };
    if trained.as_ref().is_err_and(|error| !error.is_lost_device()) {
        training
            .keeper
            .save_before_the_end(&training.trainer, training.reporter);
    }
    let last_words = |error| training.keeper.last_words(plan.explain(error), run.stage);
    begun.and(trained).map_err(last_words)
}

/// A stage that is being trained.
struct Training<'run, 'engine, 'base, 'store> {
    run: &'run StageRun<'run>,
    trainer: Trainer<'base, 'run>,
    keeper: Keeper<'run>,
    validation: Validation<'run>,
    store: &'engine mut FeatureStore<'store>,
    reporter: &'engine mut Reporter,
    control: &'engine mut Control,
    /// The step whose loss was not finite, which is made without its samples.
    left_out: Option<u64>,
}

/// What the commands allow next.
enum Next {
    /// End the stage; with the command that asks for it, if it was a person's.
    Stop(Option<StopAfter>),
    /// Look for commands again: the run is paused, or an evaluation was interrupted.
    Wait,
    Work,
}

impl Training<'_, '_, '_, '_> {
    /// The first look at the panel, before anything is learnt.
    fn begin(&mut self) -> Result<(), EngineError> {
        let (run, learner) = (self.run, self.trainer.learner);
        self.validation.health.borrow_mut().begin(learner.prompt_norm()?);
        if self.trainer.step == 0 && run.job.stages.first() == Some(&run.stage) {
            self.reporter.phase("first look", Some(run.stage))?;
            let at = (run.stage, 0);
            unless_interrupted(self.validation.look(learner, self.store, self.reporter, at))?;
        }
        self.reporter.phase("training", Some(run.stage))
    }

    /// Trains from the trainer's current step to the stage's end, or until stopped.
    fn train(&mut self) -> Result<Option<StopAfter>, EngineError> {
        while self.trainer.step < self.trainer.total() || self.trainer.evaluation_due {
            match self.obey()? {
                Next::Stop(stop) => return Ok(stop),
                Next::Wait => {}
                Next::Work if self.trainer.evaluation_due => self.evaluate()?,
                Next::Work => {
                    if let Some((step, notes)) = self.step()? {
                        self.keep(step, notes)?;
                    }
                }
            }
        }
        // A stage's end is also an epoch's end, so a stop after the epoch takes effect; after the last stage the run ends
        // anyway.
        let more = self.run.job.stages.last() != Some(&self.run.stage);
        Ok(self.control.stop.take_if(|stop| more && *stop == StopAfter::Epoch))
    }

    /// Carries out what has been commanded since the last step; waits here while the run is paused.
    fn obey(&mut self) -> Result<Next, EngineError> {
        let Self { trainer, control, .. } = self;
        control.poll(self.reporter, self.run.stage, trainer.step)?;
        if let Some(lr) = control.lr.take()
            && let Err(refused) = trainer.rate.set(trainer.step + 1, lr)
        {
            self.reporter.warn(refused, Some(trainer.step))?;
        }
        let epoch = trainer.sampler.steps_per_epoch().max(1);
        let stops = match control.stop {
            Some(StopAfter::Step) => true,
            Some(StopAfter::Epoch) => trainer.step > 0 && trainer.step % epoch == 0 && !trainer.evaluation_due,
            None => false,
        };
        if stops {
            let stop = control.stop.take();
            self.keeper.save_or_wait(trainer, self.reporter, control, false)?;
            return Ok(Next::Stop(stop));
        }
        // The checkpoint first: a batch system that asks for one may not wait for a long evaluation.
        if std::mem::take(&mut control.checkpoint) {
            self.keeper.save(trainer, self.reporter, false)?;
        }
        if std::mem::take(&mut control.evaluate) {
            let evaluated = self.validation.evaluate(trainer, self.store, self.reporter, false);
            if unless_interrupted(evaluated)?.is_none() {
                // It was given up for a checkpoint or the process's end. Handle that first, then evaluate again.
                control.evaluate = true;
                return Ok(Next::Wait);
            }
            self.reporter.phase("training", Some(self.run.stage))?;
        }
        for request in std::mem::take(&mut control.requests) {
            let decoding = &self.validation.decoding;
            let found = answer(trainer.learner, self.store, self.run.dataset, &request, decoding);
            self.reporter.answer(Answer {
                stage: self.run.stage,
                step: trainer.step,
                request,
                found,
            })?;
        }
        // All requests are done, but a paused run makes no step before a command resumes it.
        let waits = control.paused && !control.stops_now();
        Ok(if waits { Next::Wait } else { Next::Work })
    }

    /// The evaluation that is due after the last step, and the checkpoint that depends on it.
    fn evaluate(&mut self) -> Result<(), EngineError> {
        let last = self.trainer.step == self.trainer.total();
        let Some(score) = unless_interrupted(self.score(last))? else {
            return Ok(());
        };
        let Self { trainer, keeper, .. } = self;
        trainer.evaluation_due = false;
        self.reporter.phase("training", Some(self.run.stage))?;
        let best = keeper.is_best(score);
        if last {
            keeper.save_or_wait(trainer, self.reporter, self.control, best)
        } else if best || keeper.is_due(trainer) {
            keeper.save(trainer, self.reporter, best)
        } else {
            Ok(())
        }
    }

    /// Evaluates, and returns the score by which checkpoints are compared.
    fn score(&mut self, last: bool) -> Result<Option<Score>, EngineError> {
        let (validation, trainer) = (&self.validation, &self.trainer);
        // Checkpoints are always compared on the same images; the figures reported at the end cover the whole split.
        let whole = last && validation.some.len() < self.run.dataset.val.len();
        let mut fair = None;
        if whole && let Some((mut evaluation, _)) = validation.measure(trainer, self.store, self.reporter, false)? {
            fair = Some(Score::of(&evaluation));
            // The evaluation of the whole split, at the same step, overwrites this one's predictions file.
            evaluation.predictions = None;
            self.reporter.report(Event::Evaluation(Box::new(evaluation)))?;
        }
        let of_all = validation.evaluate(trainer, self.store, self.reporter, whole)?;
        Ok(fair.or(of_all))
    }

    /// The next optimiser step, with sentences on the images that it had to do without. None if it changed nothing: it was
    /// given up because the process is about to exit, or its loss is not finite and the run pauses.
    fn step(&mut self) -> Result<Option<(Step, Vec<String>)>, EngineError> {
        if self.left_out == Some(self.trainer.step + 1) {
            return Ok(Some((self.trainer.leave_out(), Vec::new())));
        }
        let mut notes = Vec::new();
        match unless_interrupted(self.trainer.advance(self.store, &mut notes))? {
            None => Ok(None),
            Some(Advanced::Step(step)) => Ok(Some((step, notes))),
            Some(Advanced::NotFinite(found)) => self.pause_at(&found).map(|()| None),
        }
    }

    /// Pauses at a step that is not finite, or ends the run there.
    fn pause_at(&mut self, found: &NotFinite) -> Result<(), EngineError> {
        let Self { run, trainer, .. } = self;
        self.left_out = Some(found.step);
        if !trainer.is_finite()? {
            self.keeper.go_back(trainer, self.reporter)?;
        }
        let text = warning(found, trainer.step);
        if stops_at_nan(run, trainer) {
            self.keeper.save_or_wait(trainer, self.reporter, self.control, false)?;
            return Err(EngineError::Failed(format!("{text}; {}", how_to_go_on(run, trainer))));
        }
        self.reporter.warn(
            format!(
                "{text}; the run is paused: let it go on to skip the step, or stop it and begin again with a lower \
                 learning rate"
            ),
            Some(found.step),
        )?;
        self.control.pause(self.reporter, run.stage, trainer.step)
    }

    /// Reports a step, and saves the checkpoint that is due unless an evaluation comes first.
    fn keep(&mut self, step: Step, notes: Vec<String>) -> Result<(), EngineError> {
        let Self { trainer, reporter, .. } = self;
        let number = step.step;
        let unwell = self.validation.health.borrow_mut().step(&step);
        // Set before the step is reported: if the run ends here, its checkpoint must record that the evaluation is due.
        let every = self.run.job.settings.eval.every_steps;
        trainer.evaluation_due = number == trainer.total() || (every > 0 && number.is_multiple_of(every));
        reporter.report(Event::Step(step))?;
        for text in notes.into_iter().chain(unwell) {
            reporter.warn(text, Some(number))?;
        }
        if !trainer.evaluation_due && self.keeper.is_due(trainer) {
            self.keeper.save(trainer, reporter, false)?;
        }
        Ok(())
    }
}

/// Turns an interruption into `None`: work abandoned for a checkpoint or the process's end, which the next poll handles.
fn unless_interrupted<T>(done: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match done {
        Err(EngineError::Interrupted) => Ok(None),
        done => done.map(Some),
    }
}
