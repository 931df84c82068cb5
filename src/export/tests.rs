use super::*;
use crate::session::{Event, Record, Resumed, Stage, Step};
use crate::tui::tests::evaluated;

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

    let results = read_results(&source.newest().unwrap().path).unwrap();
    let table = predictions_csv(&results);
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    assert_eq!(reader.headers().unwrap().len(), 8 + 8 + 6);
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
        export(&source, what, &root.path().join(name)).unwrap();
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
    let sheet = image::load_from_memory(&maps_png(&source).unwrap())
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
fn cells_are_what_was_said_to_the_character() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let mut results = read_results(&source.newest().unwrap().path).unwrap();
    let odd = ["=1+1", "+a", "-b", "@c", "\t=d", "e,\"f\"\ng"];
    for (row, said) in results.iter_mut().zip(odd) {
        row.prediction.generated = said.to_owned();
        row.prediction.image = said.to_owned();
    }
    results[0].loss = -0.0;
    let table = predictions_csv(&results);
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    for (row, said) in rows.iter().zip(odd) {
        assert_eq!((&row[0], &row[7]), (said, said));
    }
    assert_eq!(&rows[0][6], "0");
}

#[test]
fn evaluations_of_other_images_are_no_points_of_one_curve() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    let history = source.state.stages.get_mut(&Stage::Prompt).unwrap();
    let mut whole = history.evaluations.last().unwrap().clone();
    whole.metrics.samples += 304;
    let (images, usual) = (whole.metrics.samples, history.evaluations.len());
    history.evaluate(whole);
    let hollow = |svg: &str| svg.matches("<circle").count() - svg.matches("fill=\"#BE6400\"").count();
    assert_eq!(hollow(&curves_svg(&source.state).unwrap()), 1);
    let events = event_file::tests::read_back(&tensorboard::events(&source.state, &Times::default()).unwrap());
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
    let page = report_html(&source).unwrap();
    assert!(page.contains("<tr><td>fear<td>–<td>"), "{page}");
    assert!(page.contains("<td>ECE<td>0.019<"), "{page}");
    let times = Times::default();
    let events = event_file::tests::read_back(&tensorboard::events(&source.state, &times).unwrap());
    let recalls = events.iter().flat_map(|(_, _, scalars)| scalars);
    let of_fear = recalls.filter(|(tag, _)| tag == "prompt/val/recall/fear").count();
    assert_eq!(of_fear, source.state.stages[&Stage::Prompt].evaluations.len() - 1);
}

#[test]
fn an_event_file_holds_every_scalar_with_its_stage_step_and_time() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let runs = root.path().join("runs");
    let written = export(&source, What::TensorBoard, &runs).unwrap();
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

    // The same session again is the same file, not a second run; its own folder is left alone.
    assert_eq!(export(&source, What::TensorBoard, &runs).unwrap(), written);
    let own = export(&source, What::TensorBoard, root.path());
    assert!(matches!(own, Err(ExportError::Own(_))), "{own:?}");
}

#[test]
fn a_step_that_was_done_again_has_its_last_time() {
    let mut times = Times::default();
    let event = crate::tui::tests::evaluated::start();
    let mut state = RunState::default();
    let step = |step| {
        Event::Step(Step {
            stage: Stage::Prompt,
            step,
            epoch: 0.0,
            loss: 1.0,
            lr: 1.0,
            grad_norm: 1.0,
            samples_per_s: 1.0,
            cache_hits: None,
        })
    };
    let resumed = Event::Resumed(Resumed {
        stage: Stage::Prompt,
        from_step: 1,
        plan: vec![],
    });
    for (seq, event) in (0..).zip([event, step(1), step(2), step(3), resumed, step(2)]) {
        let time = 100.0 + seq as f64;
        let record = Record { seq, time, event };
        state.apply(&record);
        times.take(&record);
    }
    let events = event_file::tests::read_back(&tensorboard::events(&state, &times).unwrap());
    let seen: Vec<_> = events.iter().map(|(time, step, _)| (*time, *step)).collect();
    assert_eq!(seen, [(101.0, 1), (105.0, 2)]);
}

#[test]
fn a_wrong_ending_and_a_session_with_nothing_are_sentences() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    let error = export(&source, What::Curves, &root.path().join("x.csv")).unwrap_err();
    assert!(error.to_string().contains("use .svg"), "{error}");
    assert!(!root.path().join("x.csv").exists());
    let own = source.folder.join("journal.jsonl");
    let before = std::fs::read(&own).unwrap();
    assert!(matches!(export(&source, What::Metrics, &own), Err(ExportError::Own(_))));
    assert_eq!(std::fs::read(&own).unwrap(), before);
    source.state = RunState::default();
    for (what, name) in [
        (What::Curves, "a.svg"),
        (What::Maps, "b.png"),
        (What::Report, "c.html"),
        (What::TensorBoard, "runs"),
    ] {
        assert!(export(&source, what, &root.path().join(name)).is_err());
    }
    source.folder = root.path().join("none");
    assert!(export(&source, What::Predictions, &root.path().join("d.csv")).is_err());
}

#[test]
fn names_from_files_are_text_on_the_page() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    source.state.session.as_mut().unwrap().model = "<script>alert(1)</script>".into();
    let page = report_html(&source).unwrap();
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"));
}
