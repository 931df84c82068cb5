//! A made-up evaluation and a made-up finished session on disk.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::{CLASSES, noise, picture};
use crate::{
    data::View,
    session::{
        Event, ImageResult, JournalWriter, Prediction, SessionFolder, SessionState, SessionSummary, Stage,
        write_results,
    },
};

const SCENES: [&str; 4] = ["beach", "street", "meadow", "kitchen"];
const FACES: [&str; 3] = ["smile", "frown", "fear"];

/// Rows of an evaluation; about two thirds are right.
pub fn results(count: usize) -> Vec<ImageResult> {
    (0..count).map(result).collect()
}

fn result(n: usize) -> ImageResult {
    let seed = n as u64;
    let gold = n % CLASSES.len();
    let said = if noise(seed, 11) > 0.3 {
        (gold + 1 + n % 3) % CLASSES.len()
    } else {
        gold
    };
    let sure = 0.3 + 0.32 * (1.0 + noise(seed, 12));
    let rest = (1.0 - sure) / (CLASSES.len() - 1) as f64;
    let probabilities: IndexMap<String, f64> = (CLASSES.iter().enumerate())
        .map(|(class, label)| ((*label).to_owned(), if class == said { sure } else { rest }))
        .collect();
    ImageResult {
        loss: -probabilities[gold].ln(),
        prediction: Prediction {
            image: format!("image/{}/{}_{n:05}.png", CLASSES[gold], CLASSES[gold]),
            prediction: CLASSES[said].to_owned(),
            log_likelihoods: probabilities.iter().map(|(label, p)| (label.clone(), p.ln())).collect(),
            probabilities,
            generated: CLASSES[said].to_owned(),
            rationale: String::new(),
            aspects: IndexMap::new(),
        },
        gold: CLASSES[gold].to_owned(),
        annotation: IndexMap::from_iter([
            (View::FacialExpression, FACES[n % 3].to_owned()),
            (View::Scene, SCENES[n / 3 % 4].to_owned()),
        ]),
    }
}

/// Writes the predictions to `file`, and some of their images under `data`.
pub fn write(file: &Path, data: &Path, count: usize) {
    let rows = results(count);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    write_results(file, rows.iter()).unwrap();
    for (n, row) in rows.iter().enumerate().take(24) {
        let path = data.join(&row.prediction.image);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture(n).save(path).unwrap();
    }
}

/// The first event of a session.
pub fn start() -> Event {
    super::records(6).remove(0).event
}

/// A finished session on disk, with the predictions of its last evaluation; `other` changes some of them.
pub fn session(root: &Path, name: &str, rows: usize, other: bool) -> SessionFolder {
    let folder = SessionFolder::create(root, name).unwrap();
    super::write_samples(folder.path()).unwrap();
    let mut results = results(rows);
    if other {
        for (n, row) in results.iter_mut().enumerate().filter(|(n, _)| n % 5 == 0) {
            let said = if n % 10 == 0 {
                row.gold.clone()
            } else {
                CLASSES[(n + 3) % CLASSES.len()].to_owned()
            };
            for (label, p) in &mut row.prediction.probabilities {
                *p = if *label == said { 0.65 } else { 0.05 };
            }
            row.prediction.prediction = said;
        }
    }
    let file = PathBuf::from("predictions/prompt-000600.jsonl");
    write_results(&folder.path().join(&file), results.iter()).unwrap();
    let data = root.join("data");
    write(&root.join("unused.jsonl"), &data, 24);
    let mut journal = JournalWriter::open(&folder.journal()).unwrap();
    for record in super::records(600) {
        let mut event = record.event;
        match &mut event {
            Event::Session(session) => {
                session.data = data.display().to_string();
                session.settings = serde_json::json!({"train": {"seed": u8::from(other), "epochs": 2}});
            }
            Event::Evaluation(seen) if seen.step == 600 && seen.aspect_accuracy.is_empty() => {
                seen.predictions = Some(file.clone());
            }
            _ => {}
        }
        journal.append(event).unwrap();
    }
    folder
}

/// Rows of a list of sessions, the latest start first.
pub fn summaries(count: usize) -> Vec<SessionSummary> {
    let states = [
        SessionState::Live,
        SessionState::Finished,
        SessionState::Stopped,
        SessionState::Finished,
        SessionState::Crashed,
        SessionState::Failed,
    ];
    let summary = |n: usize| SessionSummary {
        name: format!("run-{n}"),
        path: format!("/sessions/run-{n}").into(),
        state: states[n % states.len()],
        model: "assets/tiny".into(),
        data: "data/drawn".into(),
        dataname: "EmoSet".into(),
        device: "cpu".into(),
        stage: Some(Stage::Prompt),
        step: 60,
        planned: Some(120),
        steps: 180,
        best_accuracy: (n != 2).then(|| 0.8 + 0.1 * noise(n as u64, 21)),
        test_accuracy: (n % 2 == 1).then(|| 0.78 + 0.1 * noise(n as u64, 22)),
        samples_per_s: Some(40.0 + n as f64),
        memory: Some(180 << 20),
        started: Some(1.7e9 - 3600.0 * n as f64),
        duration: 152.0 + n as f64,
        problem: (states[n % states.len()] == SessionState::Failed).then(|| "the disk is full".into()),
        note: if n == 3 { "#keep".into() } else { String::new() },
        settings: serde_json::json!({
            "train": { "seed": 3407, "prompt": { "learning_rate": if n == 1 { 3e-3 } else { 3e-2 } } },
            "aspects": { "views": if n == 2 { vec!["scene"] } else { vec!["scene", "object"] } },
        }),
        best: None,
        test: None,
        spark: (0..24_u32)
            .map(|step| (-f64::from(step) / 8.0).exp() + 0.1 * noise(n as u64, u64::from(step) + 30))
            .collect(),
    };
    (0..count).map(summary).collect()
}
