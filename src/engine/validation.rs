//! A stage's validation while it trains: the figures, and a look at the panel's images.

use std::cell::{Cell, RefCell};

use super::error::EngineError;
use super::evaluator::{evaluate, evaluate_aspects, result};
use super::features::FeatureStore;
use super::generate::Decoding;
use super::health::Health;
use super::items::{items, left_out_sentence};
use super::job::StageRun;
use super::learner::Learner;
use super::memory::BatchLimit;
use super::panel;
use super::reporter::Reporter;
use super::score::Score;
use super::subset::stratified;
use super::trainer::Trainer;
use crate::data::Sample;
use crate::operating_system::machine_memory;
use crate::session::{Evaluation, Event, ImageResult, Metrics, Stage, write_rows};

/// Evaluates a stage on the validation images, looks at the panel's, and checks the run's health by both.
pub struct Validation<'a> {
    run: &'a StageRun<'a>,
    /// At most `eval.max_samples` validation images, stratified.
    pub some: Vec<&'a Sample>,
    panel: Vec<&'a Sample>,
    pub decoding: Decoding,
    pub health: RefCell<Health>,
    /// How many samples an evaluation gives the device at once.
    room: Cell<BatchLimit>,
}

impl<'a> Validation<'a> {
    pub fn new(run: &'a StageRun<'a>, learner: &Learner) -> Self {
        let settings = &run.job.settings;
        let seed = settings.train.seed;
        let of = |count| stratified(&run.dataset.val, learner.classes.len(), count, seed);
        Self {
            run,
            some: of(settings.eval.max_samples),
            panel: of(settings.eval.panel),
            decoding: Decoding::new(&settings.test, seed),
            health: RefCell::default(),
            room: Cell::new(BatchLimit(settings.test.batch_size)),
        }
    }

    pub fn look(
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
            // Untrained modules attend everywhere alike, which is no finding.
            return Ok(());
        }
        let unwell = self.health.borrow_mut().look(&seen);
        unwell.into_iter().try_for_each(|text| reporter.warn(text, Some(at.1)))
    }

    /// Reports the health findings on an evaluation, the prompt's norm and the machine's memory.
    fn check(&self, trainer: &Trainer, evaluation: &Evaluation, reporter: &mut Reporter) -> Result<(), EngineError> {
        let mut health = self.health.borrow_mut();
        let mut unwell = Vec::from_iter(Health::evaluation(&evaluation.metrics));
        if self.run.stage == Stage::Prompt {
            unwell.extend(health.norm(trainer.learner.prompt_norm()?));
        }
        unwell.extend(machine_memory().and_then(|memory| health.memory(memory.available?, memory.total)));
        unwell
            .into_iter()
            .try_for_each(|text| reporter.warn(text, Some(trainer.step)))
    }

    /// Evaluates, reports, and looks at the panel. Gives the score by which checkpoints are compared, or `None` without
    /// validation images.
    pub fn evaluate(
        &self,
        trainer: &Trainer,
        store: &mut FeatureStore,
        reporter: &mut Reporter,
        whole: bool,
    ) -> Result<Option<Score>, EngineError> {
        let Some((evaluation, left_out)) = self.measure(trainer, store, reporter, whole)? else {
            return Ok(None);
        };
        let score = Score::of(&evaluation);
        self.check(trainer, &evaluation, reporter)?;
        reporter.report(Event::Evaluation(Box::new(evaluation)))?;
        for text in left_out {
            reporter.warn(text, Some(trainer.step))?;
        }
        self.look(trainer.learner, store, reporter, (self.run.stage, trainer.step))?;
        Ok(Some(score))
    }

    /// The metrics on `eval.max_samples` images or the whole split, and sentences on what was left out; `None` without
    /// validation images.
    pub fn measure(
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
        let before = self.room.get();
        let (mut room, mut left_out) = (before, Vec::new());
        let limits = (&mut room, &mut left_out);
        let evaluation = match self.run.stage {
            Stage::Aspects => self.evaluate_aspects(trainer, store, samples, limits, reporter)?,
            Stage::Prompt => self.evaluate_prompt(trainer, store, samples, limits, reporter)?,
        };
        self.room.set(room);
        // Each aspect of an unreadable image reports it; list the image once.
        left_out.dedup();
        left_out.extend(store.take_notes());
        left_out.extend(room.notice(before));
        Ok(Some((evaluation, left_out)))
    }

    fn evaluate_aspects(
        &self,
        trainer: &Trainer,
        store: &mut FeatureStore,
        samples: &[&Sample],
        (room, left_out): (&mut BatchLimit, &mut Vec<String>),
        reporter: &mut Reporter,
    ) -> Result<Evaluation, EngineError> {
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
        let begin = std::time::Instant::now();
        let (loss, aspect_accuracy) = evaluate_aspects(
            learner,
            store,
            &asked,
            room,
            |sample, error| left_out.push(left_out_sentence(sample, error)),
            |done| reporter.evaluating(done as u64, total),
        )?;
        let metrics = Metrics {
            split: "val".to_owned(),
            data: Some(self.run.dataset.root.display().to_string()),
            samples: samples.len(),
            images_per_s: samples.len() as f64 / begin.elapsed().as_secs_f64(),
            ..Metrics::default()
        };
        Ok(Evaluation {
            stage: Stage::Aspects,
            step: trainer.step,
            loss,
            aspect_accuracy,
            metrics,
            predictions: None,
        })
    }

    fn evaluate_prompt(
        &self,
        trainer: &Trainer,
        store: &mut FeatureStore,
        samples: &[&Sample],
        (room, left_out): (&mut BatchLimit, &mut Vec<String>),
        reporter: &mut Reporter,
    ) -> Result<Evaluation, EngineError> {
        let learner = trainer.learner;
        let total = samples.len() as u64;
        let seen = evaluate(
            learner,
            store,
            samples,
            ("val", room),
            &self.decoding,
            |sample, error| left_out.push(left_out_sentence(sample, error)),
            |done| reporter.evaluating(done as u64, total),
        )?;
        let folder = &self.run.job.folder;
        let path = folder.predictions().join(format!("prompt-{:06}.jsonl", trainer.step));
        let rows: Vec<ImageResult> = seen
            .rows
            .iter()
            .map(|(sample, judged)| result(learner, sample, judged))
            .collect();
        let written = folder.write(&path, |file| write_rows(file, rows.iter()));
        if let Err(error) = &written {
            left_out.push(format!(
                "the predictions were not saved: cannot write {}: {error}",
                path.display()
            ));
        }
        Ok(Evaluation {
            stage: Stage::Prompt,
            step: trainer.step,
            loss: seen.loss,
            aspect_accuracy: Vec::new(),
            metrics: Metrics {
                data: Some(self.run.dataset.root.display().to_string()),
                ..seen.metrics
            },
            predictions: written.is_ok().then(|| folder.relative(&path)),
        })
    }
}
