//! Steps, evaluations and predictions as tables.
//!
//! A CSV file is data for pandas, R or a script: each cell holds exactly what the session holds. A cell that begins with `=`,
//! `+`, `-` or `@` gets no prefix (a model may answer `=1+1`, and a number may be negative), because a prefix would change the
//! data. A spreadsheet takes such a cell for a formula, so import the columns as text there.

use serde::Serialize;
use serde_json::json;

use crate::data::View;
use crate::session::{ImageResult, Origin, RunState, Stage};

/// One row per step, with the evaluation made after it, if there was one. A value that is not finite gives an empty cell.
#[must_use]
pub fn metrics_csv(state: &RunState) -> String {
    let head = [
        "stage",
        "step",
        "epoch",
        "loss",
        "lr",
        "grad_norm",
        "samples_per_s",
        "cache_hits",
        "split",
        "val_loss",
        "accuracy",
        "macro_f1",
        "ece",
        "samples",
        "data",
    ];
    let own_data = state.session.as_ref().map_or("", |session| &session.data);
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (stage, history) in &state.stages {
        for step in &history.steps {
            let seen = history.evaluations.iter().rfind(|seen| seen.step == step.step);
            let of_prompt = seen.filter(|_| *stage == Stage::Prompt);
            let mut row = vec![stage.name().to_owned(), step.step.to_string()];
            row.extend(
                [
                    step.epoch,
                    step.loss,
                    step.lr,
                    step.grad_norm,
                    step.samples_per_s,
                    step.cache_hits,
                ]
                .map(number),
            );
            row.push(seen.map(|seen| seen.metrics.split.clone()).unwrap_or_default());
            row.push(seen.map(|seen| number(seen.loss)).unwrap_or_default());
            let figures = |figure: fn(&crate::session::Metrics) -> f64| {
                of_prompt.map(|seen| number(figure(&seen.metrics))).unwrap_or_default()
            };
            row.extend([figures(|m| m.accuracy), figures(|m| m.macro_f1), figures(|m| m.ece)]);
            row.push(seen.map(|seen| seen.metrics.samples.to_string()).unwrap_or_default());
            row.push(
                seen.map_or("", |seen| seen.metrics.data.as_deref().unwrap_or(own_data))
                    .to_owned(),
            );
            rows.push(row);
        }
    }
    csv(rows)
}

/// The same as JSON Lines: one line per step, and one per evaluation with the journal's keys.
#[must_use]
pub fn metrics_jsonl(state: &RunState) -> String {
    let mut lines = String::new();
    let mut say = |value: serde_json::Value| {
        lines += &value.to_string();
        lines.push('\n');
    };
    let evaluation = |seen: &crate::session::Evaluation| {
        let mut value = json!(seen);
        value["event"] = "evaluation".into();
        value
    };
    for (stage, history) in &state.stages {
        for seen in history.evaluations.iter().filter(|seen| seen.step == 0) {
            say(evaluation(seen));
        }
        for step in &history.steps {
            say(json!({
                "event": "step", "stage": stage, "step": step.step, "epoch": step.epoch, "loss": step.loss, "lr": step.lr,
                "grad_norm": step.grad_norm, "samples_per_s": step.samples_per_s, "cache_hits": step.cache_hits,
            }));
            for seen in history.evaluations.iter().filter(|seen| seen.step == step.step) {
                say(evaluation(seen));
            }
        }
    }
    lines
}

/// One row per image: its id and gold label, the prediction, each class's probability, the annotation. Each row also says
/// whose answers they are, because the table may be read without its session.
#[must_use]
pub fn predictions_csv(rows: &[ImageResult], origin: &Origin) -> String {
    let labels: Vec<String> = rows
        .first()
        .map(|row| row.prediction.probabilities.keys().cloned().collect())
        .unwrap_or_default();
    let mut head: Vec<String> = [
        "image",
        "gold",
        "prediction",
        "right",
        "confidence",
        "margin",
        "loss",
        "generated",
    ]
    .map(str::to_owned)
    .to_vec();
    head.extend(labels.iter().map(|label| format!("p_{label}")));
    head.extend(View::ALL.map(|view| view.name().to_owned()));
    head.extend(["session", "stage", "step", "split", "data"].map(str::to_owned));
    let step = origin.step.map(|step| step.to_string()).unwrap_or_default();
    let origin = [&origin.session, &origin.stage, &step, &origin.split, &origin.data].map(String::clone);
    let mut table = vec![head];
    for row in rows {
        let mut line = vec![
            row.prediction.image.clone(),
            row.gold.clone(),
            row.prediction.prediction.clone(),
            u8::from(row.is_right()).to_string(),
            number(row.confidence()),
            number(row.margin()),
            number(row.loss),
            row.prediction.generated.clone(),
        ];
        let p = |label: &String| row.prediction.probabilities.get(label).copied().unwrap_or(f64::NAN);
        line.extend(labels.iter().map(|label| number(p(label))));
        line.extend(View::ALL.map(|view| row.annotation.get(&view).cloned().unwrap_or_default()));
        line.extend(origin.clone());
        table.push(line);
    }
    csv(table)
}

/// The rows as the session keeps them; each also says whose answers they are.
#[must_use]
pub fn predictions_jsonl(rows: &[ImageResult], origin: &Origin) -> String {
    #[derive(Serialize)]
    struct Row<'a> {
        #[serde(flatten)]
        result: &'a ImageResult,
        #[serde(flatten)]
        origin: &'a Origin,
    }
    let lines = rows
        .iter()
        .map(|result| json!(Row { result, origin }).to_string() + "\n");
    lines.collect()
}

fn number(value: f64) -> String {
    if value.is_finite() {
        // The loss of an answer with probability 1 is -0.0; adding 0.0 drops the sign.
        (value + 0.0).to_string()
    } else {
        String::new()
    }
}

fn csv(rows: Vec<Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Writing to memory does not fail, and all rows have the same length.
        let _ = writer.write_record(row);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
