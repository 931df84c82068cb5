//! A self-contained HTML page about a session.

use std::fmt::Write;

use super::evaluated_rows::{EvaluatedRows, frozen_on};
use super::evaluation_table::{by_class, figures};
use super::figures::{CurveMetric, FigureStyle};
use super::maps::{TILE, looks, panel_row};
use super::{ExportError, Source, escape::escaped, page, titled};
use crate::data::View;
use crate::figures::percent;
use crate::session::{Metrics, SampleSeen, Stage, kept_evaluations, rationale_mark};

/// An HTML document with figures, curves, heatmaps and settings. Figures and heatmaps are those of `step`, if one is named.
///
/// # Errors
/// Where the session holds no step, or nothing of the one named.
pub fn report_html(source: &Source, step: Option<u64>) -> Result<String, ExportError> {
    let state = &source.state;
    let until = step.unwrap_or(u64::MAX);
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
    let mut html = page::begin(&format!("MASP session {}", source.name));
    about(&mut html, source);
    html += "<h2>Curves</h2><div class=\"two\">";
    let loss = titled::curves(source, &[], &CurveMetric::Loss, FigureStyle::default())?;
    page::drawing(
        &mut html,
        &loss,
        "Loss of both stages: each step, its moving average, and on the validation images.",
    );
    if let Ok(accuracy) = titled::curves(source, &[], &CurveMetric::Accuracy, FigureStyle::default()) {
        let caption = "Share of right answers on the validation images; in stage 1 the mean over the aspects.";
        page::drawing(&mut html, &accuracy, caption);
    }
    html += "</div>";
    let shown = evaluations(source, step);
    for (place, evaluation) in shown.iter().enumerate() {
        evaluation.add(&mut html, source, place + 1 == shown.len());
    }
    answers(&mut html, source, until);
    samples(&mut html, source, step);
    if !state.warnings.is_empty() {
        html += "<h2>Warnings</h2><ul>";
        for (_, warning) in &state.warnings {
            let step = warning.step.map(|step| format!("step {step}: ")).unwrap_or_default();
            // Writing to a string does not fail.
            let _ = write!(html, "<li>{step}{}", escaped(&warning.text));
        }
        html += "</ul>";
    }
    if let Some(session) = &state.session {
        let settings = serde_json::to_string_pretty(&session.settings).unwrap_or_default();
        let _ = write!(html, "<h2>Settings</h2><pre>{}</pre>", escaped(&settings));
    }
    Ok(html + page::END)
}

fn about(html: &mut String, source: &Source) {
    let Some(session) = &source.state.session else { return };
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
    *html += "<table class=\"session\">";
    for (name, value) in rows {
        let _ = write!(html, "<tr><td>{name}<td>{}", escaped(&value));
    }
    *html += "</table>";
}

/// An evaluation on the page.
struct Shown {
    step: u64,
    data: String,
    metrics: Metrics,
    rows: Option<EvaluatedRows>,
}

/// The newest validation and the newest test of the session's own parameters, of a step where one is named.
fn evaluations(source: &Source, step: Option<u64>) -> Vec<Shown> {
    let own_data = source
        .state
        .session
        .as_ref()
        .map_or("", |session| session.data.as_str());
    let kept = kept_evaluations(&source.folder, &source.state);
    let mut shown = Vec::new();
    if let (Some(seen), _) = source.state.evaluations_until(Stage::Prompt, step.unwrap_or(u64::MAX)) {
        let of_run = kept
            .iter()
            .rfind(|kept| kept.step == Some(seen.step) && kept.split == seen.metrics.split);
        let rows = of_run.and_then(|kept| EvaluatedRows::read(source, kept).ok());
        shown.push(Shown {
            step: seen.step,
            data: seen.metrics.data.as_deref().unwrap_or(own_data).to_owned(),
            metrics: seen.metrics.clone(),
            // A file of other rows than those that the figures are of would show something else.
            rows: rows.filter(|rows| rows.rows.len() == seen.metrics.samples),
        });
    }
    let tests = kept
        .iter()
        .rev()
        .filter(|kept| kept.step.is_none() && kept.split == "test" && kept.is_own());
    let mut of_step = tests.filter(|kept| step.is_none() || kept.prompt == step);
    let newest = of_step.find_map(|kept| Some((kept.prompt?, EvaluatedRows::read(source, kept).ok()?)));
    if let Some((step, rows)) = newest {
        shown.push(Shown {
            step,
            data: rows.origin.data.clone(),
            metrics: rows.metrics(),
            rows: Some(rows),
        });
    }
    shown
}

impl Shown {
    /// Adds the evaluation's figures, with drawings where `whole`.
    fn add(&self, html: &mut String, source: &Source, whole: bool) {
        let Self {
            step,
            data,
            metrics,
            rows,
        } = self;
        let (split, samples) = (escaped(&metrics.split), metrics.samples);
        let _ = write!(
            html,
            "<h2>Step {step}, {samples} images of {split}, {}</h2>",
            escaped(data)
        );
        let frozen = frozen_on(source, &metrics.split);
        let of = rows.as_ref().map(EvaluatedRows::estimates);
        let caption = match (&of, &frozen) {
            (Some(_), Some(_)) => "Figures with 95 % bootstrap intervals, and those of the frozen model without MASP.",
            (Some(_), None) => "Figures with 95 % bootstrap intervals.",
            (None, Some(_)) => "Figures, and those of the frozen model without MASP.",
            (None, None) => "Figures.",
        };
        page::table(html, caption, &figures(metrics, of.as_ref(), frozen.as_ref()));
        page::table(
            html,
            "Classes; the recall's 95 % intervals are Wilson's.",
            &by_class(metrics),
        );
        let Some(rows) = rows.as_ref().filter(|_| whole) else {
            return;
        };
        let style = FigureStyle::default();
        *html += "<div class=\"two\">";
        let matrix = titled::confusion(rows, style);
        page::drawing(
            html,
            &matrix,
            "Which class (row) is taken for which (column), in per cent of the row.",
        );
        let caption = "How often the model is right where it is so confident; above the bars the number of images.";
        page::drawing(html, &titled::reliability(rows, style), caption);
        let caption = "Recall of each class with its 95 % interval; behind its name the number of images.";
        page::drawing(html, &titled::classes(rows, frozen.as_ref(), style), caption);
        *html += "</div>";
    }
}

/// Stage 1's answers to the aspects' questions.
fn answers(html: &mut String, source: &Source, until: u64) {
    let (Some(seen), _) = source.state.evaluations_until(Stage::Aspects, until) else {
        return;
    };
    let own_data = source
        .state
        .session
        .as_ref()
        .map_or("", |session| session.data.as_str());
    let _ = write!(
        html,
        "<h2>Answers to the aspects' questions, step {}, {} images of {}, {}</h2><table>",
        seen.step,
        seen.metrics.samples,
        escaped(&seen.metrics.split),
        escaped(seen.metrics.data.as_deref().unwrap_or(own_data))
    );
    for (view, share) in &seen.aspect_accuracy {
        let _ = write!(html, "<tr><td>{}<td>{}", spaced(*view), percent(*share));
    }
    *html += "</table>";
}

/// The panel's images. A session without a panel has none; the rest of the page is still useful.
fn samples(html: &mut String, source: &Source, step: Option<u64>) {
    let Ok(looks) = looks(source, step) else { return };
    let mut begun = false;
    for look in looks {
        let mut part = String::new();
        if sample(&mut part, source, look).is_err() {
            continue;
        }
        if !begun {
            *html += "<h2>Where the aspects look</h2><p>Each map is scaled to its own range: yellow is where the aspect looks most. \
                      Below it stands the aspect's own answer.</p>";
            begun = true;
        }
        *html += &part;
    }
}

fn sample(html: &mut String, source: &Source, look: &SampleSeen) -> Result<(), ExportError> {
    let said = source.prediction(look)?;
    let row = panel_row(source, look, &said, TILE)?;
    let at = format!("{}@{}", look.stage.name(), look.step);
    let class = if row.gold == row.said { "right" } else { "wrong" };
    let sure = said.probabilities.get(&said.prediction).copied().unwrap_or(f64::NAN);
    let _ = write!(
        html,
        "<section class=\"sample\"><h3>{}</h3><p>Gold: <b>{}</b>. {at} says: <b class=\"{class}\">{}</b>, {}; it writes: {}</p>",
        escaped(&look.image),
        escaped(&row.gold),
        escaped(&row.said),
        percent(sure),
        escaped(said.generated.trim())
    );
    if !said.rationale.is_empty() {
        let _ = write!(html, "<p>Rationale: {}", escaped(&said.rationale));
        if let Some(mark) = rationale_mark(&said) {
            let _ = write!(html, " <span class=\"wrong\">{}</span>", escaped(&mark));
        }
        *html += "</p>";
    }
    *html += "<div class=\"maps\">";
    let alt = format!("the image {}, whose gold class is {}", look.image, row.gold);
    page::picture(html, &row.picture, &alt, "image");
    for (view, map) in View::ALL.into_iter().zip(&row.maps) {
        let Some((map, answer)) = map else { continue };
        let name = spaced(view);
        let caption = if answer.is_empty() {
            name.clone()
        } else {
            format!("{name}: {answer}")
        };
        page::picture(html, map, &format!("where the aspect {name} looks"), &caption);
    }
    *html += "</div></section>\n";
    Ok(())
}

fn spaced(view: View) -> String {
    view.name().replace('_', " ")
}
