//! Folding: what each event does to the state.

use super::*;
use crate::made_up;
use crate::session::{Log, Metrics, StopAfter};

fn step(stage: Stage, step: u64, loss: f64) -> Event {
    Event::Step(made_up::step(stage, step, loss))
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
        drawn: None,
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
        state.apply(&Record::new(seq, 100.0 + seq as f64, event));
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
    assert_eq!((before.status(), before.warnings.len()), (RunStatus::Stopped, 1));
    events.push(Event::Resumed(Resumed {
        stage: a,
        from_step: 5,
        plan: vec![],
    }));
    events.push(step(a, 6, 60.0));
    let state = fold(events);
    let losses: Vec<_> = state.stages[&a]
        .steps
        .iter()
        .map(|point| (point.step, point.loss))
        .collect();
    assert_eq!(losses, [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0), (5, 5.0), (6, 60.0)]);
    assert_eq!(state.stages[&a].evaluations.len(), 1);
    assert!(!state.stages.contains_key(&p), "the later stage is forgotten");
    assert_eq!((state.panel.len(), state.panel[&0].len()), (1, 1));
    assert_eq!(state.checkpoints.len(), 1);
    assert!(state.warnings.is_empty(), "a warning of the later stage is forgotten");
    assert_eq!((state.status(), state.stage), (RunStatus::Running, Some(a)));
    assert!(
        state.log.iter().any(|line| line.kind == LogKind::Warning),
        "what was said stays in the log"
    );
}

#[test]
fn repeated_records_change_nothing() {
    let mut state = fold([session(&[]), step(Stage::Aspects, 1, 1.0)]);
    state.apply(&Record::new(1, 0.0, step(Stage::Aspects, 1, 9.0)));
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
        state.apply(&Record::new(seq, time, event));
        state.clone()
    };
    assert_eq!(
        at(103.0, step(Stage::Aspects, 2, 1.0)).eta(),
        Some(Eta {
            stage_s: 20.0,
            more_stages: true
        })
    );
    assert_eq!(at(104.0, command(Command::Pause)).status(), RunStatus::Paused);
    assert!(!at(1104.0, command(Command::Resume)).paused);
    let state = at(1105.0, step(Stage::Aspects, 3, 1.0));
    assert_eq!((state.active_s, state.eta().map(|eta| eta.stage_s)), (5.0, Some(18.0)));
    assert_eq!(state.throughput(), Some(8.0));
}

#[test]
fn the_throughput_starts_anew_after_a_resume() {
    let mut state = fold((1..=4).map(|n| step(Stage::Prompt, n, 1.0)));
    state.apply(&Record::new(
        4,
        9e6,
        Event::Resumed(Resumed {
            stage: Stage::Prompt,
            from_step: 3,
            plan: vec![],
        }),
    ));
    assert_eq!(state.stages[&Stage::Prompt].seconds_per_step(), None);
    for n in 4..=6 {
        state.apply(&Record::new(n + 1, 9e6 + n as f64 * 7.0, step(Stage::Prompt, n, 1.0)));
    }
    assert_eq!(state.stages[&Stage::Prompt].seconds_per_step(), Some(7.0));
}

#[test]
fn the_log_is_bounded_and_keeps_the_newest() {
    let line = |n: usize| Event::Log(Log::new(n.to_string()));
    let state = fold((0..LOG_LINES + 5).map(line));
    assert_eq!(state.log.len(), LOG_LINES);
    assert_eq!(state.log.back().map(|line| line.text.as_str()), Some("1004"));
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

#[test]
fn forgetting_the_past_keeps_the_present_state_and_bounds_memory() {
    let plan = [(Stage::Aspects, 10_000)];
    let (mut whole, mut present) = (fold([session(&plan)]), fold([session(&plan)]));
    for number in 1..2000 {
        let mut events = vec![step(Stage::Aspects, number, 1.0)];
        if number % 100 == 0 {
            events.extend([
                evaluation(Stage::Aspects, number),
                sample(Stage::Aspects, number, 0),
                checkpoint(Stage::Aspects, number),
            ]);
        }
        for event in events {
            let record = Record::new(
                whole.next_seq,
                1000.0 + number as f64 * (1.0 + 0.1 * (number % 7) as f64),
                event,
            );
            whole.apply(&record);
            present.apply(&record);
            present.forget_past();
        }
        assert_eq!(present.eta(), whole.eta());
        assert_eq!(present.throughput(), whole.throughput());
        let newest = |state: &RunState| format!("{:?}", state.evaluations_until(Stage::Aspects, u64::MAX));
        assert_eq!(newest(&present), newest(&whole));
        let history = present.history(Stage::Aspects).unwrap();
        assert!(history.steps.len() < 500 && history.evaluations.len() <= 2);
        assert!(present.panel.is_empty() && present.checkpoints.is_empty());
    }
}

#[test]
fn a_clock_jump_does_not_count_as_work() {
    let mut state = fold([step(Stage::Prompt, 1, 1.0), step(Stage::Prompt, 2, 1.0)]);
    let mut seq = 2;
    let mut at = |state: &mut RunState, time, event| {
        state.apply(&Record::new(seq, time, event));
        seq += 1;
    };
    let jumped = |seconds| {
        Event::Log(Log {
            clock_jump_s: Some(seconds),
            ..Log::new("the clock was set")
        })
    };
    at(&mut state, 3702.0, jumped(3600.0));
    at(&mut state, 3703.0, step(Stage::Prompt, 3, 1.0));
    assert_eq!(state.active_s, 3.0);
    at(&mut state, 104.0, jumped(-3600.0));
    at(&mut state, 105.0, step(Stage::Prompt, 4, 1.0));
    assert_eq!(state.active_s, 5.0, "also where it is set back");
    assert_eq!(state.stages[&Stage::Prompt].seconds_per_step(), Some(5.0 / 3.0));
}

#[test]
fn progress_never_exceeds_the_plan() {
    let plan = [(Stage::Aspects, 10), (Stage::Prompt, 30)];
    let resumed = |plan: &[(Stage, u64)]| {
        Event::Resumed(Resumed {
            stage: Stage::Prompt,
            from_step: 30,
            plan: plan.to_vec(),
        })
    };
    let planned = |after: Event, last: u64| {
        let state = fold([
            session(&plan),
            step(Stage::Prompt, 30, 1.0),
            after,
            step(Stage::Prompt, last, 1.0),
        ]);
        [Stage::Aspects, Stage::Prompt].map(|stage| state.planned_steps(stage))
    };
    assert_eq!(planned(resumed(&[(Stage::Prompt, 60)]), 31), [Some(10), Some(60)]);
    assert_eq!(planned(resumed(&[]), 30), [Some(10), Some(30)]);
    assert_eq!(
        planned(resumed(&[]), 60),
        [Some(10), None],
        "an older journal: the plan was another"
    );
}
