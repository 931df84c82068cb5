//! The state of a run, folded from its events: live, attached, finished and replayed runs are the same code.

use std::collections::{BTreeMap, VecDeque};

use super::{
    answer::{Found, Request},
    event::{
        Command, CommandRecord, Ended, Evaluation, Event, Phase, Progress, Resumed, SampleSeen, SavedCheckpoint,
        SessionStart, Stage, Warning,
    },
    record::{Record, UNKEPT},
    series::{StageHistory, StepPoint},
};

/// The number of log lines kept.
pub const LOG_LINES: usize = 1000;

/// What a run is and has done. [`RunState::apply`] folds events into it.
#[derive(Debug, Clone, Default)]
pub struct RunState {
    pub session: Option<SessionStart>,
    /// When it began, in seconds since the Unix epoch.
    pub started: Option<f64>,
    pub phase: Option<Phase>,
    pub progress: Option<Progress>,
    pub stages: BTreeMap<Stage, StageHistory>,
    /// The stage that an event named last.
    pub stage: Option<Stage>,
    /// The panel's images by slot; each with all its looks, oldest first.
    pub panel: BTreeMap<usize, Vec<SampleSeen>>,
    pub checkpoints: Vec<SavedCheckpoint>,
    /// Warnings with the stage that ran when they came.
    pub warnings: Vec<(Option<Stage>, Warning)>,
    /// At most [`LOG_LINES`].
    pub log: VecDeque<LogLine>,
    /// Resident memory of the process in bytes, as last reported.
    pub memory: Option<u64>,
    pub paused: bool,
    pub ended: Option<Ended>,
    /// Seconds at work so far; pauses and the time between two processes do not count.
    pub active_s: f64,
    /// How often the run went on from a checkpoint and dropped steps.
    pub resumes: u32,
    /// The sequence number of the next record; earlier ones have been applied.
    pub next_seq: u64,
    last_time: Option<f64>,
}

/// A line of the run's log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Seconds of work when the line was written.
    pub at: f64,
    pub kind: LogKind,
    pub text: String,
}

/// The kind of event behind a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    Phase,
    Log,
    Warning,
    Evaluation,
    Checkpoint,
    Command,
    Resumed,
    Ended,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// No step yet.
    Starting,
    Running,
    Paused,
    Done,
    Stopped,
    Failed,
}

/// The time that is left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Eta {
    /// Seconds to the end of the running stage.
    pub stage_s: f64,
    /// Whether other stages come after it, whose pace is not known.
    pub more_stages: bool,
}

impl RunState {
    /// Applies one record. A known one (`seq` below [`RunState::next_seq`]) changes nothing, so that a history and the live
    /// stream may overlap. A record that is in no journal ([`UNKEPT`]) is applied without changing `next_seq`.
    pub fn apply(&mut self, record: &Record) {
        if record.seq != UNKEPT {
            if record.seq < self.next_seq {
                return;
            }
            self.next_seq = record.seq.saturating_add(1);
        }
        self.tick(record);
        if record.seq != UNKEPT {
            // The journal goes on after an end: another process goes on with the run.
            self.ended = None;
        }
        match &record.event {
            Event::Session(session) => {
                self.session = Some(session.as_ref().clone());
                self.started.get_or_insert(record.time);
            }
            Event::Phase(phase) => self.phase(phase),
            Event::Progress(progress) => {
                self.memory = progress.memory.or(self.memory);
                self.progress = Some(progress.clone());
            }
            Event::Step(step) => {
                let point = StepPoint::new(step, self.active_s);
                self.stage_at(step.stage).steps.push(point);
            }
            Event::Evaluation(evaluation) => {
                self.say(LogKind::Evaluation, evaluation_line(evaluation));
                self.stage_at(evaluation.stage).evaluate(evaluation.as_ref().clone());
            }
            Event::Sample(sample) => {
                let looks = self.panel.entry(sample.slot).or_default();
                looks.pop_if(|last| (last.stage, last.step) == (sample.stage, sample.step));
                looks.push(sample.as_ref().clone());
            }
            Event::Checkpoint(checkpoint) => {
                let best = if checkpoint.best { ", the best so far" } else { "" };
                self.say(
                    LogKind::Checkpoint,
                    format!("checkpoint at step {}{best}", checkpoint.step),
                );
                self.checkpoints.push(checkpoint.clone());
            }
            Event::Command(command) => self.command(command),
            Event::Answer(answer) => {
                if let Found::Failed(reason) = &answer.found {
                    self.say(LogKind::Warning, format!("{}: {reason}", answer.request.image()));
                }
            }
            Event::Warning(warning) => {
                let step = warning.step.map(|step| format!("step {step}: ")).unwrap_or_default();
                self.say(LogKind::Warning, format!("{step}{}", warning.text));
                self.warnings.push((self.stage, warning.clone()));
            }
            Event::Log(log) => self.say(LogKind::Log, log.text.clone()),
            Event::Resumed(resumed) => self.resume(resumed),
            Event::Ended(ended) => {
                self.say(LogKind::Ended, format!("ended: {}", ended.reason));
                (self.paused, self.progress) = (false, None);
                self.ended = Some(ended.clone());
            }
        }
    }

    /// Drops what only curves and lists need. A reader that shows only the present then uses bounded memory, however long
    /// the run is.
    pub fn forget_past(&mut self) {
        self.stages.values_mut().for_each(StageHistory::forget_past);
        self.panel.clear();
        self.checkpoints.clear();
        self.warnings.clear();
    }

    /// How the run stands.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        match &self.ended {
            Some(ended) if ended.reason == "done" => RunStatus::Done,
            Some(ended) if ended.reason == "stopped" => RunStatus::Stopped,
            Some(_) => RunStatus::Failed,
            None if self.paused => RunStatus::Paused,
            None if self.stages.values().any(|stage| !stage.steps.is_empty()) => RunStatus::Running,
            None => RunStatus::Starting,
        }
    }

    /// A stage's history, if it has begun.
    #[must_use]
    pub fn history(&self, stage: Stage) -> Option<&StageHistory> {
        self.stages.get(&stage)
    }

    /// The steps planned for `stage`; None where more were made, because the plan must have changed.
    #[must_use]
    pub fn planned_steps(&self, stage: Stage) -> Option<u64> {
        let plan = &self.session.as_ref()?.plan;
        let planned = plan.iter().find(|(planned, _)| *planned == stage);
        let made = self.history(stage).map_or(0, StageHistory::last_step);
        planned.map(|(_, steps)| *steps).filter(|&steps| made <= steps)
    }

    /// The time left by the plan and the recent pace; None before the second step of a process and after the end.
    #[must_use]
    pub fn eta(&self) -> Option<Eta> {
        let stage = self.stage.filter(|_| self.ended.is_none())?;
        let history = self.stages.get(&stage)?;
        let left = self.planned_steps(stage)?.saturating_sub(history.last_step());
        let plan = &self.session.as_ref()?.plan;
        Some(Eta {
            stage_s: left as f64 * history.seconds_per_step()?,
            more_stages: plan.iter().skip_while(|(planned, _)| *planned != stage).count() > 1,
        })
    }

    /// Recent samples per second of the running stage.
    #[must_use]
    pub fn throughput(&self) -> Option<f64> {
        self.stages.get(&self.stage?)?.throughput()
    }

    /// The recent share of the running stage's images that skipped the vision tower because their features were cached.
    #[must_use]
    pub fn cache_hits(&self) -> Option<f64> {
        self.stages.get(&self.stage?)?.cache_hits()
    }

    /// The newest evaluation of a stage up to `step`, and the last one before it of the same split and number of images.
    /// Figures on other images would not show a change.
    #[must_use]
    pub fn evaluations_until(&self, stage: Stage, step: u64) -> (Option<&Evaluation>, Option<&Evaluation>) {
        let history = self.stages.get(&stage).into_iter();
        let evaluations = history.flat_map(|history| history.evaluations.iter().rev());
        let mut newest_first = evaluations.filter(|evaluation| evaluation.step <= step);
        let newest = newest_first.next();
        let before = newest_first.find(|before| newest.is_some_and(|newest| newest.is_like(before)));
        (newest, before)
    }

    /// Adds the time since the last record to the seconds of work, unless the run stood still. A jump of the system's clock
    /// does not count.
    fn tick(&mut self, record: &Record) {
        let still =
            self.paused || self.ended.is_some() || matches!(record.event, Event::Resumed(_) | Event::Session(_));
        if let Some(last) = self.last_time.filter(|_| !still) {
            self.active_s += (record.time - last - record.clock_jump_s()).max(0.0);
        }
        self.last_time = Some(record.time);
    }

    fn phase(&mut self, phase: &Phase) {
        let stage = phase.stage.or(self.stage);
        let same = |line: &LogLine| line.kind == LogKind::Phase && line.text == phase.name;
        // Training and evaluation alternate; log each of these phases once per stage.
        if stage != self.stage || !self.log.iter().any(same) {
            self.say(LogKind::Phase, phase.name.clone());
        }
        self.stage = stage;
        self.progress = None;
        self.phase = Some(phase.clone());
    }

    fn command(&mut self, record: &CommandRecord) {
        let text = match &record.command {
            Command::Pause => "paused".to_owned(),
            Command::Resume => "resumed".to_owned(),
            Command::Stop { after } => format!("stopping after this {}", format!("{after:?}").to_lowercase()),
            Command::Checkpoint => "checkpoint asked for".to_owned(),
            Command::Evaluate => "evaluation asked for".to_owned(),
            Command::SetLearningRate { lr } => format!("learning rate set to {lr:e}"),
            Command::Ask(request) => match request {
                Request::Predict { image, .. } => format!("asked to predict {image}"),
                Request::Question { image, question } => format!("asked about {image}: {question}"),
                Request::Faithfulness { image, view } => format!("asked how faithful the map of {view} on {image} is"),
                Request::Effects { image } => format!("asked what each aspect does to the prediction of {image}"),
            },
        };
        self.say(LogKind::Command, text);
        match record.command {
            Command::Pause => self.paused = true,
            Command::Resume => self.paused = false,
            _ => {}
        }
    }

    /// Drops everything after `from_step` of its stage, and all of the later stages. The log keeps its lines.
    fn resume(&mut self, resumed: &Resumed) {
        let Resumed { stage, from_step, .. } = *resumed;
        if let Some(session) = &mut self.session {
            resumed.replan(&mut session.plan);
        }
        let kept = |of: Stage, step: u64| of < stage || (of == stage && step <= from_step);
        self.stages.retain(|&of, _| of <= stage);
        self.stage_at(stage).forget_after(from_step);
        for looks in self.panel.values_mut() {
            looks.retain(|look| kept(look.stage, look.step) && (look.stage < stage || from_step > 0));
        }
        self.panel.retain(|_, looks| !looks.is_empty());
        self.checkpoints
            .retain(|checkpoint| kept(checkpoint.stage, checkpoint.step));
        self.warnings
            .retain(|(of, warning)| of.is_none_or(|of| kept(of, warning.step.unwrap_or(0))));
        (self.paused, self.ended, self.progress) = (false, None, None);
        self.resumes += 1;
        self.say(
            LogKind::Resumed,
            format!("goes on from step {from_step} of stage {}", stage.name()),
        );
    }

    fn stage_at(&mut self, stage: Stage) -> &mut StageHistory {
        self.stage = Some(stage);
        self.stages.entry(stage).or_default()
    }

    fn say(&mut self, kind: LogKind, text: String) {
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back(LogLine {
            at: self.active_s,
            kind,
            text,
        });
    }
}

fn evaluation_line(evaluation: &Evaluation) -> String {
    if evaluation.metrics.samples == 0 {
        return format!("evaluated at step {}: no image could be read", evaluation.step);
    }
    format!(
        "evaluated at step {}: {:.1} % of {} right, loss {:.3}",
        evaluation.step,
        evaluation.overall_accuracy() * 100.0,
        evaluation.metrics.samples,
        evaluation.loss
    )
}

#[cfg(test)]
mod tests;
