//! Which checkpoints a stage writes, and which go. A disk that is full costs a checkpoint, never the run.

use std::time::{Duration, Instant};

use super::control::Control;
use super::error::EngineError;
use super::reporter::Reporter;
use super::snapshot;
use super::stage::StageRun;
use super::trainer::Trainer;
use super::watch::Score;
use crate::config::SaveStrategy;
use crate::session::{Checkpoints, Event, Keep, SavedCheckpoint, checkpoint_name, each_record};

/// How often a checkpoint that must not be lost is tried again.
const RETRY: Duration = Duration::from_secs(20);

/// Writes the stage's checkpoints and removes those that are no longer wanted.
pub struct Keeper<'a> {
    run: &'a StageRun<'a>,
    best: Option<Score>,
    /// The step that was saved last, and whether its evaluation was still to be made.
    saved: Option<(u64, bool)>,
    /// When that was.
    written: Instant,
    checkpoints: Checkpoints,
}

impl<'a> Keeper<'a> {
    /// A keeper at the stage's beginning.
    ///
    /// # Errors
    /// Where the session cannot be read.
    pub fn new(run: &'a StageRun<'a>) -> Result<Self, EngineError> {
        Ok(Self {
            run,
            best: None,
            saved: None,
            written: Instant::now(),
            checkpoints: Checkpoints::read(&run.job.folder)?,
        })
    }

    /// A keeper at the checkpoint that the run goes on from. What a writer that died after its rename could not do any
    /// more is done: it is told of, and those that it took the place of are removed.
    ///
    /// # Errors
    /// Where the session cannot be read or written.
    pub fn resumed(
        run: &'a StageRun<'a>,
        trainer: &Trainer,
        reporter: &mut Reporter,
        best: bool,
    ) -> Result<Self, EngineError> {
        let mut keeper = Self::new(run)?;
        if !keeper.checkpoints.is_told(trainer.stage, trainer.step) {
            keeper.tell(trainer, reporter, best)?;
        }
        keeper.best = best_so_far(run)?;
        keeper.saved = Some((trainer.step, trainer.evaluation_due));
        keeper.prune(trainer)?;
        Ok(keeper)
    }

    /// Whether a figure is the best so far, which it is from then on.
    pub fn is_best(&mut self, score: Option<Score>) -> bool {
        let better = score.filter(|score| score.beats(self.best));
        self.best = better.or(self.best);
        better.is_some()
    }

    /// Whether a checkpoint is wanted after the step that was just made: the settings ask for it, or the one that is there
    /// was written before the step's evaluation.
    pub fn is_due(&self, trainer: &Trainer) -> bool {
        if !trainer.evaluation_due && self.saved == Some((trainer.step, true)) {
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

    /// Saves; where it cannot be written the run goes on, saying so, for there will be another.
    ///
    /// # Errors
    /// Where the device fails or the journal cannot be written.
    pub fn save(&mut self, trainer: &Trainer, reporter: &mut Reporter, best: bool) -> Result<(), EngineError> {
        match self.write(trainer, reporter, best) {
            Err(error) if error.is_write() => reporter.warn(
                format!("{error}; the run goes on, and the next checkpoint is tried again"),
                Some(trainer.step),
            ),
            saved => saved,
        }
    }

    /// Saves what must not be lost: where it cannot be written, the run waits until what hinders it is mended.
    ///
    /// # Errors
    /// As [`Self::save`]; and where the run is told to stop and it cannot be written.
    pub fn save_for_sure(
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
                        let text = "the run waits with all that it has learnt, and tries again: free space";
                        reporter.warn(format!("{error}; {text}"), Some(step))?;
                        control.pause(reporter, stage, step)?;
                    }
                    control.hold(reporter, (stage, step), RETRY)?;
                }
                Ok(()) if held && control.paused => return control.resume(reporter, stage, step),
                saved => return saved,
            }
        }
    }

    fn write(&mut self, trainer: &Trainer, reporter: &mut Reporter, best: bool) -> Result<(), EngineError> {
        if self.saved == Some((trainer.step, trainer.evaluation_due)) {
            return Ok(());
        }
        let folder = &self.run.job.folder;
        let path = folder.checkpoints().join(checkpoint_name(trainer.stage, trainer.step));
        // A checkpoint that survives a power cut must not be ahead of the lines that lead to it.
        reporter.sync()?;
        snapshot::save(trainer, &self.run.job.settings, best, &path)?;
        (self.saved, self.written) = (Some((trainer.step, trainer.evaluation_due)), Instant::now());
        self.tell(trainer, reporter, best)?;
        match self.prune(trainer) {
            Err(error) if error.is_write() => {
                let text = format!("the checkpoint is kept, but an older one stays: {error}");
                reporter.warn(text, Some(trainer.step))
            }
            pruned => pruned,
        }
    }

    fn tell(&mut self, trainer: &Trainer, reporter: &mut Reporter, best: bool) -> Result<(), EngineError> {
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
        self.checkpoints.prune(trainer.stage, trainer.step, keep)?;
        Ok(())
    }
}

/// The best figure that a run to be gone on with had reached.
fn best_so_far(run: &StageRun) -> Result<Option<Score>, EngineError> {
    // An evaluation counts if its checkpoint was saved as the best: one whose checkpoint was not saved is made again. Of two at
    // one step that of fewer images was for comparing.
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
