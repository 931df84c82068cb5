//! An evaluation's predictions as a table.
//!
//! A CSV file is data for pandas, R or a script: each cell holds exactly what the session holds. A cell that begins with `=`,
//! `+`, `-` or `@` gets no prefix (a model may answer `=1+1`, and a number may be negative), because a prefix would change the
//! data. A spreadsheet takes such a cell for a formula, so import the columns as text there.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::json;

use super::cells::{csv, number};
use super::rationales::Rationale;
use crate::data::View;
use crate::session::{ImageResult, Origin};

/// One row per image: its id and gold label, the prediction, each class's probability, the annotation, each class's
/// log-likelihood, the rationale. Each row also says whose answers they are, because the table may be read without its
/// session. `rationales` are those that other records of the session hold, by image.
#[must_use]
pub fn predictions_csv(rows: &[ImageResult], origin: &Origin, rationales: &HashMap<String, Rationale>) -> String {
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
    head.extend(labels.iter().map(|label| format!("ll_{label}")));
    head.extend(["rationale", "rationale_from"].map(str::to_owned));
    let step = origin.step.map(|step| step.to_string()).unwrap_or_default();
    let origin = [&origin.session, &origin.stage, &step, &origin.split, &origin.data].map(String::clone);
    let mut table = vec![head];
    for row in rows {
        let said = &row.prediction;
        let mut line = vec![
            said.image.clone(),
            row.gold.clone(),
            said.prediction.clone(),
            u8::from(row.is_right()).to_string(),
            number(row.confidence()),
            number(row.margin()),
            number(row.loss),
            said.generated.clone(),
        ];
        let p = |label: &String| said.probabilities.get(label).copied().unwrap_or(f64::NAN);
        line.extend(labels.iter().map(|label| number(p(label))));
        line.extend(View::ALL.map(|view| row.annotation.get(&view).cloned().unwrap_or_default()));
        line.extend(origin.clone());
        let ll = |label: &String| said.log_likelihoods.get(label).copied().unwrap_or(f64::NAN);
        line.extend(labels.iter().map(|label| number(ll(label))));
        let (text, from) = rationale(row, rationales);
        line.extend([text.to_owned(), from.to_owned()]);
        table.push(line);
    }
    csv(table)
}

/// The rows as the session keeps them; each also says whose answers they are, and where its rationale comes from.
#[must_use]
pub fn predictions_jsonl(rows: &[ImageResult], origin: &Origin, rationales: &HashMap<String, Rationale>) -> String {
    #[derive(Serialize)]
    struct Row<'a> {
        #[serde(flatten)]
        result: &'a ImageResult,
        #[serde(flatten)]
        origin: &'a Origin,
    }
    let lines = rows.iter().map(|result| {
        let mut line = json!(Row { result, origin });
        let (text, from) = rationale(result, rationales);
        if !text.is_empty() {
            line["rationale"] = text.into();
            line["rationale_from"] = from.into();
        }
        line.to_string() + "\n"
    });
    lines.collect()
}

/// A row's rationale and where it comes from; both empty where there is none.
fn rationale<'a>(row: &'a ImageResult, others: &'a HashMap<String, Rationale>) -> (&'a str, &'a str) {
    if !row.prediction.rationale.is_empty() {
        return (&row.prediction.rationale, "evaluation");
    }
    let other = others.get(&row.prediction.image);
    other.map_or(("", ""), |found| (&found.text, &found.from))
}
