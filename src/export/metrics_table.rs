//! Every step and every evaluation of a session as a table.

use std::path::Path;

use indexmap::IndexSet;
use serde_json::json;

use super::Source;
use super::cells::{csv, number};
use crate::data::View;
use crate::session::{Evaluation, Metrics, Origin, Stage, StepPoint, later_evaluations};

/// The columns before those of the aspects and the classes. New ones are added behind, so that scripts which count columns
/// go on working.
const HEAD: [&str; 26] = [
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
    "evaluation",
    "time",
    "work_s",
    "evaluation_time",
    "accuracy_generated",
    "brier",
    "polarity_accuracy",
    "wheel_distance",
    "images_per_s",
    "generated_images_per_s",
    "aspect_accuracy",
];
/// The columns of each class.
const OF_CLASS: [&str; 4] = ["recall", "precision", "f1", "support"];

/// One row per step, with the evaluation made after it, if there was one. Further evaluations (at step 0, a second one at a
/// step, those that `masp eval` kept) have rows of their own. A value that is not finite gives an empty cell.
#[must_use]
pub fn metrics_csv(source: &Source) -> String {
    let later = later(&source.folder);
    let table = Table {
        source,
        own_data: source.state.session.as_ref().map_or("", |session| &session.data),
        classes: classes(source, &later),
    };
    let mut rows = vec![table.head()];
    for (&stage, history) in &source.state.stages {
        let mut evaluations = history.evaluations.iter().peekable();
        for point in &history.steps {
            while let Some(seen) = evaluations.next_if(|seen| seen.step < point.step) {
                rows.push(table.row(stage, seen.step, None, Some(seen)));
            }
            let mut here = Vec::new();
            while let Some(seen) = evaluations.next_if(|seen| seen.step == point.step) {
                here.push(seen);
            }
            let last = here.pop();
            rows.extend(
                here.into_iter()
                    .map(|seen| table.row(stage, seen.step, None, Some(seen))),
            );
            rows.push(table.row(stage, point.step, Some(point), last));
        }
        rows.extend(evaluations.map(|seen| table.row(stage, seen.step, None, Some(seen))));
    }
    rows.extend(
        later
            .iter()
            .map(|(key, origin, metrics)| table.later(key, origin, metrics)),
    );
    csv(rows)
}

/// The same as JSON Lines: one line per step, and one per evaluation with the journal's keys. Lines of `masp eval`'s
/// evaluations also name their folder (`evaluation`).
#[must_use]
pub fn metrics_jsonl(source: &Source) -> String {
    let mut lines = String::new();
    let mut say = |value: serde_json::Value| {
        lines += &value.to_string();
        lines.push('\n');
    };
    let evaluation = |seen: &Evaluation| {
        let mut value = json!(seen);
        value["event"] = "evaluation".into();
        value["time"] = json!(source.times.of_evaluation(seen));
        value
    };
    for (&stage, history) in &source.state.stages {
        for seen in history.evaluations.iter().filter(|seen| seen.step == 0) {
            say(evaluation(seen));
        }
        for step in &history.steps {
            say(json!({
                "event": "step", "stage": stage, "step": step.step, "epoch": step.epoch, "loss": step.loss, "lr": step.lr,
                "grad_norm": step.grad_norm, "samples_per_s": step.samples_per_s, "cache_hits": step.cache_hits,
                "time": source.times.of_step(stage, step.step), "work_s": step.at,
            }));
            for seen in history.evaluations.iter().filter(|seen| seen.step == step.step) {
                say(evaluation(seen));
            }
        }
    }
    for (key, origin, metrics) in later(&source.folder) {
        let mut value = json!(metrics);
        value["event"] = "evaluation".into();
        value["evaluation"] = key.into();
        value["stage"] = origin.stage.into();
        value["step"] = json!(origin.step);
        value["data"] = origin.data.into();
        say(value);
    }
    lines
}

/// The evaluations that `masp eval` kept: folder, origin, figures. Those whose figures cannot be read are left out.
fn later(folder: &Path) -> Vec<(String, Origin, Metrics)> {
    let kept = later_evaluations(folder).into_iter();
    let read = kept.filter_map(|kept| {
        let note = kept.note.as_ref();
        let data = note.map_or("", |note| &note.data);
        let origin = Origin::new("", note.map(|note| &note.evaluated), &kept.split, data);
        Some((kept.name.clone(), origin, kept.metrics()?))
    });
    read.collect()
}

/// The classes of the session and of all its evaluations.
fn classes(source: &Source, later: &[(String, Origin, Metrics)]) -> IndexSet<String> {
    let of_session = source.state.session.iter().flat_map(|session| &session.classes);
    let histories = source.state.stages.values();
    let seen = histories.flat_map(|history| history.evaluations.iter().map(|seen| &seen.metrics));
    let seen = seen.chain(later.iter().map(|(.., metrics)| metrics));
    let seen = seen.flat_map(|metrics| metrics.per_class.keys());
    of_session.chain(seen).cloned().collect()
}

struct Table<'a> {
    source: &'a Source,
    own_data: &'a str,
    classes: IndexSet<String>,
}

impl Table<'_> {
    fn head(&self) -> Vec<String> {
        let mut head = HEAD.map(str::to_owned).to_vec();
        head.extend(View::ALL.map(|view| format!("answers_{view}")));
        let classes = self.classes.iter();
        head.extend(classes.flat_map(|label| OF_CLASS.map(|figure| format!("{figure}_{label}"))));
        head
    }

    fn row(&self, stage: Stage, step: u64, point: Option<&StepPoint>, seen: Option<&Evaluation>) -> Vec<String> {
        let of_point = |value: fn(&StepPoint) -> f64| point.map(|point| number(value(point))).unwrap_or_default();
        let time = point.map(|_| number(self.source.times.of_step(stage, step)));
        let first = [
            stage.name().to_owned(),
            step.to_string(),
            of_point(|point| point.epoch),
            of_point(|point| point.loss),
            of_point(|point| point.lr),
            of_point(|point| point.grad_norm),
            of_point(|point| point.samples_per_s),
            of_point(|point| point.cache_hits),
        ];
        let times = [
            time.unwrap_or_default(),
            of_point(|point| point.at),
            seen.map(|seen| number(self.source.times.of_evaluation(seen)))
                .unwrap_or_default(),
        ];
        let loss = seen.map_or(f64::NAN, |seen| seen.loss);
        let aspects = seen.map_or(&[][..], |seen| &seen.aspect_accuracy);
        let data = seen.map_or("", |seen| seen.metrics.data.as_deref().unwrap_or(self.own_data));
        self.whole(
            first,
            times,
            seen.map(|seen| &seen.metrics),
            (loss, aspects),
            (data, ""),
        )
    }

    fn later(&self, key: &str, origin: &Origin, metrics: &Metrics) -> Vec<String> {
        let step = origin.step.map(|step| step.to_string()).unwrap_or_default();
        let mut first = [const { String::new() }; 8];
        (first[0], first[1]) = (origin.stage.clone(), step);
        let data = if origin.data.is_empty() {
            metrics.data.as_deref().unwrap_or("")
        } else {
            &origin.data
        };
        let times = [const { String::new() }; 3];
        self.whole(first, times, Some(metrics), (f64::NAN, &[]), (data, key))
    }

    /// A row: the step's columns, the evaluation's, those of the aspects and of the classes.
    fn whole(
        &self,
        step: [String; 8],
        times: [String; 3],
        metrics: Option<&Metrics>,
        (loss, aspects): (f64, &[(View, f64)]),
        (data, key): (&str, &str),
    ) -> Vec<String> {
        let figure = |of: fn(&Metrics) -> f64| metrics.map(|metrics| number(of(metrics))).unwrap_or_default();
        let maybe = |of: fn(&Metrics) -> Option<f64>| number(metrics.and_then(of).unwrap_or(f64::NAN));
        let mut row = step.to_vec();
        row.extend([
            metrics.map(|metrics| metrics.split.clone()).unwrap_or_default(),
            number(loss),
            figure(|metrics| metrics.accuracy),
            figure(|metrics| metrics.macro_f1),
            figure(|metrics| metrics.ece),
            metrics.map(|metrics| metrics.samples.to_string()).unwrap_or_default(),
            data.to_owned(),
            key.to_owned(),
        ]);
        row.extend(times);
        let mean = aspects.iter().map(|(_, share)| share).sum::<f64>() / aspects.len() as f64;
        row.extend([
            figure(|metrics| metrics.accuracy_generated),
            figure(|metrics| metrics.brier),
            maybe(|metrics| metrics.polarity_accuracy),
            maybe(|metrics| metrics.wheel_distance),
            figure(|metrics| metrics.images_per_s),
            figure(|metrics| metrics.generated_images_per_s),
            number(mean),
        ]);
        row.extend(View::ALL.map(|view| {
            let share = aspects.iter().find(|(of, _)| *of == view);
            number(share.map_or(f64::NAN, |(_, share)| *share))
        }));
        for label in &self.classes {
            row.extend(match metrics.and_then(|metrics| metrics.class(label)) {
                Some(class) => [
                    number(class.recall),
                    number(class.precision),
                    number(class.f1),
                    class.support.to_string(),
                ],
                None => [const { String::new() }; 4],
            });
        }
        row
    }
}
