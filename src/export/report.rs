//! A self-contained HTML page about a session.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{ExportError, Source, curves_svg, escape::escaped, maps_png};
use crate::{
    figures::{calibration, percent},
    session::{Evaluated, LaterEvaluation, Metrics, Stage, later_evaluations},
};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1e2128}\
table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.15rem .8rem;text-align:right;border-bottom:1px solid #d8dbe2}\
td:first-child,th:first-child{text-align:left}img,svg{max-width:100%;height:auto}pre{background:#f3f4f7;padding:1rem;overflow:auto}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}";

/// An HTML document with figures, curves, heatmaps and settings. Figures and heatmaps are those of `step`, if one is named.
///
/// # Errors
/// Where the session holds no step, or nothing of the one named.
pub fn report_html(source: &Source, step: Option<u64>) -> Result<String, ExportError> {
    let state = &source.state;
    let until = step.unwrap_or(u64::MAX);
    let own_data = state.session.as_ref().map_or("", |session| session.data.as_str());
    if step.is_some_and(|step| {
        !state
            .stages
            .values()
            .any(|history| (1..=history.last_step()).contains(&step))
    }) {
        return Err(ExportError::Nothing(format!(
            "the session {} has made no step {until}",
            source.name
        )));
    }
    let mut page = String::new();
    let name = escaped(&source.name);
    // Writing to a string does not fail.
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title><style>{STYLE}</style><h1>MASP session {name}</h1>"
    );
    if let Some(session) = &state.session {
        let rows = [
            ("program", session.program.clone()),
            ("model", session.model.clone()),
            ("data", format!("{} {}", session.dataname, session.data)),
            (
                "images in train, val, test",
                session.splits.map(|n| n.to_string()).join(", "),
            ),
            ("device", session.device.clone()),
        ];
        page += "<table>";
        for (name, value) in rows {
            let _ = write!(page, "<tr><td>{name}<td>{}", escaped(&value));
        }
        page += "</table>";
    }
    let curves = curves_svg(state)?;
    let _ = write!(page, "<h2>Loss</h2>{curves}");
    if let (Some(seen), _) = state.evaluations_until(Stage::Prompt, until) {
        figures(&mut page, &format!("Step {}", seen.step), &seen.metrics, own_data);
    }
    let mut later = later_evaluations(&source.folder).into_iter().rev();
    if let Some((of, metrics)) = later.find_map(|later| of_test(&later, step)) {
        figures(&mut page, &format!("Step {of}"), &metrics, own_data);
    }
    if let (Some(seen), _) = state.evaluations_until(Stage::Aspects, until) {
        let _ = write!(
            page,
            "<h2>Answers to the aspects' questions, step {}, {} images of {}, {}</h2><table>",
            seen.step,
            seen.metrics.samples,
            escaped(&seen.metrics.split),
            escaped(seen.metrics.data.as_deref().unwrap_or(own_data))
        );
        for (view, share) in &seen.aspect_accuracy {
            let _ = write!(page, "<tr><td>{view}<td>{}", percent(*share));
        }
        page += "</table>";
    }
    // A session without a panel has no maps; the rest of the page is still useful.
    if let Ok(png) = maps_png(source, step) {
        let _ = write!(
            page,
            "<h2>Where the aspects look</h2><p>Picture, facial expression, object, scene, action, brightness, colorfulness.</p>\
             <img alt=\"heatmaps\" src=\"data:image/png;base64,{}\">",
            STANDARD.encode(png)
        );
    }
    if !state.warnings.is_empty() {
        page += "<h2>Warnings</h2><ul>";
        for (_, warning) in &state.warnings {
            let step = warning.step.map(|step| format!("step {step}: ")).unwrap_or_default();
            let _ = write!(page, "<li>{step}{}", escaped(&warning.text));
        }
        page += "</ul>";
    }
    if let Some(session) = &state.session {
        let settings = serde_json::to_string_pretty(&session.settings).unwrap_or_default();
        let _ = write!(page, "<h2>Settings</h2><pre>{}</pre>", escaped(&settings));
    }
    page += "</html>\n";
    Ok(page)
}

/// The figures of `masp eval` on the session's own test split, of a step where one is named, with the step.
fn of_test(later: &LaterEvaluation, step: Option<u64>) -> Option<(u64, Metrics)> {
    let Some(Evaluated::Checkpoint {
        stage: Stage::Prompt,
        step: of,
    }) = later.note.as_ref().map(|n| &n.evaluated)
    else {
        return None;
    };
    let wanted = later.split == "test" && later.is_own() && step.is_none_or(|step| step == *of);
    wanted.then(|| Some((*of, later.metrics()?))).flatten()
}

fn figures(page: &mut String, of: &str, metrics: &Metrics, own_data: &str) {
    let _ = write!(
        page,
        "<h2>{of}, {} images of {}, {}</h2><table><tr><td>accuracy<td>{}<tr><td>accuracy, generated<td>{}\
         <tr><td>macro-F1<td>{}<tr><td>ECE<td>{}</table><table><tr><th>class<th>recall<th>precision<th>F1<th>images",
        metrics.samples,
        escaped(&metrics.split),
        escaped(metrics.data.as_deref().unwrap_or(own_data)),
        percent(metrics.accuracy),
        percent(metrics.accuracy_generated),
        percent(metrics.macro_f1),
        calibration(metrics.ece)
    );
    let classes = metrics.per_class.keys();
    for (label, class) in classes.filter_map(|label| Some((label, metrics.class(label)?))) {
        let _ = write!(
            page,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}",
            escaped(label),
            percent(class.recall),
            percent(class.precision),
            percent(class.f1),
            class.support
        );
    }
    *page += "</table>";
}
