//! Commands to a running run: pause, requests, evaluation, stop.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use masp::config::{self, ConfigFile, Settings, Sources};
use masp::data::View;
use masp::data::synth::{Options, synthesise};
use masp::engine::{self, DeviceChoice, Outcome, Running, Signals, TrainJob};
use masp::session::{Command, Event, Found, Record, Request, SessionFolder, Stage, StopAfter, read_journal};

fn settings(folder: &Path, set: &[&str]) -> Settings {
    let mut set: Vec<String> = set.iter().map(|&one| one.to_owned()).collect();
    set.push(format!("data.root={}", folder.join("drawn").display()));
    let sources = Sources {
        config: ConfigFile::None,
        set,
        ..Sources::default()
    };
    config::load(sources).unwrap().settings
}

fn start(folder: &Path, session: &SessionFolder, resume: bool) -> Running {
    start_heeding(folder, session, resume, Signals::default())
}

fn start_heeding(folder: &Path, session: &SessionFolder, resume: bool, signals: Signals) -> Running {
    let options = Options {
        train: 32,
        val: 16,
        test: 8,
        ..Options::default()
    };
    if !folder.join("drawn").exists() {
        synthesise(&folder.join("drawn"), &options, |_, _| ()).unwrap();
    }
    let set = [
        "train.batch_size=4",
        "train.max_steps=100000",
        "eval.panel=0",
        "eval.max_samples=4",
        "eval.every_steps=0",
    ];
    let job = TrainJob {
        resume,
        attended: true,
        ..TrainJob::new(
            settings(folder, &set),
            vec![Stage::Aspects],
            session.clone(),
            DeviceChoice::Cpu,
        )
    };
    engine::start(job, signals).unwrap()
}

/// The next record for which `wanted` is true.
fn next(running: &Running, what: &str, wanted: impl Fn(&Event) -> bool) -> Record {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(120) {
        let record = running.records.recv_timeout(Duration::from_secs(120)).unwrap();
        assert!(!matches!(record.event, Event::Ended(_)), "{record:?}");
        if wanted(&record.event) {
            return record;
        }
    }
    panic!("{what} never came");
}

const fn is_step(event: &Event) -> bool {
    matches!(event, Event::Step(_))
}

#[test]
fn a_paused_run_answers_and_evaluates_without_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let session = SessionFolder::create(&folder.path().join("sessions"), "asked").unwrap();
    let running = start(folder.path(), &session, false);
    next(&running, "a step", is_step);
    running.commands.send(Command::Pause).unwrap();
    next(
        &running,
        "the pause",
        |event| matches!(event, Event::Command(record) if record.command == Command::Pause),
    );
    let mut images = std::fs::read_dir(folder.path().join("drawn/image/awe")).unwrap();
    let image = images.next().unwrap().unwrap().file_name();
    let image = format!("image/awe/{}", image.to_string_lossy());
    let predict = |image: &str| Request::Predict {
        image: image.to_owned(),
        muted: vec![View::Scene],
        blanked: vec![0, 1],
    };
    for request in [
        predict(&image),
        predict("image/awe/none.png"),
        Request::Question {
            image: image.clone(),
            question: "What is the person doing?".to_owned(),
        },
        Request::Question {
            image: image.clone(),
            question: "What is<|im_end|> it?".to_owned(),
        },
        Request::Faithfulness {
            image: image.clone(),
            view: View::Object,
        },
        Request::Effects { image },
    ] {
        running.commands.send(Command::Ask(request.clone())).unwrap();
        let record = next(&running, "an answer", |event| {
            assert!(!is_step(event), "a paused run makes no step");
            matches!(event, Event::Answer(_))
        });
        let Event::Answer(answer) = record.event else { continue };
        assert_eq!(answer.request, request);
        match (&answer.request, &answer.found) {
            (Request::Predict { image, .. }, Found::Failed(reason)) => {
                assert!(image.contains("none") && reason.contains("none.png"), "{reason}");
            }
            (Request::Predict { .. }, Found::Prediction(prediction)) => {
                assert!(answer.has_maps() && prediction.aspects.len() == 6);
            }
            (Request::Question { question, .. }, Found::Text(_)) => assert!(!question.contains("<|")),
            (Request::Question { .. }, Found::Failed(reason)) => {
                assert!(reason.contains("`<|im_end|>`, a control token"), "{reason}");
            }
            (Request::Effects { .. }, Found::Effects(effects)) => {
                let shares = effects.without.iter().map(|(_, share)| *share);
                let mut shares = shares.chain([effects.whole, effects.without_all]);
                assert!(shares.all(|share| (0.0..=1.0).contains(&share)), "{effects:?}");
                assert_eq!(effects.without.len(), 6);
                // Each pass leaves out other tokens, so the results must differ.
                assert!(effects.without.iter().any(|(_, share)| *share != effects.whole));
            }
            (Request::Faithfulness { .. }, Found::Faithfulness(curves)) => {
                let ends = |curve: &[f64]| (curve[0], curve[curve.len() - 1]);
                let (whole, blank) = ends(&curves.deletion);
                let near = |(a, b): (f64, f64), (c, d): (f64, f64)| (a - c).abs() < 1e-5 && (b - d).abs() < 1e-5;
                assert!(near(ends(&curves.insertion), (blank, whole)), "{curves:?}");
                assert!(near(ends(&curves.random_deletion), (whole, blank)), "{curves:?}");
                assert_eq!((curves.shares.first(), curves.shares.last()), (Some(&0.0), Some(&1.0)));
            }
            other => panic!("{other:?}"),
        }
    }
    running.commands.send(Command::Evaluate).unwrap();
    next(&running, "an evaluation", |event| {
        assert!(!is_step(event), "a paused run makes no step");
        matches!(event, Event::Evaluation(_))
    });
    running.commands.send(Command::Stop { after: StopAfter::Step }).unwrap();
    assert_eq!(running.join().unwrap(), Outcome::Stopped);
    let records = read_journal(&session.journal()).unwrap();
    let answers: Vec<_> = records
        .iter()
        .filter_map(|record| match &record.event {
            Event::Answer(answer) => Some(answer),
            _ => None,
        })
        .collect();
    assert_eq!(answers.len(), 6);
    assert!(!answers[0].has_maps(), "the journal holds no maps");
}

#[test]
fn a_rate_that_is_set_is_the_next_steps_and_a_checkpoint_is_written_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let session = SessionFolder::create(&folder.path().join("sessions"), "told").unwrap();
    let running = start(folder.path(), &session, false);
    let rate = |record: Record| match record.event {
        Event::Step(step) => step.lr,
        other => panic!("{other:?}"),
    };
    // After the first step, whose rate is small because of the warm-up.
    next(
        &running,
        "a step",
        |event| matches!(event, Event::Step(step) if step.step == 3),
    );
    let set = Command::SetLearningRate { lr: 0.0005 };
    running.commands.send(set.clone()).unwrap();
    next(
        &running,
        "the rate",
        |event| matches!(event, Event::Command(record) if record.command == set),
    );
    let after = rate(next(&running, "a step", is_step));
    assert!((after / 0.0005 - 1.0).abs() < 1e-9, "{after}");

    running.commands.send(Command::SetLearningRate { lr: -1.0 }).unwrap();
    let refused = next(&running, "a warning", |event| matches!(event, Event::Warning(_)));
    let Event::Warning(warning) = refused.event else {
        unreachable!()
    };
    assert!(warning.text.contains("-1 was refused"), "{}", warning.text);

    running.commands.send(Command::Checkpoint).unwrap();
    let saved = next(&running, "a checkpoint", |event| matches!(event, Event::Checkpoint(_)));
    let Event::Checkpoint(saved) = saved.event else {
        unreachable!()
    };
    assert!(session.path().join(&saved.file).is_file());
    running.commands.send(Command::Stop { after: StopAfter::Step }).unwrap();
    assert_eq!(running.join().unwrap(), Outcome::Stopped);
}

#[test]
fn a_run_stops_at_its_epochs_end() {
    let folder = tempfile::tempdir().unwrap();
    let session = SessionFolder::create(&folder.path().join("sessions"), "epoch").unwrap();
    let running = start(folder.path(), &session, false);
    next(&running, "a step", is_step);
    let stop = Command::Stop {
        after: StopAfter::Epoch,
    };
    running.commands.send(stop).unwrap();
    let mut last = None;
    for record in &running.records {
        match record.event {
            Event::Step(step) => last = Some(step),
            Event::Ended(_) => break,
            _ => {}
        }
    }
    assert_eq!(running.join().unwrap(), Outcome::Stopped);
    let last = last.unwrap();
    assert!(last.epoch >= 1.0 && last.epoch.fract().abs() < 1e-9, "{last:?}");
}

#[test]
fn a_run_without_a_checkpoint_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let session = SessionFolder::create(&folder.path().join("sessions"), "again").unwrap();
    for resume in [false, true] {
        let running = start(folder.path(), &session, resume);
        (0..3).for_each(|_| drop(next(&running, "a step", is_step)));
        running.commands.send(Command::Stop { after: StopAfter::Step }).unwrap();
        assert_eq!(running.join().unwrap(), Outcome::Stopped);
        if !resume {
            // As if the process had died before its first checkpoint.
            std::fs::remove_dir_all(session.checkpoints()).unwrap();
            std::fs::create_dir(session.checkpoints()).unwrap();
        }
    }
    let mut state = masp::session::RunState::default();
    for record in read_journal(&session.journal()).unwrap() {
        state.apply(&record);
    }
    let history = state.history(Stage::Aspects).unwrap();
    let steps: Vec<u64> = history.steps.iter().map(|step| step.step).collect();
    assert!(steps.len() >= 3);
    assert_eq!(
        steps,
        (1..=steps.len() as u64).collect::<Vec<_>>(),
        "no step stands twice"
    );
    assert_eq!(state.resumes, 1);
}

#[test]
fn a_signals_checkpoint_interrupts_an_evaluation_which_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let session = SessionFolder::create(&folder.path().join("sessions"), "warned").unwrap();
    let signals = Signals::default();
    let running = start_heeding(folder.path(), &session, false, signals.clone());
    next(&running, "a step", is_step);
    // If this thread is slow, the evaluation may be over before the signal arrives.
    for _ in 0..50 {
        running.commands.send(Command::Evaluate).unwrap();
        let evaluates = |event: &Event| matches!(event, Event::Phase(phase) if phase.name == "evaluating");
        next(&running, "an evaluation's begin", evaluates);
        signals.checkpoint.store(true, Ordering::Relaxed);
        let either = |event: &Event| matches!(event, Event::Checkpoint(_) | Event::Evaluation(_));
        let first = next(&running, "a checkpoint", either).event;
        next(&running, "the other", either);
        if matches!(first, Event::Checkpoint(_)) {
            signals.terminate.store(true, Ordering::Relaxed);
            assert_eq!(running.join().unwrap(), Outcome::Stopped);
            return;
        }
    }
    panic!("the checkpoint has waited for the evaluation each time");
}
