//! One stage of a run: steps, evaluations, checkpoints, commands.

use std::cell::RefCell;
use std::path::PathBuf;

use super::answers::answer;
use super::control::Control;
use super::error::EngineError;
use super::evaluator::{evaluate, evaluate_aspects, result};
use super::features::FeatureStore;
use super::generate::Decoding;
use super::health::{Health, machine_memory};
use super::learner::Learner;
use super::panel;
use super::reporter::Reporter;
use super::run::{TrainJob, training_items};
use super::snapshot;
use super::subset::stratified;
use super::trainer::{Trainer, items};
use crate::config::SaveStrategy;
use crate::data::{Dataset, Sample};
use crate::session::{
    Answer, Checkpoints, Evaluation, Event, ImageResult, Keep, Metrics, SavedCheckpoint, Stage, StopAfter,
    checkpoint_name, read_journal, write_results,
};

/// What a stage works on.
pub struct StageRun<'a> {
    pub stage: Stage,
    /// The checkpoint to go on from.
    pub from: Option<PathBuf>,
    pub dataset: &'a Dataset,
    pub job: &'a TrainJob,
}

/// Trains the stage; returns what stopped it early.
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
    if let Some(path) = &run.from {
        snapshot::restore(&mut trainer, path)?;
    }
    let mut keeper = Keeper {
        run,
        best: best_so_far(run)?,
        saved: run.from.is_some().then_some(trainer.step),
    };
    let watch = Watch::new(run, learner);
    watch.health.borrow_mut().begin(prompt_norm(learner)?);
    if trainer.step == 0 && run.job.stages.first() == Some(&run.stage) {
        reporter.phase("first look", Some(run.stage))?;
        watch.look(learner, store, reporter, (run.stage, 0))?;
    }
    reporter.phase("training", Some(run.stage))?;

    let epoch = trainer.sampler.steps_per_epoch().max(1);
    while trainer.step < trainer.total() {
        control.poll(reporter, run.stage, trainer.step)?;
        if let Some(lr) = control.lr.take() {
            trainer.rate.peak = lr;
        }
        let stop_now = match control.stop {
            Some(StopAfter::Step) => true,
            Some(StopAfter::Epoch) => trainer.step > 0 && trainer.step % epoch == 0,
            None => false,
        };
        if stop_now {
            keeper.save(&trainer, reporter, false)?;
            return Ok(control.stop);
        }
        if std::mem::take(&mut control.evaluate) {
            watch.evaluate(&trainer, store, reporter, false)?;
            reporter.phase("training", Some(run.stage))?;
        }
        if std::mem::take(&mut control.checkpoint) {
            keeper.save(&trainer, reporter, false)?;
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
        if control.paused && control.stop.is_none() {
            // What was asked is done; no step is made before the run is told to go on.
            continue;
        }

        let mut left_out = Vec::new();
        let step = trainer.advance(store, |sample, error| left_out.push(told(sample, error)))?;
        let number = step.step;
        let unwell = watch.health.borrow_mut().step(&step);
        reporter.report(Event::Step(step))?;
        for text in left_out.into_iter().chain(unwell) {
            reporter.warn(text, Some(number))?;
        }

        let last = number == trainer.total();
        let due = |every: u64| every > 0 && number % every == 0;
        let mut best = false;
        if last || due(settings.eval.every_steps) {
            // Checkpoints are compared on the same images each time; what is told at the end is of the whole split.
            let whole = last && watch.some.len() < run.dataset.val.len();
            let fair = if whole {
                watch.measure(&trainer, store, reporter, false)?
            } else {
                None
            };
            let told = watch.evaluate(&trainer, store, reporter, whole)?;
            best = keeper.is_best(fair.map_or(told, |(evaluation, _)| Some(score(&evaluation))));
            reporter.phase("training", Some(run.stage))?;
        }
        let save = match trainer.settings.save_strategy {
            SaveStrategy::No => false,
            SaveStrategy::Steps => due(settings.checkpoint.every_steps),
            SaveStrategy::Epoch => number % epoch == 0,
        };
        if last || save || best {
            keeper.save(&trainer, reporter, best)?;
        }
    }
    Ok(None)
}

fn prompt_norm(learner: &Learner) -> Result<f64, EngineError> {
    let square = learner.prompt.as_tensor().sqr()?.sum_all()?.to_scalar::<f32>()?;
    Ok(f64::from(square).sqrt())
}

/// A sentence on an image that could not be read.
fn told(sample: &Sample, error: &EngineError) -> String {
    format!("{} was left out: {error}", sample.id)
}

/// The figure by which a stage's checkpoints are compared; more is better.
fn score(evaluation: &Evaluation) -> f64 {
    match evaluation.stage {
        Stage::Aspects => -evaluation.loss,
        Stage::Prompt => evaluation.metrics.accuracy,
    }
}

/// The best figure that a run to be gone on with had reached.
fn best_so_far(run: &StageRun) -> Result<f64, EngineError> {
    if run.from.is_none() {
        return Ok(f64::NEG_INFINITY);
    }
    // An evaluation counts if its checkpoint was saved as the best: one that died before is made again.
    let (mut seen, mut best) = (None, f64::NEG_INFINITY);
    for record in read_journal(&run.job.folder.journal())? {
        match record.event {
            Event::Evaluation(evaluation) if evaluation.stage == run.stage => {
                seen = Some((evaluation.step, score(&evaluation)));
            }
            Event::Checkpoint(saved) if saved.stage == run.stage && saved.best => {
                let score = seen.filter(|(step, _)| *step == saved.step);
                best = score.map_or(best, |(_, score)| f64::max(best, score));
            }
            Event::Resumed(resumed) if resumed.stage == run.stage => seen = None,
            _ => {}
        }
    }
    Ok(best)
}

/// Writes the stage's checkpoints and removes those that are no longer wanted.
struct Keeper<'a> {
    run: &'a StageRun<'a>,
    best: f64,
    /// The step that was saved last.
    saved: Option<u64>,
}

impl Keeper<'_> {
    fn is_best(&mut self, score: Option<f64>) -> bool {
        match score {
            Some(score) if score > self.best => {
                self.best = score;
                true
            }
            _ => false,
        }
    }

    fn save(&mut self, trainer: &Trainer, reporter: &mut Reporter, best: bool) -> Result<(), EngineError> {
        if self.saved == Some(trainer.step) {
            return Ok(());
        }
        let folder = &self.run.job.folder;
        let path = folder.checkpoints().join(checkpoint_name(trainer.stage, trainer.step));
        snapshot::save(trainer, &self.run.job.settings, &path)?;
        let file = folder.relative(&path);
        reporter.report(Event::Checkpoint(SavedCheckpoint {
            stage: trainer.stage,
            step: trainer.step,
            file,
            best,
        }))?;
        self.saved = Some(trainer.step);
        let keep = &self.run.job.settings.checkpoint;
        let keep = Keep {
            last: keep.keep_last,
            best: keep.keep_best,
        };
        Checkpoints::read(folder)?.prune(trainer.stage, trainer.step, keep)?;
        Ok(())
    }
}

/// What is evaluated and looked at during training.
struct Watch<'a> {
    run: &'a StageRun<'a>,
    /// At most `eval.max_samples` validation images, stratified.
    some: Vec<&'a Sample>,
    panel: Vec<&'a Sample>,
    decoding: Decoding,
    health: RefCell<Health>,
}

impl<'a> Watch<'a> {
    fn new(run: &'a StageRun<'a>, learner: &Learner) -> Self {
        let settings = &run.job.settings;
        let seed = settings.train.seed;
        let of = |count| stratified(&run.dataset.val, learner.classes.len(), count, seed);
        Self {
            run,
            some: of(settings.eval.max_samples),
            panel: of(settings.eval.panel),
            decoding: Decoding::new(&settings.test, seed),
            health: RefCell::default(),
        }
    }

    fn look(
        &self,
        learner: &Learner,
        store: &mut FeatureStore,
        reporter: &mut Reporter,
        at: (Stage, u64),
    ) -> Result<(), EngineError> {
        let seen = panel::look(
            learner,
            store,
            &self.panel,
            &self.run.job.folder,
            reporter,
            at,
            &self.decoding,
        )?;
        if at == (Stage::Aspects, 0) {
            // Fresh modules look everywhere: that is no finding.
            return Ok(());
        }
        let unwell = self.health.borrow_mut().look(&seen);
        unwell.into_iter().try_for_each(|text| reporter.warn(text, Some(at.1)))
    }

    /// What an evaluation, the prompt's norm and the machine's memory say of the run's health.
    fn check(&self, trainer: &Trainer, evaluation: &Evaluation, reporter: &mut Reporter) -> Result<(), EngineError> {
        let mut health = self.health.borrow_mut();
        let mut unwell = Vec::from_iter(health.evaluation(&evaluation.metrics));
        if self.run.stage == Stage::Prompt {
            unwell.extend(health.norm(prompt_norm(trainer.learner)?));
        }
        unwell.extend(machine_memory().and_then(|(available, total)| health.memory(available, total)));
        unwell
            .into_iter()
            .try_for_each(|text| reporter.warn(text, Some(trainer.step)))
    }

    /// Evaluates, reports and looks; the figure by which checkpoints are compared, or none without validation images.
    fn evaluate(
        &self,
        trainer: &Trainer,
        store: &mut FeatureStore,
        reporter: &mut Reporter,
        whole: bool,
    ) -> Result<Option<f64>, EngineError> {
        let Some((evaluation, left_out)) = self.measure(trainer, store, reporter, whole)? else {
            return Ok(None);
        };
        let score = score(&evaluation);
        self.check(trainer, &evaluation, reporter)?;
        reporter.report(Event::Evaluation(Box::new(evaluation)))?;
        for text in left_out {
            reporter.warn(text, Some(trainer.step))?;
        }
        self.look(trainer.learner, store, reporter, (self.run.stage, trainer.step))?;
        Ok(Some(score))
    }

    /// The figures on `eval.max_samples` images or the whole split, and sentences on images that were left out; nothing
    /// without validation images.
    fn measure(
        &self,
        trainer: &Trainer,
        store: &mut FeatureStore,
        reporter: &mut Reporter,
        whole: bool,
    ) -> Result<Option<(Evaluation, Vec<String>)>, EngineError> {
        let all: Vec<&Sample> = self.run.dataset.val.iter().collect();
        let samples = if whole { &all } else { &self.some };
        if samples.is_empty() {
            return Ok(None);
        }
        reporter.phase("evaluating", Some(self.run.stage))?;
        Ok(Some(match self.run.stage {
            Stage::Aspects => self.evaluate_aspects(trainer, store, samples, reporter)?,
            Stage::Prompt => self.evaluate_prompt(trainer, store, samples, reporter)?,
        }))
    }

    fn evaluate_aspects(
        &self,
        trainer: &Trainer,
        store: &mut FeatureStore,
        samples: &[&Sample],
        reporter: &mut Reporter,
    ) -> Result<(Evaluation, Vec<String>), EngineError> {
        let learner = trainer.learner;
        let mut asked = Vec::new();
        for sample in samples {
            asked.extend(items(
                Stage::Aspects,
                std::slice::from_ref(*sample),
                &learner.views(),
                &learner.classes,
            ));
        }
        let total = asked.len() as u64;
        let batch = self.run.job.settings.test.batch_size;
        let begin = std::time::Instant::now();
        let mut left_out = Vec::new();
        let (loss, aspect_accuracy) = evaluate_aspects(
            learner,
            store,
            &asked,
            batch,
            |sample, error| left_out.push(told(sample, error)),
            |done| drop(reporter.progress("evaluating", done as u64, total)),
        )?;
        let metrics = Metrics {
            split: "val".to_owned(),
            samples: samples.len(),
            images_per_s: samples.len() as f64 / begin.elapsed().as_secs_f64(),
            ..Metrics::default()
        };
        let evaluation = Evaluation {
            stage: Stage::Aspects,
            step: trainer.step,
            loss,
            aspect_accuracy,
            metrics,
            predictions: None,
        };
        // An image stands in the list once, though each of its aspects asked for it.
        left_out.dedup();
        Ok((evaluation, left_out))
    }

    fn evaluate_prompt(
        &self,
        trainer: &Trainer,
        store: &mut FeatureStore,
        samples: &[&Sample],
        reporter: &mut Reporter,
    ) -> Result<(Evaluation, Vec<String>), EngineError> {
        let learner = trainer.learner;
        let batch = self.run.job.settings.test.batch_size;
        let total = samples.len() as u64;
        let mut left_out = Vec::new();
        let seen = evaluate(
            learner,
            store,
            samples,
            ("val", batch),
            &self.decoding,
            |sample, error| left_out.push(told(sample, error)),
            |done| {
                drop(reporter.progress("evaluating", done as u64, total));
            },
        )?;
        let folder = &self.run.job.folder;
        let path = folder.predictions().join(format!("prompt-{:06}.jsonl", trainer.step));
        let rows: Vec<ImageResult> = seen
            .rows
            .iter()
            .map(|(sample, judged)| result(learner, sample, judged))
            .collect();
        write_results(&path, rows.iter()).map_err(|source| EngineError::Write {
            path: path.display().to_string(),
            source,
        })?;
        let evaluation = Evaluation {
            stage: Stage::Prompt,
            step: trainer.step,
            loss: seen.loss,
            aspect_accuracy: Vec::new(),
            metrics: seen.metrics,
            predictions: Some(folder.relative(&path)),
        };
        Ok((evaluation, left_out))
    }
}
