use super::tensorboard::Times;
use super::*;
use crate::{
    made_up::{self, evaluated},
    session::{Evaluated, EvaluationNote, Event, Record, Resumed, RunState, SessionFolder, Stage, keep_evaluation},
};

fn source(root: &Path) -> Source {
    Source::read(&evaluated::session(root, "run", 40, false)).unwrap()
}

#[test]
fn tables_hold_every_step_and_image() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let metrics = metrics_csv(&source.state);
    let mut rows = csv::Reader::from_reader(metrics.as_bytes());
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1200);
    let last = rows.last().unwrap();
    assert_eq!((&last[0], &last[1], &last[8]), ("prompt", "600", "val"));
    assert!((last[10].parse::<f64>().unwrap() - 0.8).abs() < 1e-9, "{last:?}");

    let lines = metrics_jsonl(&source.state);
    let events: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.iter().filter(|event| event["event"] == "step").count(), 1200);
    assert_eq!(events.iter().filter(|event| event["event"] == "evaluation").count(), 12);

    let kept = Selected::default().evaluation(&source).unwrap();
    let results = read_results(&kept.path).unwrap();
    let table = predictions_csv(&results, &kept.origin(&source.name, "drawn"));
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    assert_eq!(reader.headers().unwrap().len(), 8 + 8 + 6 + 5);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 40);
    assert_eq!(
        rows.iter().filter(|row| &row[3] == "1").count(),
        results.iter().filter(|r| r.is_right()).count()
    );
}

#[test]
fn curves_maps_and_report_are_files_of_their_kind() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    for (what, name) in [
        (What::Curves, "a.svg"),
        (What::Maps, "b.png"),
        (What::Report, "c.html"),
        (What::Predictions, "d.jsonl"),
    ] {
        export(&source, what, &Selected::default(), &root.path().join(name)).unwrap();
    }
    let read = |name: &str| std::fs::read(root.path().join(name)).unwrap();
    let svg = String::from_utf8(read("a.svg")).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.contains("stage prompt"),
        "{}",
        &svg[..200]
    );
    let sheet = image::load_from_memory(&read("b.png")).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (7 * 166 - 6, 6 * 166 - 6));
    let page = String::from_utf8(read("c.html")).unwrap();
    assert!(page.contains("data:image/png;base64,") && page.contains("contentment") && !page.contains("src=\"http"));
    assert_eq!(read_results(&root.path().join("d.jsonl")).unwrap().len(), 40);
}

#[test]
fn pictures_keep_their_proportion() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let look = source.state.panel.values().next().unwrap().last().unwrap();
    let red = image::RgbImage::from_pixel(80, 40, image::Rgb([200, 0, 0]));
    red.save(source.folder.join(&look.thumbnail)).unwrap();
    let sheet = image::load_from_memory(&maps_png(&source, None).unwrap())
        .unwrap()
        .into_rgb8();
    let column: Vec<bool> = (0..160).map(|y| sheet.get_pixel(80, y).0 == [200, 0, 0]).collect();
    assert_eq!(column.iter().position(|&red| red), Some(40));
    assert_eq!(column.iter().filter(|&&red| red).count(), 80, "twice as wide as high");
    assert_eq!(sheet.get_pixel(0, 80).0, [200, 0, 0]);
    let map = |y| sheet.get_pixel(166 + 80, y).0 == [255; 3];
    assert!(map(39) && !map(40) && !map(119) && map(120), "its maps, too");
}

#[test]
fn cells_hold_the_exact_text() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let mut results = read_results(&Selected::default().evaluation(&source).unwrap().path).unwrap();
    let odd = ["=1+1", "+a", "-b", "@c", "\t=d", "e,\"f\"\ng"];
    for (row, said) in results.iter_mut().zip(odd) {
        row.prediction.generated = said.to_owned();
        row.prediction.image = said.to_owned();
    }
    results[0].loss = -0.0;
    let table = predictions_csv(&results, &Origin::default());
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    for (row, said) in rows.iter().zip(odd) {
        assert_eq!((&row[0], &row[7]), (said, said));
    }
    assert_eq!(&rows[0][6], "0");
}

#[test]
fn evaluations_of_other_images_are_separate_points() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    let history = source.state.stages.get_mut(&Stage::Prompt).unwrap();
    let mut whole = history.evaluations.last().unwrap().clone();
    whole.metrics.samples += 304;
    let (images, usual) = (whole.metrics.samples, history.evaluations.len());
    history.evaluate(whole);
    let hollow = |svg: &str| svg.matches("<circle").count() - svg.matches("fill=\"#BE6400\"").count();
    assert_eq!(hollow(&curves_svg(&source.state).unwrap()), 1);
    let events =
        event_file::tests::read_back(&tensorboard::events(&source.name, &source.state, &Times::default()).unwrap());
    let count = |tag: &str| {
        let scalars = events.iter().flat_map(|(_, _, scalars)| scalars);
        scalars.filter(|(name, _)| name == tag).count()
    };
    assert_eq!(count("prompt/val/accuracy"), usual);
    assert_eq!(count(&format!("prompt/val-{images}/accuracy")), 1);
}

#[test]
fn a_class_without_images_has_a_dash() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    let history = source.state.stages.get_mut(&Stage::Prompt).unwrap();
    let metrics = &mut history.evaluations.last_mut().unwrap().metrics;
    let fear = metrics.per_class.get_mut("fear").unwrap();
    (fear.support, fear.recall) = (0, 0.0);
    metrics.ece = 0.0189;
    let page = report_html(&source, None).unwrap();
    assert!(page.contains("<tr><td>fear<td>–<td>"), "{page}");
    assert!(page.contains("<td>ECE<td>0.019<"), "{page}");
    let times = Times::default();
    let events = event_file::tests::read_back(&tensorboard::events(&source.name, &source.state, &times).unwrap());
    let recalls = events.iter().flat_map(|(_, _, scalars)| scalars);
    let of_fear = recalls.filter(|(tag, _)| tag == "prompt/val/recall/fear").count();
    assert_eq!(of_fear, source.state.stages[&Stage::Prompt].evaluations.len() - 1);
}

#[test]
fn an_event_file_holds_every_scalar_with_its_stage_step_and_time() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let runs = root.path().join("runs");
    let written = export(&source, What::TensorBoard, &Selected::default(), &runs).unwrap();
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
        export(&source, What::TensorBoard, &Selected::default(), &runs).unwrap(),
        written
    );
    let own = export(&source, What::TensorBoard, &Selected::default(), root.path());
    assert!(matches!(own, Err(ExportError::Own(_))), "{own:?}");
}

#[test]
fn a_repeated_step_has_its_last_time() {
    let mut times = Times::default();
    let event = evaluated::start();
    let mut state = RunState::default();
    let step = |step| Event::Step(made_up::step(Stage::Prompt, step, 1.0));
    let resumed = Event::Resumed(Resumed {
        stage: Stage::Prompt,
        from_step: 1,
        plan: vec![],
    });
    for (seq, event) in (0..).zip([event, step(1), step(2), step(3), resumed, step(2)]) {
        let time = 100.0 + seq as f64;
        let record = Record::new(seq, time, event);
        state.apply(&record);
        times.take(&record);
    }
    let events = event_file::tests::read_back(&tensorboard::events("run", &state, &times).unwrap());
    let seen: Vec<_> = events.iter().map(|(time, step, _)| (*time, *step)).collect();
    assert_eq!(seen, [(101.0, 1), (105.0, 2)]);
}

#[test]
fn wrong_extensions_and_empty_sessions_are_errors() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    let error = export(&source, What::Curves, &Selected::default(), &root.path().join("x.csv")).unwrap_err();
    assert!(error.to_string().contains("use .svg"), "{error}");
    assert!(!root.path().join("x.csv").exists());
    let own = source.folder.join("journal.jsonl");
    let before = std::fs::read(&own).unwrap();
    assert!(matches!(
        export(&source, What::Metrics, &Selected::default(), &own),
        Err(ExportError::Own(_))
    ));
    assert_eq!(std::fs::read(&own).unwrap(), before);
    source.state = RunState::default();
    for (what, name) in [
        (What::Curves, "a.svg"),
        (What::Maps, "b.png"),
        (What::Report, "c.html"),
        (What::TensorBoard, "runs"),
    ] {
        assert!(export(&source, what, &Selected::default(), &root.path().join(name)).is_err());
    }
    source.folder = root.path().join("none");
    assert!(
        export(
            &source,
            What::Predictions,
            &Selected::default(),
            &root.path().join("d.csv")
        )
        .is_err()
    );
}

#[test]
fn names_from_files_are_escaped_on_the_page() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    source.state.session.as_mut().unwrap().model = "<script>alert(1)</script>".into();
    let page = report_html(&source, None).unwrap();
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"));
}

/// A run with evaluations at steps 100 to 600, and `masp eval` of other steps, data and parameters beside them.
#[test]
fn predictions_are_of_the_named_step_and_the_sessions_own_data() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let folder = SessionFolder::at(&source.folder).unwrap();
    let rows = read_results(&Selected::default().evaluation(&source).unwrap().path).unwrap();
    let keep = |evaluated, own_data, time: f64| {
        let note = EvaluationNote {
            evaluated,
            data: if own_data { "/drawn" } else { "/other" }.into(),
            own_data,
        };
        let metrics = crate::session::Metrics {
            split: "test".into(),
            ..Default::default()
        };
        let kept = keep_evaluation(&folder, &note, &metrics, &rows[..7], time).unwrap();
        kept.file_name().unwrap().to_str().unwrap().to_owned()
    };
    let prompt = |step| Evaluated::Checkpoint {
        stage: Stage::Prompt,
        step,
    };
    let of_300 = keep(prompt(300), true, 1e9);
    let other = keep(prompt(600), false, 1.1e9);
    let frozen = keep(Evaluated::Frozen, true, 1.2e9);
    let selected = |step, evaluation: Option<&String>| Selected {
        step,
        evaluation: evaluation.cloned(),
    };
    let key = |selected: Selected| selected.evaluation(&source).unwrap().key;
    assert_eq!(key(selected(Some(300), None)), of_300);
    assert_eq!(key(selected(None, None)), of_300, "the newest of its own");
    assert_eq!(key(selected(Some(600), None)), "prompt-000600");
    for name in [&other, &frozen] {
        assert_eq!(key(selected(None, Some(name))), *name);
    }
    let said = |selected: Selected| selected.evaluation(&source).unwrap_err().to_string();
    assert!(said(selected(Some(500), None)).contains("no predictions of step 500, only of 300, 600"));
    assert!(said(selected(None, Some(&"x".to_owned()))).contains(&other));

    // A file says what it holds.
    let read = |selected: Selected, name: &str| {
        let to = root.path().join(name);
        export(&source, What::Predictions, &selected, &to).unwrap();
        std::fs::read_to_string(to).unwrap()
    };
    let csv = read(selected(Some(300), None), "a.csv");
    assert!(
        csv.lines().next().unwrap().ends_with(",session,stage,step,split,data"),
        "{csv}"
    );
    assert!(
        csv.lines()
            .skip(1)
            .all(|line| line.ends_with(",run,prompt,300,test,/drawn")),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 8);
    let lines = read(selected(None, Some(&frozen)), "b.jsonl");
    for line in lines.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&row["stage"], &row["step"], &row["split"]),
            (&"frozen".into(), &().into(), &"test".into())
        );
    }
    assert_eq!(read_results(&root.path().join("b.jsonl")).unwrap(), rows[..7]);
    let metrics = metrics_csv(&source.state);
    let last = metrics.lines().last().unwrap();
    assert!(
        metrics.lines().next().unwrap().ends_with(",samples,data") && last.contains(",val,"),
        "{last}"
    );
}

#[test]
fn a_step_that_has_no_effect_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let of = |step| Selected {
        step: Some(step),
        evaluation: None,
    };
    for (what, name) in [
        (What::Metrics, "a.csv"),
        (What::Curves, "a.svg"),
        (What::TensorBoard, "runs"),
    ] {
        let error = export(&source, what, &of(300), &root.path().join(name)).unwrap_err();
        assert!(matches!(error, ExportError::Selected(_)), "{error}");
    }
    let early = report_html(&source, Some(300)).unwrap();
    assert!(early.contains("<h2>Step 300, 256 images of val, ") && !early.contains("Step 600"));
    assert!(
        report_html(&source, Some(900))
            .unwrap_err()
            .to_string()
            .contains("no step 900")
    );
    let svg = curves_svg(&source.state).unwrap();
    assert!(
        svg.contains("prompt to step 600; validation on 256 images of val, "),
        "{}",
        &svg[..400]
    );
    let (newest, early) = (maps_png(&source, None).unwrap(), maps_png(&source, Some(300)).unwrap());
    assert_ne!(newest, early);
    assert!(
        maps_png(&source, Some(7))
            .unwrap_err()
            .to_string()
            .contains("of the steps: ")
    );
}

#[test]
fn only_regular_files_are_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let here = |name: &str| root.path().join(name);
    std::fs::write(here("real.csv"), "old\n").unwrap();
    std::os::unix::fs::symlink("real.csv", here("link.csv")).unwrap();
    let pipe = here("pipe");
    crate::hostile::make_pipe(&pipe);
    let write = |to: &Path| export(&source, What::Metrics, &Selected::default(), to);
    assert!(
        write(&here("link.csv"))
            .unwrap_err()
            .to_string()
            .contains("it is a link to")
    );
    assert_eq!(std::fs::read(here("real.csv")).unwrap(), b"old\n");
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap())
    };
    write(&pipe).unwrap();
    assert_eq!(reader.join().unwrap(), metrics_csv(&source.state));
    assert!(std::fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    write(Path::new("/dev/null")).unwrap();
    assert!(
        std::fs::symlink_metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
}

#[test]
fn heatmaps_and_event_files_name_their_session_and_step() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let session = source.state.session.clone().unwrap();
    let words = maps::tests::words(&maps_png(&source, Some(500)).unwrap());
    let word = |key: &str| words.iter().find(|(of, _)| of == key).map_or("", |(_, text)| text);
    assert_eq!(
        word("Title"),
        format!("run: heatmaps of prompt@500, val of {}", session.data)
    );
    assert_eq!(
        (word("session"), word("step"), word("split")),
        ("run", "prompt@500", "val")
    );
    assert_eq!(word("dataset"), format!("{} {}", session.dataname, session.data));
    let look = source.state.panel.values().next().unwrap().last().unwrap();
    assert!(
        word("rows").starts_with(&look.image) && word("rows").lines().count() == 6,
        "{}",
        word("rows")
    );
    assert!(word("columns").starts_with("picture, "), "{}", word("columns"));

    let events = tensorboard::events(&source.name, &source.state, &Times::default()).unwrap();
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
