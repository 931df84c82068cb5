use super::*;
use crate::made_up;
use crate::session::{Event, Record, Resumed};

#[test]
fn an_event_file_holds_every_scalar_with_its_stage_step_and_time() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let runs = root.path().join("runs");
    let written = export(&source, What::TensorBoard, &Asked::default(), &runs).unwrap();
    assert!(written.starts_with(runs.join("run")), "{}", written.display());
    let name = written.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("events.out.tfevents."), "{name}");
    let events = event_file::tests::read_back(&std::fs::read(&written).unwrap());
    let of = |tag: &str| -> Vec<(f64, u64, f32)> {
        let scalars = events.iter().flat_map(|(time, step, scalars)| {
            let found = scalars.iter().filter(|(name, _)| name == tag);
            found.map(|(_, value)| (*time, *step, *value))
        });
        scalars.collect()
    };
    for (stage, history) in &source.state.stages {
        let loss = of(&format!("{}/loss", stage.name()));
        assert_eq!(loss.len(), history.steps.len());
        assert!(loss.is_sorted_by(|a, b| a.0 <= b.0 && a.1 < b.1));
        let point = &history.steps[300];
        assert_eq!((loss[300].1, loss[300].2), (point.step, point.loss as f32));
    }
    let accuracy = of("prompt/val/accuracy");
    assert_eq!(accuracy.len(), source.state.stages[&Stage::Prompt].evaluations.len());
    assert!((accuracy.last().unwrap().2 - 0.8).abs() < 1e-6);
    assert_eq!(of("prompt/val/recall/fear").len(), accuracy.len());
    assert_eq!(of("aspects/val/accuracy/scene").len(), 6);
    assert_eq!(of("aspects/val/accuracy").len(), 0);

    // Exporting the same session again replaces its file and makes no second run; the session's own folder is not touched.
    assert_eq!(
        export(&source, What::TensorBoard, &Asked::default(), &runs).unwrap(),
        written
    );
    let own = export(&source, What::TensorBoard, &Asked::default(), root.path());
    assert!(matches!(own, Err(ExportError::Own(_))), "{own:?}");
}

#[test]
fn a_repeated_step_has_its_last_time() {
    let event = evaluated::start();
    let mut source = Source {
        name: "run".to_owned(),
        folder: PathBuf::new(),
        state: RunState::default(),
        times: times::Times::default(),
        answers: answers::Answers::default(),
    };
    let step = |step| Event::Step(made_up::step(Stage::Prompt, step, 1.0));
    let resumed = Event::Resumed(Resumed {
        stage: Stage::Prompt,
        from_step: 1,
        plan: vec![],
    });
    for (seq, event) in (0..).zip([event, step(1), step(2), step(3), resumed, step(2)]) {
        let time = 100.0 + seq as f64;
        let record = Record::new(seq, time, event);
        source.take(&record);
    }
    let events = event_file::tests::read_back(&tensorboard::events(&source).unwrap());
    let seen: Vec<_> = events.iter().map(|(time, step, _)| (*time, *step)).collect();
    assert_eq!(seen, [(101.0, 1), (105.0, 2)]);
}

#[test]
fn heatmaps_and_event_files_name_their_session_and_step() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let session = source.state.session.clone().unwrap();
    let drawing = maps::maps(&source, Some(500), FigureStyle::default()).unwrap();
    let words = drawing.words.clone();
    let word = |key: &str| words.iter().find(|(of, _)| *of == key).map_or("", |(_, text)| text);
    assert_eq!(
        drawing.title,
        format!("run: heatmaps of prompt@500, val of {}", session.data)
    );
    assert_eq!(
        (word("session"), word("step"), word("split")),
        ("run", "prompt@500", "val")
    );
    assert_eq!(word("dataset"), format!("{} {}", session.dataname, session.data));
    let look = source.state.panel.values().next().unwrap().last().unwrap();
    assert!(
        word("rows").starts_with(&look.image) && word("rows").lines().count() == 2,
        "{}",
        word("rows")
    );
    assert!(word("columns").starts_with("picture, "), "{}", word("columns"));

    let events = tensorboard::events(&source).unwrap();
    let texts = event_file::tests::texts(&events);
    assert_eq!((texts.len(), texts[0].0.as_str()), (1, "masp"));
    let dataset = format!("| dataset | {} {} |", session.dataname, session.data);
    for part in [
        "| session | run |",
        dataset.as_str(),
        "| stage prompt | to step 600 |",
        " images of val",
    ] {
        assert!(texts[0].1.contains(part), "{part}: {}", texts[0].1);
    }
}

#[test]
fn an_event_file_holds_pictures_histograms_and_settings() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let events = tensorboard::events(&source).unwrap();
    let pictures = event_file::tests::values(&events, 4);
    assert_eq!(pictures.len(), source.state.panel.values().map(Vec::len).sum::<usize>());
    assert!(
        pictures.iter().any(|(tag, _)| tag == "panel/prompt/0 amusement"),
        "{}",
        pictures[0].0
    );
    let png = event_file::tests::field(&pictures[0].1, 4).unwrap();
    assert_eq!(image::load_from_memory(&png).unwrap().width(), 7 * 118 - 6);
    let histograms = event_file::tests::values(&events, 5);
    assert_eq!(
        (histograms.len(), histograms[0].0.as_str()),
        (1, "prompt/val/confidence")
    );
    let plugins = event_file::tests::values(&events, 9);
    let settings = plugins.iter().find(|(tag, _)| tag.starts_with("_hparams_")).unwrap();
    let text = String::from_utf8_lossy(&settings.1).into_owned();
    assert!(text.contains("train.seed") && text.contains("assets/tiny"), "{text}");
}

/// A file that grows with the journal holds what a later export of the whole journal would.
#[test]
fn a_live_file_grows_with_the_journal() {
    let root = tempfile::tempdir().unwrap();
    let folder = SessionFolder::create(root.path(), "run").unwrap();
    let mut journal = crate::session::JournalWriter::open(&folder.journal()).unwrap();
    journal.append(evaluated::start()).unwrap();
    let runs = root.path().join("runs");
    let mut live = LiveEvents::begin(&folder, &runs).unwrap();
    assert_eq!(live.file(), None);
    let mut step = |n| {
        let step = made_up::step(Stage::Prompt, n, 0.5);
        journal.append(Event::Step(step)).unwrap();
    };
    step(1);
    live.follow().unwrap();
    step(2);
    live.follow().unwrap();
    step(3);
    live.follow().unwrap();
    live.follow().unwrap();
    let written = std::fs::read(live.file().unwrap()).unwrap();
    let whole = tensorboard::events(&Source::read(&folder).unwrap()).unwrap();
    let scalars = event_file::tests::read_back(&written);
    assert_eq!((scalars.len(), &scalars), (3, &event_file::tests::read_back(&whole)));
    // What a resumed run makes again replaces what TensorBoard has.
    let resumed = Resumed {
        stage: Stage::Prompt,
        from_step: 1,
        plan: vec![],
    };
    journal.append(Event::Resumed(resumed)).unwrap();
    live.follow().unwrap();
    let longer = std::fs::read(live.file().unwrap()).unwrap();
    let restarts = event_file::tests::restarts(&longer);
    assert_eq!((restarts.as_slice(), longer.starts_with(&written)), (&[2][..], true));
}
