//! A made-up evaluation on disk, and a made-up model that answers questions about its images.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, unbounded};
use indexmap::IndexMap;

use super::made_up::{self, CLASSES, noise, picture, prediction};
use crate::{
    data::View,
    session::{
        Answer, Command, Effects, Event, Faithfulness, Found, ImageResult, JournalWriter, Origin, Phase, Prediction,
        Record, Request, SessionFolder, SessionState, SessionSummary, Stage, Study, write_results,
    },
    tui::{Field, Host},
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
    made_up::records(6).remove(0).event
}

/// A finished session on disk, with the predictions of its last evaluation; `other` turns some of them.
pub fn session(root: &Path, name: &str, rows: usize, other: bool) -> SessionFolder {
    let folder = SessionFolder::create(root, name).unwrap();
    made_up::write_samples(folder.path()).unwrap();
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
    for record in made_up::records(600) {
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
        started: Some(1.7e9 - 3600.0 * n as f64),
        duration: 152.0 + n as f64,
        problem: (states[n % states.len()] == SessionState::Failed).then(|| "the disk is full".into()),
        note: if n == 3 { "#keep".into() } else { String::new() },
        settings: serde_json::json!({
            "train": { "seed": 3407, "prompt": { "learning_rate": if n == 1 { 3e-3 } else { 3e-2 } } },
            "aspects": { "views": if n == 2 { vec!["scene"] } else { vec!["scene", "object"] } },
        }),
        spark: (0..24)
            .map(|step| (-f64::from(step) / 8.0).exp() + 0.1 * noise(n as u64, step as u64 + 30))
            .collect(),
    };
    (0..count).map(summary).collect()
}

/// Opens [`answer`] as a model.
#[derive(Debug, Default)]
pub struct MadeUpHost {
    /// The folder of all sessions.
    pub root: PathBuf,
}

impl Host for MadeUpHost {
    fn study(&mut self, session: &Path, step: Option<u64>) -> Result<Study, String> {
        let other = session.ends_with("b");
        let ((commands, asked), (said, records)) = (unbounded(), unbounded());
        std::thread::spawn(move || {
            let say = |event| {
                let record = Record {
                    seq: 0,
                    time: 1.7e9,
                    event,
                };
                said.send(record).is_ok()
            };
            for name in ["loading weights", "ready"] {
                say(Event::Phase(Phase {
                    name: name.to_owned(),
                    stage: None,
                }));
            }
            for command in asked {
                let Command::Ask(request) = command else { continue };
                if !say(Event::Answer(Box::new(answer(request, other, step.unwrap_or(600))))) {
                    return;
                }
            }
        });
        Ok(Study { commands, records })
    }

    fn remove(&mut self, session: &Path) -> Result<(), String> {
        std::fs::remove_dir_all(session).map_err(|error| error.to_string())
    }

    fn export(&mut self, session: &Path, to: &Path) -> Result<Receiver<Result<PathBuf, String>>, String> {
        let (tell, told) = unbounded();
        tell.send(Ok(session.with_file_name(to))).unwrap();
        Ok(told)
    }

    fn export_rows(
        &mut self,
        rows: Vec<ImageResult>,
        _origin: Origin,
        to: &Path,
    ) -> Result<Receiver<Result<PathBuf, String>>, String> {
        let (tell, told) = unbounded();
        tell.send(Ok(PathBuf::from(format!("/{} rows to {}", rows.len(), to.display()))))
            .unwrap();
        Ok(told)
    }

    fn new_run(&mut self) -> Result<Vec<Field>, String> {
        let field = |name, value: &str, empty, choices| Field {
            name,
            value: value.to_owned(),
            empty,
            choices,
        };
        Ok(vec![
            field("session", "", "named by the date", &[]),
            field("data folder", "sets/a", "", &[]),
            field("stage", "both", "", &["both", "aspects", "prompt"]),
            field("rate, stage 1", "1e-5", "", &[]),
        ])
    }

    /// No rate but a number above 0; no session but what can be one's name.
    fn check_run(&mut self, values: &[String]) -> Vec<Option<String>> {
        let rate = values[3].parse().is_ok_and(|rate: f64| rate > 0.0);
        let name = values[0].is_empty() || values[0].chars().all(char::is_alphanumeric);
        vec![
            (!name)
                .then(|| "use letters and digits alone; this sentence goes on for longer than its place is".to_owned()),
            None,
            None,
            (!rate).then(|| "a number above 0".to_owned()),
        ]
    }

    /// The run has done all in an instant; one called `late` never begins.
    fn start_run(&mut self, values: &[String]) -> Result<Receiver<Result<PathBuf, String>>, String> {
        let (say, started) = unbounded();
        say.send(match values[0].as_str() {
            "late" => Err("the data folder does not exist".to_owned()),
            name => Ok(session(&self.root, name, 20, false).path().to_owned()),
        })
        .map_err(|error| error.to_string())?;
        Ok(started)
    }
}

/// What is muted or blanked takes from the class `awe`; the `other` model looks elsewhere and says so.
fn answer(request: Request, other: bool, step: u64) -> Answer {
    let found = match &request {
        Request::Predict { image, muted, blanked } => {
            let mut said = Prediction {
                image: image.clone(),
                ..prediction(Stage::Prompt, if other { 1 } else { 4 }, 1)
            };
            let lost = 0.1 * (muted.len() + blanked.len()) as f64;
            if let Some(p) = said.probabilities.get_mut("awe") {
                *p = (*p - lost).max(0.0);
            }
            Found::Prediction(Box::new(said))
        }
        Request::Question { question, .. } => Found::Text(format!("you asked: {question}")),
        Request::Effects { .. } => Found::Effects(Effects {
            class: "awe".into(),
            whole: 0.724,
            without: View::ALL
                .into_iter()
                .zip([0.72, 0.31, 0.7, 0.729, 0.724, f64::NAN])
                .collect(),
            without_all: 0.2,
        }),
        Request::Faithfulness { .. } => {
            let line = |from: f64, to: f64| (0..11).map(|n| from + (to - from) * f64::from(n) / 10.0).collect();
            Found::Faithfulness(Faithfulness {
                class: "awe".into(),
                shares: line(0.0, 1.0),
                deletion: line(0.9, 0.1),
                insertion: line(0.2, 0.95),
                random_deletion: line(0.95, 0.3),
                random_insertion: line(0.1, 0.9),
            })
        }
    };
    Answer {
        stage: Stage::Prompt,
        step,
        request,
        found,
    }
}
