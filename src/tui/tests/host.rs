//! A host for tests, with a made-up model that answers requests about the made-up images.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, unbounded};

use crate::{
    data::View,
    made_up::{evaluated::session, prediction},
    session::{
        Answer, Command, Effects, Event, Faithfulness, Found, ImageResult, Origin, Phase, Prediction, Record, Request,
        Stage, Study,
    },
    tui::{Completes, ENTER_REPLACES, Field, Host},
};

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
                let record = Record::new(0, 1.7e9, event);
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

    fn export(
        &mut self,
        session: &Path,
        to: &Path,
        replace: bool,
    ) -> Result<Receiver<Result<PathBuf, String>>, String> {
        if to == Path::new("there.html") && !replace {
            return Err(format!("there.html exists; {ENTER_REPLACES}"));
        }
        let (tell, told) = unbounded();
        tell.send(Ok(session.with_file_name(to))).unwrap();
        Ok(told)
    }

    fn export_rows(
        &mut self,
        rows: Vec<ImageResult>,
        _origin: Origin,
        to: &Path,
        _replace: bool,
    ) -> Result<Receiver<Result<PathBuf, String>>, String> {
        let (tell, told) = unbounded();
        tell.send(Ok(PathBuf::from(format!("/{} rows to {}", rows.len(), to.display()))))
            .unwrap();
        Ok(told)
    }

    fn new_run(&mut self, like: Option<&Path>) -> Result<Vec<Field>, String> {
        let field = |name, value: &str, empty, choices| Field {
            name,
            value: value.to_owned(),
            empty,
            choices,
            completes: if name == "data folder" {
                Completes::Path
            } else {
                Completes::Nothing
            },
        };
        Ok(vec![
            field("session", "", "named by the date", &[]),
            field("data folder", "sets/a", "", &[]),
            field("stage", "both", "", &["both", "aspects", "prompt"]),
            field("rate, stage 1", if like.is_some() { "3e-2" } else { "1e-5" }, "", &[]),
        ])
    }

    /// Accepts a number above 0 as the rate, and a valid name as the session.
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

    /// The run is done at once; one called `late` never begins.
    fn start_run(&mut self, values: &[String]) -> Result<Receiver<Result<PathBuf, String>>, String> {
        let (say, started) = unbounded();
        say.send(match values[0].as_str() {
            "late" => Err("the data folder does not exist".to_owned()),
            name => Ok(session(&self.root, name, 20, false).path().to_owned()),
        })
        .map_err(|error| error.to_string())?;
        Ok(started)
    }

    /// The run is at work again at once.
    fn resume(&mut self, session: &Path) -> Result<Receiver<Result<PathBuf, String>>, String> {
        let (say, started) = unbounded();
        say.send(Ok(session.to_owned())).map_err(|error| error.to_string())?;
        Ok(started)
    }
}

/// Muting or blanking lowers the probability of `awe`. The `other` model has other maps and another rationale.
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
