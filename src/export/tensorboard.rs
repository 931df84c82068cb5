//! A session's scalars for TensorBoard: steps and evaluations, each with its time.

use std::collections::HashMap;

use super::{ExportError, event_file::EventFile};
use crate::printable::printable;
use crate::session::{Evaluation, Event, Record, RunState, Stage, StepPoint};

/// The times of steps and evaluations, in seconds since 1970. A step or evaluation that a resumed run repeated has its last
/// time.
#[derive(Debug, Default)]
pub struct Times {
    steps: HashMap<(Stage, u64), f64>,
    evaluations: HashMap<(Stage, u64, String, usize), f64>,
    started: f64,
}

impl Times {
    /// Notes the time of one of the journal's records.
    pub fn take(&mut self, record: &Record) {
        match &record.event {
            Event::Session(_) => self.started = record.time,
            Event::Step(step) => _ = self.steps.insert((step.stage, step.step), record.time),
            Event::Evaluation(seen) => _ = self.evaluations.insert(key(seen), record.time),
            _ => {}
        }
    }

    fn of_step(&self, stage: Stage, step: u64) -> f64 {
        self.steps.get(&(stage, step)).copied().unwrap_or(self.started)
    }

    fn of_evaluation(&self, seen: &Evaluation) -> f64 {
        self.evaluations.get(&key(seen)).copied().unwrap_or(self.started)
    }
}

fn key(seen: &Evaluation) -> (Stage, u64, String, usize) {
    let metrics = &seen.metrics;
    (seen.stage, seen.step, metrics.split.clone(), metrics.samples)
}

/// The event file's name. It is the same for every export of a session, so that a later export replaces an earlier one;
/// TensorBoard would show both otherwise.
pub fn file_name(times: &Times) -> String {
    format!("events.out.tfevents.{:010}.masp", times.started.max(0.0) as u64)
}

/// The event file. Tags are `<stage>/<metric>` for steps and `<stage>/<split>/<metric>` for evaluations. Evaluations on other
/// images than most do not belong to that curve, so their tags are `<stage>/<split>-<images>/<metric>`. The text `masp` names
/// the session, the dataset and the steps.
///
/// # Errors
/// There is neither a step nor an evaluation.
pub fn events(name: &str, state: &RunState, times: &Times) -> Result<Vec<u8>, ExportError> {
    let mut histories = state.stages.values();
    if histories.all(|history| history.steps.is_empty() && history.evaluations.is_empty()) {
        return Err(ExportError::Nothing(
            "the session has no step yet, so there is nothing to export to TensorBoard".to_owned(),
        ));
    }
    let mut file = EventFile::begin(times.started);
    file.text(times.started, "masp", &about(name, state));
    for (&stage, history) in &state.stages {
        for step in &history.steps {
            file.scalars(times.of_step(stage, step.step), step.step, &of_step(stage, step));
        }
        let (alike, others) = history.alike();
        let alike = alike.into_iter().map(|seen| (seen, seen.metrics.split.clone()));
        let others = others.into_iter().map(|seen| {
            let metrics = &seen.metrics;
            (seen, format!("{}-{}", metrics.split, metrics.samples))
        });
        for (seen, curve) in alike.chain(others) {
            file.scalars(times.of_evaluation(seen), seen.step, &of_evaluation(seen, &curve));
        }
    }
    Ok(file.into_bytes())
}

/// A Markdown table: session, model, dataset, images of each split, steps of each stage, what was evaluated on what.
fn about(name: &str, state: &RunState) -> String {
    let cell = |text: &str| printable(text).replace('|', "\\|");
    let mut rows = vec![("session".to_owned(), cell(name))];
    if let Some(session) = &state.session {
        let [train, val, test] = session.splits;
        rows.extend(
            [
                ("program", session.program.clone()),
                ("model", session.model.clone()),
                ("dataset", format!("{} {}", session.dataname, session.data)),
                ("images", format!("train {train}, val {val}, test {test}")),
            ]
            .map(|(head, text)| (head.to_owned(), cell(&text))),
        );
    }
    for (stage, history) in &state.stages {
        rows.push((
            format!("stage {}", stage.name()),
            format!("to step {}", history.last_step()),
        ));
        let mut kinds: Vec<String> = Vec::new();
        for seen in &history.evaluations {
            let metrics = &seen.metrics;
            let data = metrics
                .data
                .as_deref()
                .map_or(String::new(), |data| format!(" of {data}"));
            let kind = format!("{} images of {}{data}", metrics.samples, metrics.split);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        rows.extend(
            kinds
                .iter()
                .map(|kind| (format!("evaluated, {}", stage.name()), cell(kind))),
        );
    }
    let rows: Vec<String> = rows
        .into_iter()
        .map(|(head, text)| format!("| {head} | {text} |"))
        .collect();
    format!("| | |\n| --- | --- |\n{}\n", rows.join("\n"))
}

fn of_step(stage: Stage, step: &StepPoint) -> Vec<(String, f64)> {
    let values = [
        ("loss", step.loss),
        ("lr", step.lr),
        ("grad_norm", step.grad_norm),
        ("samples_per_s", step.samples_per_s),
        ("cache_hits", step.cache_hits),
        ("epoch", step.epoch),
    ];
    // Older journals do not record cache hits.
    let known = |(name, value): &(&str, f64)| *name != "cache_hits" || value.is_finite();
    values
        .into_iter()
        .filter(known)
        .map(|(name, value)| (format!("{}/{name}", stage.name()), value))
        .collect()
}

/// Stage 1's evaluations have the accuracy of each aspect, stage 2's the figures of a classifier.
fn of_evaluation(seen: &Evaluation, curve: &str) -> Vec<(String, f64)> {
    let metrics = &seen.metrics;
    let mut values = vec![("loss".to_owned(), seen.loss)];
    let aspects = seen.aspect_accuracy.iter();
    values.extend(aspects.map(|(view, accuracy)| (format!("accuracy/{view}"), *accuracy)));
    if seen.stage == Stage::Prompt {
        let figures = [
            ("accuracy", Some(metrics.accuracy)),
            ("accuracy_generated", Some(metrics.accuracy_generated)),
            ("macro_f1", Some(metrics.macro_f1)),
            ("ece", Some(metrics.ece)),
            ("brier", Some(metrics.brier)),
            ("polarity_accuracy", metrics.polarity_accuracy),
            ("wheel_distance", metrics.wheel_distance),
        ];
        let figures = figures.into_iter();
        values.extend(figures.filter_map(|(name, value)| Some((name.to_owned(), value?))));
        // A class without images has no recall.
        let classes = metrics.per_class.iter().filter(|(_, class)| class.support > 0);
        values.extend(classes.map(|(label, class)| (format!("recall/{}", printable(label)), class.recall)));
    }
    let tag = |name: &str| format!("{}/{}/{name}", seen.stage.name(), printable(curve));
    values.into_iter().map(|(name, value)| (tag(&name), value)).collect()
}
