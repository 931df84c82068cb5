//! Which checkpoints a stage writes, and which it removes. A full disk costs a checkpoint, never the run.

use std::time::{Duration, Instant};

use super::control::Control;
use super::error::EngineError;
use super::job::StageRun;
use super::reporter::Reporter;
use super::score::Score;
use super::snapshot::{self, Restored};

use super::trainer::Trainer;
use crate::aspects::checkpoint::Checkpoint;
use crate::config::SaveStrategy;
use crate::session::{
    CheckpointFile, Checkpoints, Event, Keep, Resumed, SavedCheckpoint, Stage, checkpoint_name, each_record,
};

/// How long the run waits before it retries a checkpoint that must not be lost.
const RETRY: Duration = Duration::from_secs(20);

/// Writes the stage's checkpoints and removes those that are no longer wanted.
pub struct Keeper<'a> {
    run: &'a StageRun<'a>,
    best: Option<Score>,
    /// The checkpoint that was saved last.
    saved: Option<Saved>,
    /// When a checkpoint was last written.
    written: Instant,
    checkpoints: Checkpoints,
}

/// The state in which two checkpoints of one step can differ.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Saved {
    step: u64,
    evaluation_due: bool,
    /// The learning rate's peak, which a person may set between two steps.
    peak: f64,
}

impl Saved {
    const fn of(trainer: &Trainer) -> Self {
        Self {
            step: trainer.step,
            evaluation_due: trainer.evaluation_due,
            peak: trainer.rate.peak,
        }
    }
}

impl<'a> Keeper<'a> {
    /// A keeper at the stage's beginning.
    ///
    /// # Errors
    /// Where the session cannot be read.
    pub fn new(run: &'a StageRun<'a>) -> Result<Self, EngineError> {
        run.job.folder.check_in_place()?;
        Ok(Self {
            run,
            best: None,
            saved: None,
            written: Instant::now(),
            checkpoints: Checkpoints::read(&run.job.folder)?,
        })
    }

    /// A keeper at the checkpoint from which the run resumes. It finishes what a process that died just after the rename left
    /// undone: the checkpoint's line in the journal, and the removal of older checkpoints.
    ///
    /// # Errors
    /// Where the session cannot be read or written.
    pub fn resumed(
        run: &'a StageRun<'a>,
        trainer: &Trainer,
        reporter: &mut Reporter,
        restored: Restored,
    ) -> Result<Self, EngineError> {
        let mut keeper = Self::new(run)?;
        if !keeper.checkpoints.is_recorded(trainer.stage, trainer.step) {
            keeper.record(trainer, reporter, restored.best)?;
        }
        if let Some(rate) = restored.rate {
            reporter.log(rate)?;
        }
        keeper.best = best_so_far(run)?;
        keeper.saved = Some(Saved::of(trainer));
        keeper.prune(trainer)?;
        Ok(keeper)
    }

    /// Whether `score` is the best so far; if so, later scores are compared with it.
    pub fn is_best(&mut self, score: Option<Score>) -> bool {
        let better = score.filter(|score| score.beats(self.best));
        self.best = better.or(self.best);
        better.is_some()
    }

    /// Whether a checkpoint is due after the last step: the settings ask for one, or the existing one was written before the
    /// step's evaluation.
    pub fn is_due(&self, trainer: &Trainer) -> bool {
        let early = |saved: Saved| saved.step == trainer.step && saved.evaluation_due;
        if !trainer.evaluation_due && self.saved.is_some_and(early) {
            return true;
        }
        let settings = &self.run.job.settings.checkpoint;
        let every = |steps: u64| steps > 0 && trainer.step.is_multiple_of(steps);
        let long_ago = || {
            let minutes = settings.every_minutes;
            minutes > 0.0 && self.written.elapsed().as_secs_f64() >= minutes * 60.0
        };
        match trainer.settings.save_strategy {
            SaveStrategy::No => false,
            SaveStrategy::Steps => every(settings.every_steps) || long_ago(),
            SaveStrategy::Epoch => every(trainer.sampler.steps_per_epoch()) || long_ago(),
        }
    }

    /// Saves. If the file cannot be written, the run warns and goes on, because a later checkpoint will be tried.
    ///
    /// # Errors
    /// Where the device fails or the journal cannot be written.
    pub fn save(&mut self, trainer: &Trainer, reporter: &mut Reporter, best: bool) -> Result<(), EngineError> {
        match self.write(trainer, reporter, best) {
            Err(error) if error.is_write() => reporter.warn(
                format!("{error}; the run goes on without it until the next checkpoint"),
                Some(trainer.step),
            ),
            Err(EngineError::NotFinite(text)) => {
                // Resets the timer, so that the save is not retried after every step.
                self.written = Instant::now();
                reporter.warn(format!("{text}; the existing ones are kept"), Some(trainer.step))
            }
            saved => saved,
        }
    }

    /// Restores a trainer whose parameters are not finite from the stage's newest whole checkpoint.
    ///
    /// # Errors
    /// Where there is none, or the device fails or the journal cannot be written.
    pub fn go_back(&mut self, trainer: &mut Trainer, reporter: &mut Reporter) -> Result<(), EngineError> {
        let lost = trainer.step;
        let of_stage = |file: &CheckpointFile| file.stage == trainer.stage && Checkpoint::check(&file.path).is_ok();
        let Some(file) = self.checkpoints.files().rev().find(of_stage) else {
            return Err(EngineError::NotFinite(format!(
                "the parameters of step {lost} are not finite, and there is no checkpoint to go back to; begin again with a lower \
                 learning rate"
            )));
        };
        snapshot::restore(trainer, &file.path)?;
        let text = format!(
            "the parameters of step {lost} are not finite; the run is back at step {}, its newest checkpoint",
            trainer.step
        );
        reporter.warn(text, Some(lost))?;
        let resumed = Event::Resumed(Resumed {
            stage: trainer.stage,
            from_step: trainer.step,
            // An empty plan leaves the journal's plan as it was.
            plan: Vec::new(),
        });
        self.checkpoints.apply(&resumed);
        self.saved = Some(Saved::of(trainer));
        reporter.report(resumed)
    }

    /// Saves a checkpoint that must not be lost: if it cannot be written, the run pauses and retries until it can.
    ///
    /// # Errors
    /// As [`Self::save`]; also if the file cannot be written and the run is told to stop.
    pub fn save_or_wait(
        &mut self,
        trainer: &Trainer,
        reporter: &mut Reporter,
        control: &mut Control,
        best: bool,
    ) -> Result<(), EngineError> {
        let (stage, step) = (trainer.stage, trainer.step);
        let mut held = false;
        loop {
            match self.write(trainer, reporter, best) {
                Err(error) if error.is_write() && !control.stops_now() => {
                    if !control.paused || !held {
                        held = true;
                        let text = "the run keeps its parameters in memory, waits and tries again: free some space";
                        reporter.warn(format!("{error}; {text}"), Some(step))?;
                        control.pause(reporter, stage, step)?;
                    }
                    control.hold(reporter, (stage, step), RETRY)?;
                }
                Err(EngineError::NotFinite(text)) => {
                    return Err(EngineError::NotFinite(self.with_newest(&text, stage)));
                }
                Ok(()) if held && control.paused => return control.resume(reporter, stage, step),
                saved => return saved,
            }
        }
    }

    /// Saves a last checkpoint before the run fails; if that fails too, the run's own error is the one reported.
    pub fn save_before_the_end(&mut self, trainer: &Trainer, reporter: &mut Reporter) {
        if self.saved == Some(Saved::of(trainer)) {
            return;
        }
        let folder = &self.run.job.folder;
        let path = folder.checkpoints().join(checkpoint_name(trainer.stage, trainer.step));
        drop(reporter.sync());
        let best = self.checkpoints.is_best(trainer.stage, trainer.step);
        if snapshot::save(trainer, &self.run.job.settings, best, (folder, &path)).is_ok() {
            drop(self.record(trainer, reporter, best));
        }
    }

    fn write(&mut self, trainer: &Trainer, reporter: &mut Reporter, best: bool) -> Result<(), EngineError> {
        if self.saved == Some(Saved::of(trainer)) {
            return Ok(());
        }
        // The same parameters, saved again with another learning rate, are still the best.
        let best = best || self.checkpoints.is_best(trainer.stage, trainer.step);
        let folder = &self.run.job.folder;
        let path = folder.checkpoints().join(checkpoint_name(trainer.stage, trainer.step));
        // After a power cut a checkpoint must not be ahead of the journal lines of the steps before it.
        reporter.sync()?;
        let saved = snapshot::save(trainer, &self.run.job.settings, best, (folder, &path));
        // If the folder has been removed, the checkpoint cannot be written, and waiting does not help.
        if saved.is_err() {
            folder.check_in_place()?;
        }
        saved?;
        (self.saved, self.written) = (Some(Saved::of(trainer)), Instant::now());
        self.record(trainer, reporter, best)?;
        // If the folder was moved while the file was written, the file moved along. Stop here: the run would go on to read
        // another session's files at its old path.
        folder.check_in_place()?;
        match self.prune(trainer) {
            Err(error) if error.is_write() => {
                let text = format!("the checkpoint is saved, but an older one could not be removed: {error}");
                reporter.warn(text, Some(trainer.step))
            }
            pruned => pruned,
        }
    }

    /// The message of a run that ends because its numbers are not finite, with the checkpoint from which it can resume.
    fn with_newest(&self, text: &str, stage: Stage) -> String {
        let name = self.run.job.folder.name();
        match self.checkpoints.files().rev().find(|file| file.stage == stage) {
            Some(file) => format!(
                "{text}; the newest is of step {}, from which `masp train --resume --session {name}` goes on",
                file.step
            ),
            None => format!("{text}; begin again with a lower learning rate"),
        }
    }

    /// The error with which a run ends, with the checkpoint from which it can go on if the device is what failed.
    #[must_use]
    pub fn last_words(&self, error: EngineError, stage: Stage) -> EngineError {
        if !(error.is_lost_device() || error.is_out_of_memory()) {
            return error;
        }
        let name = self.run.job.folder.name();
        let newest = self.checkpoints.files().rev().find(|file| file.stage == stage);
        let newest = newest.map_or_else(
            || "there is no checkpoint of this stage yet".to_owned(),
            |file| {
                format!(
                    "the newest checkpoint is {}",
                    self.run.job.folder.relative(&file.path).display()
                )
            },
        );
        EngineError::Failed(format!(
            "{error}; {newest}, and `masp train --resume --session {name}` goes on from what is saved"
        ))
    }

    fn record(&mut self, trainer: &Trainer, reporter: &mut Reporter, best: bool) -> Result<(), EngineError> {
        let folder = &self.run.job.folder;
        let path = folder.checkpoints().join(checkpoint_name(trainer.stage, trainer.step));
        let saved = Event::Checkpoint(SavedCheckpoint {
            stage: trainer.stage,
            step: trainer.step,
            file: folder.relative(&path),
            best,
        });
        self.checkpoints.apply(&saved);
        reporter.report(saved)
    }

    fn prune(&mut self, trainer: &Trainer) -> Result<(), EngineError> {
        let keep = &self.run.job.settings.checkpoint;
        let keep = Keep {
            last: keep.keep_last,
            best: keep.keep_best,
        };
        self.checkpoints
            .prune(&self.run.job.folder, (trainer.stage, trainer.step), keep)?;
        Ok(())
    }
}

/// The best score that a resumed run had reached.
fn best_so_far(run: &StageRun) -> Result<Option<Score>, EngineError> {
    // An evaluation counts only if its checkpoint was saved as the best; without that checkpoint it will be made again. Of two
    // evaluations at one step, the one on fewer images is the one that compares checkpoints.
    let (mut seen, mut best): (Option<(u64, Score)>, Option<Score>) = (None, None);
    each_record(&run.job.folder.journal(), |record| match record.event {
        Event::Evaluation(evaluation) if evaluation.stage == run.stage => {
            let score = Score::of(&evaluation);
            let fewer = seen.filter(|(step, fair)| *step == evaluation.step && fair.samples < score.samples);
            seen = fewer.or(Some((evaluation.step, score)));
        }
        Event::Checkpoint(saved) if saved.stage == run.stage && saved.best => {
            let score = seen.filter(|(step, _)| *step == saved.step).map(|(_, score)| score);
            best = score.filter(|score| score.beats(best)).or(best);
        }
        Event::Resumed(resumed) if resumed.stage == run.stage => {
            seen = seen.filter(|(step, _)| *step <= resumed.from_step);
        }
        _ => {}
    })?;
    Ok(best)
}
