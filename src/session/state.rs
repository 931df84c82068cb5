//! The state of a run, folded from its events: live, attached, finished and replayed runs are the same code.

use std::collections::{BTreeMap, VecDeque};

use super::{
    Command, CommandRecord, Ended, Evaluation, Event, Phase, Progress, Record, Resumed, SampleSeen,
    SavedCheckpoint, SessionStart, Stage, StageHistory, StepPoint, Warning,
};

/// So many lines of the log are kept.
pub const LOG_LINES: usize = 1000;

/// What a run is and has done. Changed by [`RunState::apply`] alone.
#[derive(Debug, Clone, Default)]
pub struct RunState {
    pub session: Option<SessionStart>,
    pub phase: Option<Phase>,
    pub progress: Option<Progress>,
    pub stages: BTreeMap<Stage, StageHistory>,
    /// The stage that the last event spoke of.
    pub stage: Option<Stage>,
    /// The panel's images by slot; each with all its looks, oldest first.
    pub panel: BTreeMap<usize, Vec<SampleSeen>>,
    pub checkpoints: Vec<SavedCheckpoint>,
    /// Warnings with the stage that ran when they came.
    pub warnings: Vec<(Option<Stage>, Warning)>,
    /// At most [`LOG_LINES`].
    pub log: VecDeque<LogLine>,
    /// Resident memory of the process in bytes, as last said.
    pub memory: Option<u64>,
    pub paused: bool,
    pub ended: Option<Ended>,
    /// Seconds at work so far; pauses and the time between two processes do not count.
    pub active_s: f64,
    /// The sequence number that comes next; records before it are known already.
    pub next_seq: u64,
    last_time: Option<f64>,
}

/// A line of the run's log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Seconds at work when it was said.
    pub at: f64,
    pub kind: LogKind,
    pub text: String,
}

/// What a line of the log tells of.
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
    /// Takes one record in. One that is known already (`seq` below [`RunState::next_seq`]) changes nothing, so that a history and the
    /// live stream may overlap.
    pub fn apply(&mut self, record: &Record) {
        if record.seq < self.next_seq {
            return;
        }
        self.next_seq = record.seq + 1;
        self.tick(record);
        match &record.event {
            Event::Session(session) => self.session = Some(session.as_ref().clone()),
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
                self.stage_at(evaluation.stage)
                    .evaluations
                    .push(evaluation.as_ref().clone());
            }
            Event::Sample(sample) => self
                .panel
                .entry(sample.slot)
                .or_default()
                .push(sample.as_ref().clone()),
            Event::Checkpoint(checkpoint) => {
                let best = if checkpoint.best {
                    ", the best so far"
                } else {
                    ""
                };
                self.say(
                    LogKind::Checkpoint,
                    format!("checkpoint at step {}{best}", checkpoint.step),
                );
                self.checkpoints.push(checkpoint.clone());
            }
            Event::Command(command) => self.command(command),
            Event::Warning(warning) => {
                let step = warning
                    .step
                    .map(|step| format!("step {step}: "))
                    .unwrap_or_default();
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

    /// The steps planned for `stage`.
    #[must_use]
    pub fn planned_steps(&self, stage: Stage) -> Option<u64> {
        let plan = &self.session.as_ref()?.plan;
        plan.iter()
            .find(|(planned, _)| *planned == stage)
            .map(|(_, steps)| *steps)
    }

    /// The time left by the plan and the pace of late; nothing before the second step of a process or after the end.
    #[must_use]
    pub fn eta(&self) -> Option<Eta> {
        let stage = self.stage.filter(|_| self.ended.is_none())?;
        let history = self.stages.get(&stage)?;
        let left = self
            .planned_steps(stage)?
            .saturating_sub(history.last_step());
        let plan = &self.session.as_ref()?.plan;
        Some(Eta {
            stage_s: left as f64 * history.seconds_per_step()?,
            more_stages: plan
                .iter()
                .skip_while(|(planned, _)| *planned != stage)
                .count()
                > 1,
        })
    }

    /// Samples a second of the running stage of late.
    #[must_use]
    pub fn throughput(&self) -> Option<f64> {
        self.stages.get(&self.stage?)?.throughput()
    }

    /// The last two evaluations of a stage: the newest and the one before.
    #[must_use]
    pub fn evaluations(&self, stage: Stage) -> (Option<&Evaluation>, Option<&Evaluation>) {
        let mut newest_first = self
            .stages
            .get(&stage)
            .into_iter()
            .flat_map(|history| history.evaluations.iter().rev());
        (newest_first.next(), newest_first.next())
    }

    /// Lets the clock of work go on, unless the run stood still since the last record.
    fn tick(&mut self, record: &Record) {
        let still = self.paused
            || self.ended.is_some()
            || matches!(record.event, Event::Resumed(_) | Event::Session(_));
        if let Some(last) = self.last_time.filter(|_| !still) {
            self.active_s += (record.time - last).max(0.0);
        }
        self.last_time = Some(record.time);
    }

    fn phase(&mut self, phase: &Phase) {
        self.say(LogKind::Phase, phase.name.clone());
        self.stage = phase.stage.or(self.stage);
        self.progress = None;
        self.phase = Some(phase.clone());
    }

    fn command(&mut self, record: &CommandRecord) {
        let text = match &record.command {
            Command::Pause => "paused".to_owned(),
            Command::Resume => "resumed".to_owned(),
            Command::Stop { after } => format!(
                "stopping after this {}",
                format!("{after:?}").to_lowercase()
            ),
            Command::Checkpoint => "checkpoint asked for".to_owned(),
            Command::Evaluate => "evaluation asked for".to_owned(),
            Command::SetLearningRate { lr } => format!("learning rate set to {lr:e}"),
        };
        self.say(LogKind::Command, text);
        match record.command {
            Command::Pause => self.paused = true,
            Command::Resume => self.paused = false,
            _ => {}
        }
    }

    /// Forgets what came after `from_step` of its stage, and all of the later stages. The log stays: it was said.
    fn resume(&mut self, resumed: &Resumed) {
        let Resumed { stage, from_step } = *resumed;
        let kept = |of: Stage, step: u64| of < stage || (of == stage && step <= from_step);
        self.stages.retain(|&of, _| of <= stage);
        self.stage_at(stage).forget_after(from_step);
        for looks in self.panel.values_mut() {
            looks.retain(|look| kept(look.stage, look.step));
        }
        self.panel.retain(|_, looks| !looks.is_empty());
        self.checkpoints
            .retain(|checkpoint| kept(checkpoint.stage, checkpoint.step));
        self.warnings
            .retain(|(of, warning)| of.is_none_or(|of| kept(of, warning.step.unwrap_or(0))));
        (self.paused, self.ended, self.progress) = (false, None, None);
        self.say(
            LogKind::Resumed,
            format!(
                "goes on from step {from_step} of stage {}",
                stage.name()
            ),
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
    let accuracy = if evaluation.aspect_accuracy.is_empty() {
        evaluation.metrics.accuracy
    } else {
        evaluation
            .aspect_accuracy
            .iter()
            .map(|(_, accuracy)| accuracy)
            .sum::<f64>()
            / evaluation.aspect_accuracy.len() as f64
    };
    format!(
        "evaluation at step {}: accuracy {:.1} %, loss {:.3}",
        evaluation.step,
        accuracy * 100.0,
        evaluation.loss
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Log, Metrics, Step, StopAfter};

    fn step(stage: Stage, step: u64, loss: f64) -> Event {
        Event::Step(Step {
            stage,
            step,
            epoch: 0.0,
            loss,
            lr: 1e-3,
            grad_norm: 1.0,
            samples_per_s: 4.0,
        })
    }

    fn evaluation(stage: Stage, step: u64) -> Event {
        let metrics = Metrics {
            accuracy: 0.5,
            ..Metrics::default()
        };
        let evaluation = Evaluation {
            stage,
            step,
            loss: 1.0,
            aspect_accuracy: vec![],
            metrics,
            predictions: None,
        };
        Event::Evaluation(Box::new(evaluation))
    }

    fn sample(stage: Stage, step: u64, slot: usize) -> Event {
        Event::Sample(Box::new(SampleSeen {
            stage,
            step,
            slot,
            image: "a/b.png".into(),
            gold: "awe".into(),
            prediction: "fear".into(),
            file: "s.json".into(),
            thumbnail: "s.png".into(),
        }))
    }

    fn checkpoint(stage: Stage, step: u64) -> Event {
        Event::Checkpoint(SavedCheckpoint {
            stage,
            step,
            file: "c".into(),
            best: false,
        })
    }

    fn session(plan: &[(Stage, u64)]) -> Event {
        Event::Session(Box::new(SessionStart {
            format: 1,
            program: String::new(),
            name: String::new(),
            settings: serde_json::Value::Null,
            model: String::new(),
            data: String::new(),
            dataname: String::new(),
            classes: vec![],
            splits: [0; 3],
            device: String::new(),
            views: vec![],
            plan: plan.to_vec(),
        }))
    }

    /// Folds events that come one a second.
    fn fold(events: impl IntoIterator<Item = Event>) -> RunState {
        let mut state = RunState::default();
        for (seq, event) in (0..).zip(events) {
            state.apply(&Record {
                seq,
                time: 100.0 + seq as f64,
                event,
            });
        }
        state
    }

    #[test]
    fn a_resume_forgets_later_steps_and_stages() {
        let (a, p) = (Stage::Aspects, Stage::Prompt);
        let mut events: Vec<Event> = (1..=10).map(|n| step(a, n, n as f64)).collect();
        events.extend([
            evaluation(a, 4),
            evaluation(a, 8),
            sample(a, 4, 0),
            sample(a, 8, 0),
            sample(a, 8, 1),
        ]);
        events.extend([
            checkpoint(a, 4),
            checkpoint(a, 8),
            step(p, 1, 0.5),
            evaluation(p, 1),
            checkpoint(p, 1),
        ]);
        events.push(Event::Warning(Warning {
            text: "spike".into(),
            step: Some(1),
        }));
        events.push(Event::Ended(Ended {
            reason: "stopped".into(),
        }));
        let before = fold(events.clone());
        assert_eq!(
            (before.status(), before.warnings.len()),
            (RunStatus::Stopped, 1)
        );
        events.push(Event::Resumed(Resumed {
            stage: a,
            from_step: 5,
        }));
        events.push(step(a, 6, 60.0));
        let state = fold(events);
        let losses: Vec<_> = state.stages[&a]
            .steps
            .iter()
            .map(|point| (point.step, point.loss))
            .collect();
        assert_eq!(
            losses,
            [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0), (5, 5.0), (6, 60.0)]
        );
        assert_eq!(state.stages[&a].evaluations.len(), 1);
        assert!(
            !state.stages.contains_key(&p),
            "the later stage is forgotten"
        );
        assert_eq!((state.panel.len(), state.panel[&0].len()), (1, 1));
        assert_eq!(state.checkpoints.len(), 1);
        assert!(
            state.warnings.is_empty(),
            "a warning of the later stage is forgotten"
        );
        assert_eq!((state.status(), state.stage), (RunStatus::Running, Some(a)));
        assert!(
            state.log.iter().any(|line| line.kind == LogKind::Warning),
            "what was said stays in the log"
        );
    }

    #[test]
    fn known_records_change_nothing() {
        let mut state = fold([step(Stage::Aspects, 1, 1.0)]);
        state.apply(&Record {
            seq: 0,
            time: 0.0,
            event: step(Stage::Aspects, 1, 9.0),
        });
        assert_eq!(state.stages[&Stage::Aspects].steps.len(), 1);
    }

    #[test]
    fn pauses_count_neither_as_work_nor_for_the_eta() {
        let command = |command| {
            Event::Command(CommandRecord {
                command,
                stage: None,
                step: 2,
            })
        };
        let mut state = fold([
            session(&[(Stage::Aspects, 12), (Stage::Prompt, 5)]),
            step(Stage::Aspects, 1, 1.0),
        ]);
        let mut at = |time, event| {
            let seq = state.next_seq;
            state.apply(&Record { seq, time, event });
            state.clone()
        };
        assert_eq!(
            at(103.0, step(Stage::Aspects, 2, 1.0)).eta(),
            Some(Eta {
                stage_s: 20.0,
                more_stages: true
            })
        );
        assert_eq!(
            at(104.0, command(Command::Pause)).status(),
            RunStatus::Paused
        );
        assert!(!at(1104.0, command(Command::Resume)).paused);
        let state = at(1105.0, step(Stage::Aspects, 3, 1.0));
        assert_eq!(
            (state.active_s, state.eta().map(|eta| eta.stage_s)),
            (5.0, Some(18.0))
        );
        assert_eq!(state.throughput(), Some(4.0));
    }

    #[test]
    fn the_pace_begins_anew_after_a_resume() {
        let mut state = fold((1..=4).map(|n| step(Stage::Prompt, n, 1.0)));
        state.apply(&Record {
            seq: 4,
            time: 9e6,
            event: Event::Resumed(Resumed {
                stage: Stage::Prompt,
                from_step: 3,
            }),
        });
        assert_eq!(state.stages[&Stage::Prompt].seconds_per_step(), None);
        for n in 4..=6 {
            state.apply(&Record {
                seq: n + 1,
                time: 9e6 + n as f64 * 7.0,
                event: step(Stage::Prompt, n, 1.0),
            });
        }
        assert_eq!(state.stages[&Stage::Prompt].seconds_per_step(), Some(7.0));
    }

    #[test]
    fn smoothing_passes_over_what_is_not_finite() {
        let state = fold(
            [1.0, f64::NAN, 3.0]
                .into_iter()
                .zip(1..)
                .map(|(loss, n)| step(Stage::Prompt, n, loss)),
        );
        let smoothed: Vec<f64> = state.stages[&Stage::Prompt]
            .smoothed_loss(0.5)
            .map(|(_, loss)| loss)
            .collect();
        assert_eq!(smoothed, [1.0, 1.0, 1.75 / 0.75]);
        let raw: Vec<f64> = state.stages[&Stage::Prompt]
            .smoothed_loss(0.0)
            .map(|(_, loss)| loss)
            .collect();
        assert_eq!(raw, [1.0, 1.0, 3.0]);
    }

    #[test]
    fn the_log_is_bounded_and_keeps_the_newest() {
        let line = |n: usize| {
            Event::Log(Log {
                text: n.to_string(),
            })
        };
        let state = fold((0..LOG_LINES + 5).map(line));
        assert_eq!(state.log.len(), LOG_LINES);
        assert_eq!(
            state.log.back().map(|line| line.text.as_str()),
            Some("1004")
        );
    }

    #[test]
    fn phases_show_before_the_first_step() {
        let phase = Phase {
            name: "loading weights 3/7".into(),
            stage: Some(Stage::Aspects),
        };
        let state = fold([
            Event::Phase(phase),
            Event::Progress(Progress {
                phase: "loading weights 3/7".into(),
                done: 3,
                total: 7,
                memory: Some(5),
            }),
            Event::Command(CommandRecord {
                command: Command::Stop {
                    after: StopAfter::Epoch,
                },
                stage: None,
                step: 0,
            }),
        ]);
        assert_eq!(
            (state.status(), state.stage, state.memory),
            (RunStatus::Starting, Some(Stage::Aspects), Some(5))
        );
        assert_eq!(
            state.log.back().map(|line| line.text.as_str()),
            Some("stopping after this epoch")
        );
    }
}
