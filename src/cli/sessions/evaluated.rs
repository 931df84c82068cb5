//! What `masp sessions show` prints about the evaluations that `masp eval` kept.

use serde_json::{Value, json};

use super::table::figure;
use crate::printable::printable;
use crate::session::{Evaluated, EvaluationNote, LaterEvaluation};

/// A header row, then one row for each evaluation; empty if none was kept. `masp sessions export --evaluation` takes the
/// first column's names.
pub(super) fn table(kept: &[LaterEvaluation]) -> Vec<[String; 8]> {
    let row = |kept: &LaterEvaluation| {
        let metrics = kept.metrics();
        let taken = |figure: fn(f64) -> String, of: fn(&crate::session::Metrics) -> f64| {
            metrics
                .as_ref()
                .map_or("unreadable".to_owned(), |metrics| figure(of(metrics)))
        };
        [
            printable(&kept.name).into_owned(),
            kept.note.as_ref().map_or("-".to_owned(), |note| of(&note.evaluated)),
            printable(&kept.split).into_owned(),
            metrics
                .as_ref()
                .map_or("-".to_owned(), |metrics| metrics.samples.to_string()),
            taken(figure, |metrics| metrics.accuracy),
            taken(figure, |metrics| metrics.macro_f1),
            taken(figure, |metrics| metrics.ece),
            kept.note.as_ref().map_or("-".to_owned(), dataset),
        ]
    };
    let heads = [
        "KEPT BY EVAL",
        "OF",
        "SPLIT",
        "SAMPLES",
        "ACCURACY",
        "MACRO-F1",
        "ECE",
        "DATASET",
    ];
    let mut rows: Vec<_> = kept.iter().map(row).collect();
    if !rows.is_empty() {
        rows.insert(0, heads.map(str::to_owned));
    }
    rows
}

/// The evaluations as a list of JSON documents. Figures that cannot be read are null.
pub(super) fn json(kept: &[LaterEvaluation]) -> Value {
    let document = |kept: &LaterEvaluation| {
        let mut document = json!({
            "evaluation": kept.name,
            "split": kept.split,
            "samples": null, "accuracy": null, "accuracy_generated": null, "macro_f1": null, "ece": null,
        });
        if let Some(metrics) = kept.metrics() {
            document["samples"] = json!(metrics.samples);
            for (key, value) in [
                ("accuracy", metrics.accuracy),
                ("accuracy_generated", metrics.accuracy_generated),
                ("macro_f1", metrics.macro_f1),
                ("ece", metrics.ece),
            ] {
                document[key] = json!(value);
            }
        }
        // `of`, `stage`, `step`, `data`, `own_data`; evaluations of older versions have no note.
        if let Some(Value::Object(note)) = kept.note.as_ref().and_then(|note| serde_json::to_value(note).ok()) {
            for (key, value) in note {
                document[key.as_str()] = value;
            }
        }
        document
    };
    kept.iter().map(document).collect()
}

/// What was evaluated: `prompt@120`, `frozen`, or the files' names.
fn of(evaluated: &Evaluated) -> String {
    match evaluated {
        Evaluated::Checkpoint { stage, step } => format!("{}@{step}", stage.name()),
        Evaluated::Frozen => "frozen".to_owned(),
        Evaluated::Files { prompt, aspects } => {
            let files = prompt.iter().chain(aspects).filter_map(|path| path.file_name());
            let names: Vec<_> = files
                .map(|name| printable(&name.to_string_lossy()).into_owned())
                .collect();
            names.join("+")
        }
    }
}

fn dataset(note: &EvaluationNote) -> String {
    let data = printable(&note.data);
    match (data.is_empty(), note.own_data) {
        (true, true) => "its own".to_owned(),
        (true, false) => "another".to_owned(),
        (false, true) => data.into_owned(),
        (false, false) => format!("{data} (not its own)"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::session::{Metrics, SessionFolder, Stage, keep_evaluation, later_evaluations};

    #[test]
    fn each_row_names_the_evaluated_model_and_the_dataset() {
        let root = tempfile::tempdir().unwrap();
        let folder = SessionFolder::create(root.path(), "run").unwrap();
        assert!(table(&later_evaluations(folder.path())).is_empty());
        let keep = |evaluated: Evaluated, split: &str, own_data: bool, accuracy: f64, time: f64| {
            let note = EvaluationNote {
                evaluated,
                data: "/data/\u{1b}drawn".to_owned(),
                own_data,
            };
            let metrics = Metrics {
                split: split.to_owned(),
                samples: 96,
                accuracy,
                macro_f1: accuracy / 2.0,
                ..Metrics::default()
            };
            keep_evaluation(&folder, &note, &metrics, &[], time).unwrap()
        };
        let (stage, step) = (Stage::Prompt, 120);
        keep(Evaluated::Checkpoint { stage, step }, "test", true, 0.75, 0.0);
        keep(Evaluated::Frozen, "val", true, 0.25, 60.0);
        let files = Evaluated::Files {
            prompt: Some("a/other.pth".into()),
            aspects: None,
        };
        let damaged = keep(files, "test", false, 0.5, 120.0);
        fs::write(damaged.join("metrics.json"), "{").unwrap();

        let kept = later_evaluations(folder.path());
        let table = table(&kept);
        let rows: Vec<Vec<&str>> = table
            .iter()
            .map(|row| row.iter().map(String::as_str).collect())
            .collect();
        let (test, val) = ("19700101-000000-test", "19700101-000100-val");
        assert_eq!(
            rows[1],
            [
                test,
                "prompt@120",
                "test",
                "96",
                "0.7500",
                "0.3750",
                "-",
                "/data/\u{fffd}drawn"
            ]
        );
        assert_eq!(rows[2][..5], [val, "frozen", "val", "96", "0.2500"]);
        assert_eq!(rows[3][1..5], ["other.pth", "test", "-", "unreadable"]);
        assert!(rows[3][7].ends_with("(not its own)"));

        let json = json(&kept);
        assert_eq!(
            (&json[0]["of"], &json[0]["stage"], &json[0]["step"], &json[0]["split"]),
            (&json!("checkpoint"), &json!("prompt"), &json!(120), &json!("test"))
        );
        assert_eq!(
            (
                &json[0]["samples"],
                &json[0]["accuracy"],
                &json[0]["macro_f1"],
                &json[0]["own_data"]
            ),
            (&json!(96), &json!(0.75), &json!(0.375), &json!(true))
        );
        assert_eq!(
            (&json[1]["of"], &json[1]["evaluation"]),
            (&json!("frozen"), &json!(val))
        );
        assert_eq!(
            (&json[2]["accuracy"], &json[2]["prompt"]),
            (&Value::Null, &json!("a/other.pth"))
        );
    }
}
