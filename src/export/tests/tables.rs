use super::*;
use crate::session::{Answer, Evaluated, EvaluationNote, Event, Found, Record, Request, keep_evaluation, read_results};

#[test]
fn tables_hold_every_step_and_image() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let metrics = metrics_table::metrics_csv(&source);
    let mut rows = csv::Reader::from_reader(metrics.as_bytes());
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1200);
    let last = rows.last().unwrap();
    assert_eq!((&last[0], &last[1], &last[8]), ("prompt", "600", "val"));
    assert!((last[10].parse::<f64>().unwrap() - 0.8).abs() < 1e-9, "{last:?}");

    let lines = metrics_table::metrics_jsonl(&source);
    let events: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.iter().filter(|event| event["event"] == "step").count(), 1200);
    assert_eq!(events.iter().filter(|event| event["event"] == "evaluation").count(), 12);

    let kept = Selected::default().evaluation(&source).unwrap();
    let results = read_results(&kept.path).unwrap();
    let table = predictions_csv(&results, &kept.origin(&source.name, "drawn"), &HashMap::new());
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    assert_eq!(reader.headers().unwrap().len(), 8 + 8 + 6 + 5 + 8 + 2);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 40);
    assert_eq!(
        rows.iter().filter(|row| &row[3] == "1").count(),
        results.iter().filter(|r| r.is_right()).count()
    );
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
    let table = predictions_csv(&results, &Origin::default(), &HashMap::new());
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    for (row, said) in rows.iter().zip(odd) {
        assert_eq!((&row[0], &row[7]), (said, said));
    }
    assert_eq!(&rows[0][6], "0");
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
    let key = |asked: Asked| asked.selected.evaluation(&source).unwrap().key;
    assert_eq!(key(selected(Some(300), None)), of_300);
    assert_eq!(key(selected(None, None)), of_300, "the newest of its own");
    assert_eq!(key(selected(Some(600), None)), "prompt-000600");
    for name in [&other, &frozen] {
        assert_eq!(key(selected(None, Some(name))), *name);
    }
    let said = |asked: Asked| asked.selected.evaluation(&source).unwrap_err().to_string();
    assert!(said(selected(Some(500), None)).contains("no predictions of step 500, only of 300, 600"));
    assert!(said(selected(None, Some("x"))).contains(&other));

    // A file says what it holds.
    let read = |asked: Asked, name: &str| {
        let to = root.path().join(name);
        export(&source, What::Predictions, &asked, &to).unwrap();
        std::fs::read_to_string(to).unwrap()
    };
    let csv = read(selected(Some(300), None), "a.csv");
    assert!(
        csv.lines()
            .next()
            .unwrap()
            .contains(",session,stage,step,split,data,ll_"),
        "{csv}"
    );
    assert!(
        csv.lines()
            .skip(1)
            .all(|line| line.contains(",run,prompt,300,test,/drawn,")),
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

    // What `masp eval` kept stands in the table of figures, too.
    let metrics = metrics_table::metrics_csv(&source);
    let mut reader = csv::Reader::from_reader(metrics.as_bytes());
    let heads = reader.headers().unwrap().clone();
    let place = |name: &str| heads.iter().position(|head| head == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let of_eval: Vec<&csv::StringRecord> = rows.iter().filter(|row| !row[place("evaluation")].is_empty()).collect();
    let kept: Vec<_> = of_eval
        .iter()
        .map(|row| (&row[0], &row[1], &row[place("data")]))
        .collect();
    assert_eq!(
        kept,
        [
            ("prompt", "300", "/drawn"),
            ("prompt", "600", "/other"),
            ("frozen", "", "/drawn")
        ]
    );
    let last = rows
        .iter()
        .rfind(|row| &row[0] == "prompt" && row[place("evaluation")].is_empty())
        .unwrap();
    let number = |name: &str| last[place(name)].parse::<f64>().unwrap();
    let seen = source.state.stages[&Stage::Prompt].evaluations.last().unwrap();
    let fear = seen.metrics.per_class["fear"];
    assert_eq!((number("recall_fear"), number("f1_fear")), (fear.recall, fear.f1));
    assert_eq!(number("support_fear"), fear.support as f64);
    assert_eq!(number("evaluation_time"), source.times.of_evaluation(seen));
    assert!(number("time") >= source.times.started && number("work_s") > 0.0);
    let aspects = rows.iter().rfind(|row| &row[0] == "aspects").unwrap();
    assert!(!aspects[place("answers_scene")].is_empty() && aspects[place("accuracy")].is_empty());
}

/// An evaluation at step 0, before the first step, has a row of its own.
#[test]
fn an_evaluation_without_a_step_has_a_row() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    let history = source.state.stages.get_mut(&Stage::Prompt).unwrap();
    let mut before = history.evaluations[0].clone();
    before.step = 0;
    before.metrics.brier = 0.625;
    history.evaluations.insert(0, before);
    let metrics = metrics_table::metrics_csv(&source);
    assert_eq!(metrics.lines().count(), 1 + 1200 + 1);
    let row = metrics.lines().find(|line| line.starts_with("prompt,0,")).unwrap();
    assert!(
        row.starts_with("prompt,0,,,,,,,val,") && row.contains(",0.625,"),
        "{row}"
    );
}

#[test]
fn rationales_come_from_the_panel_and_from_answers_of_the_same_step() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    let mut rows = read_results(&Selected::default().evaluation(&source).unwrap().path).unwrap();
    let look = source.state.panel[&0].last().unwrap().clone();
    rows[0].prediction.image = look.image.clone();
    let images: Vec<String> = rows[..4].iter().map(|row| row.prediction.image.clone()).collect();
    let path = source.folder.join("predictions/prompt-000600.jsonl");
    crate::session::write_results(&path, rows.iter()).unwrap();
    for (step, image, muted) in [
        (600, &images[1], vec![]),
        (500, &images[2], vec![]),
        (600, &images[3], vec![crate::data::View::Scene]),
    ] {
        let mut said = rows[1].prediction.clone();
        said.rationale = "the =dark forest, \"evokes\" fear".to_owned();
        source.answers.take(&Record::new(
            9000,
            0.0,
            Event::Answer(Box::new(Answer {
                stage: Stage::Prompt,
                step,
                request: Request::Predict {
                    image: image.clone(),
                    muted,
                    blanked: Vec::new(),
                },
                found: Found::Prediction(Box::new(said)),
            })),
        ));
    }
    let to = root.path().join("rows.csv");
    newest(&source, What::Predictions, &to).unwrap();
    let mut reader = csv::Reader::from_path(&to).unwrap();
    let heads = reader.headers().unwrap().clone();
    let place = |name: &str| heads.iter().position(|head| head == name).unwrap();
    let table: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let told: Vec<(&str, &str)> = table[..4]
        .iter()
        .map(|row| (&row[place("rationale_from")], &row[place("rationale")]))
        .collect();
    assert_eq!(
        (told[0].0, told[1].0, told[2].0, told[3].0),
        ("panel prompt@600", "answer prompt@600", "", "")
    );
    assert!(told[0].1.starts_with("The person smiles"), "{told:?}");
    assert_eq!(told[1].1, "the =dark forest, \"evokes\" fear");
    let fear = rows[0].prediction.log_likelihoods["fear"];
    assert_eq!(table[0][place("ll_fear")].parse::<f64>().unwrap(), fear);

    let to = root.path().join("rows.jsonl");
    newest(&source, What::Predictions, &to).unwrap();
    let lines = std::fs::read_to_string(to).unwrap();
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["rationale_from"], "panel prompt@600");
}
