use std::{error::Error, fs, io::Write, path::PathBuf};

use proptest::{prelude::*, test_runner::RngSeed};

use super::{super::event::*, super::prediction::Metrics, *};
use crate::session::JournalWriter;

type Outcome = Result<(), Box<dyn Error>>;

/// The first event of a journal of the given format.
pub fn start(format: u32) -> Event {
    Event::Session(Box::new(SessionStart {
        format,
        program: "0.1.0".into(),
        name: "run".into(),
        settings: serde_json::json!({"train": {"learning_rate": 1e-5}}),
        model: "tiny".into(),
        data: "data".into(),
        drawn: None,
        dataname: "EmoSet".into(),
        classes: vec!["awe".into()],
        splits: [3, 2, 1],
        device: "cpu".into(),
        views: vec![],
        plan: vec![(Stage::Aspects, 4), (Stage::Prompt, 8)],
    }))
}

fn event() -> impl Strategy<Value = Event> {
    let stage = prop_oneof![Just(Stage::Aspects), Just(Stage::Prompt)];
    let text = "(?s).*";
    prop_oneof![
        (stage, any::<u32>(), -1e3..1e3_f64).prop_map(|(stage, step, loss)| {
            let step = u64::from(step);
            let (epoch, lr, grad_norm, samples_per_s) = (loss / 3.0, loss * 1e-9, loss.abs(), 1.0);
            Event::Step(Step {
                stage,
                step,
                epoch,
                loss,
                lr,
                grad_norm,
                samples_per_s,
                cache_hits: None,
            })
        }),
        text.prop_map(|text| Event::Log(Log::new(text))),
        text.prop_map(|name| Event::Phase(Phase { name, stage: None })),
        (text, any::<bool>()).prop_map(|(text, best)| Event::Checkpoint(SavedCheckpoint {
            stage: Stage::Prompt,
            step: 7,
            file: PathBuf::from(text),
            best,
        })),
        (0.0..1.0_f64).prop_map(|lr| Event::Command(CommandRecord {
            command: Command::SetLearningRate { lr },
            stage: Some(Stage::Aspects),
            step: 2,
        })),
        (0.0..1.0_f64).prop_map(|accuracy| Event::Evaluation(Box::new(Evaluation {
            stage: Stage::Prompt,
            step: 3,
            loss: accuracy,
            aspect_accuracy: vec![(crate::data::View::Scene, accuracy)],
            metrics: Metrics {
                split: "val".into(),
                data: Some("/data".into()),
                accuracy,
                accuracy_generated: accuracy,
                macro_f1: accuracy,
                ece: accuracy,
                brier: accuracy,
                images_per_s: accuracy,
                generated_images_per_s: accuracy,
                samples: 4,
                ..Metrics::default()
            },
            predictions: None,
        }))),
    ]
}

fn few() -> ProptestConfig {
    ProptestConfig {
        cases: 24,
        rng_seed: RngSeed::Fixed(3407),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(few())]

    /// Wherever a journal is cut, its complete lines are read, and a new writer goes on behind them.
    #[test]
    fn a_journal_survives_a_cut_anywhere(
        events in prop::collection::vec(event(), 0..6),
        more in event(),
        cut in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("journal.jsonl");
        let mut writer = JournalWriter::open(&path)?;
        let mut written = vec![writer.append(start(FORMAT))?];
        for event in events {
            written.push(writer.append(event)?);
        }
        drop(writer);
        prop_assert_eq!(&read_journal(&path)?, &written);

        let bytes = fs::read(&path)?;
        let first = bytes.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1);
        let cut = first + cut.index(bytes.len() - first + 1);
        fs::write(&path, &bytes[..cut])?;
        let complete = bytes[..cut].iter().filter(|b| **b == b'\n').count();
        prop_assert_eq!(&read_journal(&path)?, &written[..complete]);

        let mut writer = JournalWriter::open(&path)?;
        let last = writer.append(more)?;
        prop_assert_eq!(last.seq, complete as u64);
        let mut expected = written[..complete].to_vec();
        expected.push(last);
        prop_assert_eq!(read_journal(&path)?, expected);
        let whole = bytes[..cut].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        prop_assert!(fs::read(&path)?.starts_with(&bytes[..whole]), "valid lines were rewritten");
    }

    /// A follower sees each record once, in order, however the bytes arrive.
    #[test]
    fn a_tail_sees_each_record_once(
        events in prop::collection::vec(event(), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let folder = tempfile::tempdir()?;
        let (source, path) = (folder.path().join("source"), folder.path().join("journal.jsonl"));
        let mut writer = JournalWriter::open(&source)?;
        let mut written = vec![writer.append(start(FORMAT))?];
        for event in events {
            written.push(writer.append(event)?);
        }
        let bytes = fs::read(&source)?;
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut tail = JournalTail::new(&path);
        let mut seen = polled(&mut tail)?;
        prop_assert!(seen.is_empty(), "there is no file yet");
        let mut file = fs::File::create(&path)?;
        for piece in cuts.windows(2) {
            file.write_all(&bytes[piece[0]..piece[1]])?;
            seen.extend(polled(&mut tail)?);
        }
        prop_assert_eq!(seen, written);
        prop_assert!(polled(&mut tail)?.is_empty());
    }
}

fn journal(lines: &[&str]) -> io::Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("journal.jsonl");
    fs::write(&path, lines.concat())?;
    Ok((folder, path))
}

fn line(seq: u64, event: Event) -> serde_json::Result<String> {
    serde_json::to_string(&Record { seq, time: 1.5, event }).map(|line| line + "\n")
}

fn log(seq: u64) -> serde_json::Result<String> {
    line(seq, Event::Log(Log::new("text")))
}

fn message<T>(result: Result<T, JournalError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_line_has_the_documented_keys_and_null_for_what_is_not_finite() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("journal.jsonl");
    let mut writer = JournalWriter::open(&path)?;
    writer.append(start(FORMAT))?;
    let (stage, step, nan) = (Stage::Aspects, 1, f64::NAN);
    let (epoch, loss, lr, grad_norm, samples_per_s) = (nan, nan, nan, f64::INFINITY, 2.0);
    let record = writer.append(Event::Step(Step {
        stage,
        step,
        epoch,
        loss,
        lr,
        grad_norm,
        samples_per_s,
        cache_hits: None,
    }))?;
    let metrics = Metrics {
        accuracy: nan,
        ece: nan,
        polarity_accuracy: Some(nan),
        ..Metrics::default()
    };
    writer.append(Event::Evaluation(Box::new(Evaluation {
        stage,
        step,
        loss: nan,
        aspect_accuracy: vec![(crate::data::View::Object, nan)],
        metrics,
        predictions: None,
    })))?;
    let text = fs::read_to_string(&path)?;
    let expected = format!(
        "{{\"seq\":1,\"time\":{:?},\"event\":\"step\",\"stage\":\"aspects\",\"step\":1,\"epoch\":null,\
         \"loss\":null,\"lr\":null,\"grad_norm\":null,\"samples_per_s\":2.0}}",
        record.time
    );
    assert_eq!(text.lines().nth(1), Some(expected.as_str()));
    let records = read_journal(&path)?;
    assert!(matches!(&records[1].event, Event::Step(step) if step.loss.is_nan() && step.lr.is_nan()));
    assert!(matches!(&records[2].event, Event::Evaluation(seen)
        if seen.metrics.accuracy.is_nan() && seen.aspect_accuracy[0].1.is_nan()
            && seen.metrics.polarity_accuracy.is_none()));
    Ok(())
}

/// Stage 1 has no classifier. Older journals hold 0 for its figures, which are read as unknown (NaN).
#[test]
fn stage_1_has_no_figures_of_a_classifier() -> Outcome {
    let old = "{\"seq\":1,\"time\":2.0,\"event\":\"evaluation\",\"stage\":\"aspects\",\"step\":4,\"loss\":0.5,\
        \"aspect_accuracy\":[[\"scene\",0.25]],\"split\":\"val\",\"samples\":9,\"accuracy\":0.0,\"accuracy_generated\":0.0,\
        \"macro_f1\":0.0,\"per_class\":{},\"confusion\":{\"labels\":[],\"counts\":[]},\"ece\":0.0,\"brier\":0.0,\
        \"polarity_accuracy\":null,\"wheel_distance\":null,\"images_per_s\":3.0,\"generated_images_per_s\":0.0}\n";
    let (_folder, path) = journal(&[&line(0, start(FORMAT))?, old])?;
    let records = read_journal(&path)?;
    let Event::Evaluation(seen) = &records[1].event else {
        return Err("no evaluation".into());
    };
    let metrics = &seen.metrics;
    let figures = [
        metrics.accuracy,
        metrics.accuracy_generated,
        metrics.macro_f1,
        metrics.ece,
        metrics.brier,
    ];
    assert!(figures.iter().all(|figure| figure.is_nan()), "{figures:?}");
    assert_eq!(
        (seen.overall_accuracy(), metrics.images_per_s, metrics.samples),
        (0.25, 3.0, 9)
    );
    let now = serde_json::to_value(&records[1])?;
    for figure in ["accuracy", "accuracy_generated", "macro_f1", "ece", "brier"] {
        assert!(
            now.get(figure).is_some_and(serde_json::Value::is_null),
            "{figure}: {now}"
        );
    }
    Ok(())
}

#[test]
fn a_broken_line_is_named_and_what_stands_before_it_is_given() -> Outcome {
    let (_folder, path) = journal(&[&line(0, start(FORMAT))?, &log(1)?, "{\"\u{1b}[2J\"\n", &log(3)?])?;
    let error = message(read_journal(&path));
    assert!(error.starts_with(&format!("{}, line 3: ", path.display())), "{error}");
    assert!(!error.contains('\u{1b}'), "{error:?}");
    let mut tail = JournalTail::new(&path);
    let mut given = 0;
    assert_eq!(message(tail.poll(|_| given += 1)), error);
    assert_eq!(given, 2);
    assert_eq!(message(polled(&mut tail)), error);
    assert_eq!(message(JournalWriter::open(&path)), error);
    Ok(())
}

/// Blocks of lines are parsed on several cores.
#[test]
fn a_long_journal_is_read_in_order_up_to_its_broken_line() -> Outcome {
    let mut lines = vec![line(0, start(FORMAT))?];
    let long = |seq| line(seq, Event::Log(Log::new("x".repeat(300))));
    lines.extend((1..8_000).map(long).collect::<Result<Vec<_>, _>>()?);
    assert!(lines.concat().len() > 2 << 20, "several blocks");
    let (_folder, path) = journal(&[])?;
    fs::write(&path, lines.concat())?;
    let seqs: Vec<u64> = read_journal(&path)?.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (0..8_000).collect::<Vec<_>>());
    for broken in [70, 4_000, 7_999] {
        let mut damaged = lines.clone();
        damaged[broken].replace_range(40.., "\n");
        fs::write(&path, damaged.concat())?;
        let mut given = 0;
        let read = each_record(&path, |record| {
            assert_eq!(record.seq, given);
            given += 1;
        });
        assert_eq!(given, broken as u64);
        assert!(message(read).contains(&format!("line {}:", broken + 1)));
    }
    Ok(())
}

#[test]
fn a_gap_in_seq_is_an_error() -> Outcome {
    let (_folder, path) = journal(&[&line(0, start(FORMAT))?, &log(2)?])?;
    assert!(message(read_journal(&path)).contains("line 2: seq is 2, and 1 should follow"));
    Ok(())
}

#[test]
fn a_newer_format_is_refused_whatever_its_line_holds() -> Outcome {
    let newer = "{\"seq\":0,\"event\":\"session\",\"format\":2,\"unheard\":[]}\n";
    let (_folder, path) = journal(&[newer])?;
    let error = message(read_journal(&path));
    assert!(
        error.contains("its format is 2, this program reads up to 1; update masp"),
        "{error}"
    );
    assert_eq!(message(JournalWriter::open(&path)), error);
    assert_eq!(fs::read_to_string(&path)?, newer);
    Ok(())
}

#[test]
fn the_session_comes_first() -> Outcome {
    let (_folder, path) = journal(&[])?;
    let mut writer = JournalWriter::open(&path)?;
    let log_event = Event::Log(Log::new(""));
    assert!(matches!(
        writer.append(log_event),
        Err(JournalError::SessionFirst { .. })
    ));
    assert_eq!(fs::read(&path)?, b"");
    let (_folder, path) = journal(&[&log(0)?])?;
    assert!(message(read_journal(&path)).contains("line 1: the first event is not `session`"));
    Ok(())
}

#[test]
fn a_missing_journal_is_an_error_to_read_and_a_shrunken_one_to_follow() -> Outcome {
    let (_folder, path) = journal(&[&line(0, start(FORMAT))?])?;
    let mut tail = JournalTail::new(&path);
    assert_eq!(polled(&mut tail)?.len(), 1);
    fs::write(&path, "")?;
    assert!(matches!(polled(&mut tail), Err(JournalError::Shrunk { .. })));
    fs::remove_file(&path)?;
    assert!(matches!(polled(&mut tail), Err(JournalError::Read { .. })));
    assert!(matches!(read_journal(&path), Err(JournalError::Read { .. })));
    Ok(())
}

#[test]
fn after_a_failed_write_the_half_line_is_cut_before_the_next() -> Outcome {
    let (_folder, path) = journal(&[])?;
    let mut writer = JournalWriter::open(&path)?;
    writer.append(start(FORMAT))?;
    // What a full disk leaves: half a line, and a writer that could not cut it.
    fs::OpenOptions::new()
        .append(true)
        .open(&path)?
        .write_all(b"{\"seq\":1,")?;
    writer.torn = true;
    writer.append(Event::Log(Log::new("next")))?;
    assert_eq!(read_journal(&path)?.len(), 2);
    Ok(())
}

/// The records of one poll, or its error.
fn polled(tail: &mut JournalTail) -> Result<Vec<Record>, JournalError> {
    let mut records = Vec::new();
    tail.poll(|record| records.push(record))?;
    Ok(records)
}

#[test]
fn what_a_file_system_reports_is_waited_for_and_what_is_wrong_with_the_program_is_not() {
    let passes = |source| {
        let path = PathBuf::from("journal.jsonl");
        JournalError::Write { path, source }.may_pass()
    };
    for passing in [
        Errno::ACCESS,
        Errno::AGAIN,
        Errno::DQUOT,
        Errno::FBIG,
        Errno::IO,
        Errno::NOMEM,
        Errno::NOSPC,
        Errno::NOTCONN,
        Errno::PERM,
        Errno::ROFS,
        Errno::STALE,
        Errno::TIMEDOUT,
    ] {
        assert!(passes(passing.into()), "{passing}");
    }
    #[cfg(target_os = "linux")]
    assert!(passes(Errno::KEYEXPIRED.into()) && passes(Errno::REMOTEIO.into()));
    for lasting in [Errno::BADF, Errno::FAULT, Errno::INVAL] {
        assert!(!passes(lasting.into()), "{lasting}");
    }
    assert!(!passes(io::Error::other("it cannot be written as JSON")));
}
