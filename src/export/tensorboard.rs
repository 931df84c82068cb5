//! A session for TensorBoard: scalars of steps and evaluations, each with its time, the settings as hyperparameters, the panel's
//! pictures, and histograms of the confidences.

use std::collections::BTreeMap;
use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage, imageops::replace};
use serde_json::Value;

use super::event_file::{EventFile, Hyperparameter};
use super::maps::panel_row;
use super::times::Times;
use super::{ExportError, Source};
use crate::printable::printable;
use crate::session::{Evaluation, Event, Record, RunState, SampleSeen, Stage, StepPoint, read_results};

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
pub fn events(source: &Source) -> Result<Vec<u8>, ExportError> {
    let Source { name, state, times, .. } = source;
    let mut histories = state.stages.values();
    if histories.all(|history| history.steps.is_empty() && history.evaluations.is_empty()) {
        return Err(ExportError::Nothing(
            "the session has no step yet, so there is nothing to export to TensorBoard".to_owned(),
        ));
    }
    let mut file = EventFile::begin(times.started);
    file.text(times.started, "masp", &about(name, state));
    file.hyperparameters(times.started, &printable(name), &hyperparameters(state));
    for (&stage, history) in &state.stages {
        for step in &history.steps {
            add_step(&mut file, source, stage, step);
        }
        for seen in &history.evaluations {
            add_evaluation(&mut file, source, seen);
        }
    }
    for look in state.panel.values().flatten() {
        add_look(&mut file, source, look);
    }
    Ok(file.into_bytes())
}

/// Adds one of the journal's new records, which the source has already taken, to a file that holds the earlier ones.
pub fn add_record(file: &mut EventFile, source: &Source, record: &Record) {
    match &record.event {
        Event::Step(step) => {
            let history = source.state.history(step.stage);
            if let Some(point) = history.and_then(|history| history.steps.last()) {
                add_step(file, source, step.stage, point);
            }
        }
        Event::Evaluation(seen) => add_evaluation(file, source, seen),
        Event::Sample(look) => add_look(file, source, look),
        // TensorBoard drops what an earlier process wrote of later steps.
        Event::Resumed(resumed) => file.restarted(record.time, resumed.from_step.saturating_add(1)),
        _ => {}
    }
}

fn add_step(file: &mut EventFile, source: &Source, stage: Stage, step: &StepPoint) {
    file.scalars(source.times.of_step(stage, step.step), step.step, &of_step(stage, step));
}

fn add_evaluation(file: &mut EventFile, source: &Source, seen: &Evaluation) {
    let metrics = &seen.metrics;
    let history = source.state.history(seen.stage);
    let usual = history.and_then(|history| history.alike().0.first().map(|usual| usual.kind() == seen.kind()));
    let curve = match usual {
        Some(false) => format!("{}-{}", metrics.split, metrics.samples),
        _ => metrics.split.clone(),
    };
    let time = source.times.of_evaluation(seen);
    file.scalars(time, seen.step, &of_evaluation(seen, &curve));
    let confidences = confidences(source, seen);
    if !confidences.is_empty() {
        let tag = format!("{}/{}/confidence", seen.stage.name(), printable(&curve));
        file.histogram(time, seen.step, &tag, &confidences);
    }
}

/// What cannot be read is left out; the rest of the file is still useful.
fn add_look(file: &mut EventFile, source: &Source, look: &SampleSeen) {
    let Some((png, size)) = panel_picture(source, look) else {
        return;
    };
    let tag = format!("panel/{}/{} {}", look.stage.name(), look.slot, printable(&look.gold));
    file.picture(
        source.times.of_step(look.stage, look.step),
        look.step,
        &tag,
        (size, &png),
    );
}

/// The settings that a session recorded, by their keys.
fn hyperparameters(state: &RunState) -> BTreeMap<String, Hyperparameter> {
    let mut found = BTreeMap::new();
    let Some(session) = &state.session else { return found };
    flatten(&session.settings, "", &mut found);
    found.insert(
        "model".to_owned(),
        Hyperparameter::Text(printable(&session.model).into_owned()),
    );
    found.insert(
        "data".to_owned(),
        Hyperparameter::Text(printable(&session.data).into_owned()),
    );
    found
}

fn flatten(value: &Value, key: &str, found: &mut BTreeMap<String, Hyperparameter>) {
    let leaf = match value {
        Value::Object(keys) => {
            for (name, value) in keys {
                let name = printable(name);
                let key = if key.is_empty() {
                    name.into_owned()
                } else {
                    format!("{key}.{name}")
                };
                flatten(value, &key, found);
            }
            return;
        }
        Value::Null => return,
        Value::Bool(is) => Hyperparameter::Switch(*is),
        Value::Number(number) => Hyperparameter::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Hyperparameter::Text(printable(text).into_owned()),
        list @ Value::Array(_) => Hyperparameter::Text(printable(&list.to_string()).into_owned()),
    };
    found.insert(key.to_owned(), leaf);
}

/// The most likely labels' probabilities in an evaluation whose predictions are kept.
fn confidences(source: &Source, seen: &Evaluation) -> Vec<f64> {
    let path = seen.predictions.as_ref().and_then(|file| source.inside(file).ok());
    let rows = path.and_then(|path| read_results(&path).ok()).unwrap_or_default();
    let confidences = rows.iter().map(|row| row.confidence());
    confidences.filter(|confidence| confidence.is_finite()).collect()
}

/// A panel image and its maps in a row, as a PNG with its width and height.
fn panel_picture(source: &Source, look: &SampleSeen) -> Option<(Vec<u8>, (u32, u32))> {
    /// Seven of them beside one another fit on a screen, and a file holds many.
    const SIDE: u32 = 112;
    const GAP: u32 = 6;
    let row = panel_row(source, look, &source.prediction(look).ok()?, SIDE).ok()?;
    let (width, height) = row.picture.dimensions();
    let tiles = std::iter::once(Some(&row.picture)).chain(row.maps.iter().map(|map| Some(&map.as_ref()?.0)));
    let tiles: Vec<&RgbImage> = tiles.flatten().collect();
    let mut sheet = RgbImage::from_pixel(tiles.len() as u32 * (width + GAP) - GAP, height, Rgb([255; 3]));
    for (tile, place) in tiles.into_iter().zip(0_i64..) {
        replace(&mut sheet, tile, place * i64::from(width + GAP), 0);
    }
    let mut png = Cursor::new(Vec::new());
    sheet.write_to(&mut png, ImageFormat::Png).ok()?;
    Some((png.into_inner(), sheet.dimensions()))
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
