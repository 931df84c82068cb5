//! The loss of both stages as a drawing for a paper.

use plotters::prelude::*;

use super::{ExportError, escape::escaped};
use crate::session::{Ema, Evaluation, RunState, Stage, StageHistory};

/// Width and height in pixels; the drawing can be scaled.
const SIZE: (u32, u32) = (900, 340);
/// The share of the past in the smoothed curve.
const SMOOTHING: f64 = 0.9;
/// The highest loss drawn, in nats. Losses above it, below 0 or not finite are not drawn.
const HIGHEST: f64 = 1e12;

/// Both stages' losses side by side, in nats: each step (faint), smoothed, and on the validation images.
/// Evaluations on other images than most are separate points.
///
/// # Errors
/// Where there is no step yet, or the drawing fails.
pub fn curves_svg(state: &RunState) -> Result<String, ExportError> {
    let stages: Vec<Stage> = state
        .stages
        .iter()
        .filter(|(_, h)| !h.steps.is_empty())
        .map(|(stage, _)| *stage)
        .collect();
    if stages.is_empty() {
        return Err(ExportError::Nothing(
            "the session has no step yet, so there is no curve to draw".to_owned(),
        ));
    }
    let mut svg = String::new();
    draw(state, &stages, &mut svg)
        .map_err(|error| ExportError::Nothing(format!("the curves cannot be drawn: {error}")))?;
    // The title is the SVG's first child, so that viewers show it and the file itself says what it shows.
    let behind = svg
        .find("<svg")
        .and_then(|begin| Some(begin + svg.get(begin..)?.find('>')? + 1));
    if let Some(behind) = behind {
        svg.insert_str(behind, &format!("<title>{}</title>", escaped(&title(state, &stages))));
    }
    Ok(svg)
}

/// `demo: aspects to step 120, prompt to step 120; validation on 96 images of val, data/drawn`
fn title(state: &RunState, stages: &[Stage]) -> String {
    let session = state.session.as_ref();
    let last = |stage: &Stage| {
        let steps = state.history(*stage).map_or(0, StageHistory::last_step);
        format!("{} to step {steps}", stage.name())
    };
    let stages_told: Vec<String> = stages.iter().map(last).collect();
    let name = session.map_or("", |session| &session.name);
    let mut title = format!("{name}: {}", stages_told.join(", "));
    let newest = stages
        .iter()
        .rev()
        .find_map(|stage| state.history(*stage)?.evaluations.last());
    if let Some(seen) = newest {
        let data = seen
            .metrics
            .data
            .as_deref()
            .or(session.map(|session| session.data.as_str()));
        title += &format!(
            "; validation on {} images of {}, {}",
            seen.metrics.samples,
            seen.metrics.split,
            data.unwrap_or_default()
        );
    }
    title
}

fn draw(state: &RunState, stages: &[Stage], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, stage) in root.split_evenly((1, stages.len())).iter().zip(stages) {
        let Some(history) = state.history(*stage) else { continue };
        let mut ema = Ema::new(SMOOTHING);
        let is_loss = |(_, loss): &(f64, f64)| (0.0..HIGHEST).contains(loss);
        let raw: Vec<(f64, f64)> = history
            .steps
            .iter()
            .map(|p| (p.step as f64, p.loss))
            .filter(is_loss)
            .collect();
        let smooth: Vec<(f64, f64)> = raw.iter().map(|&(step, loss)| (step, ema.next(loss))).collect();
        let losses = |evaluations: Vec<&Evaluation>| -> Vec<(f64, f64)> {
            let losses = evaluations.into_iter().map(|seen| (seen.step as f64, seen.loss));
            losses.filter(is_loss).collect()
        };
        let (alike, others) = history.alike();
        let (validation, apart) = (losses(alike), losses(others));
        // The axes cover all points: plotters overflows on a point outside of its axes.
        let points = || raw.iter().chain(&validation).chain(&apart);
        let last = points().map(|(step, _)| *step).fold(1.0, f64::max);
        let high = points().map(|(_, loss)| *loss).fold(f64::MIN_POSITIVE, f64::max);
        let mut chart = ChartBuilder::on(area)
            .caption(format!("stage {}", stage.name()), ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(48)
            .build_cartesian_2d(0.0..last, 0.0..high * 1.05)?;
        chart
            .configure_mesh()
            .x_desc("step")
            .y_desc("loss (nats)")
            .light_line_style(WHITE)
            .draw()?;
        chart.draw_series(LineSeries::new(raw, RGBColor(170, 200, 225)))?;
        chart.draw_series(LineSeries::new(
            smooth,
            ShapeStyle::from(RGBColor(0, 100, 180)).stroke_width(2),
        ))?;
        let mark = RGBColor(190, 100, 0);
        chart.draw_series(LineSeries::new(validation.clone(), mark))?;
        chart.draw_series(validation.into_iter().map(|at| Circle::new(at, 3, mark.filled())))?;
        // Evaluations on other images: hollow circles without a line.
        chart.draw_series(apart.into_iter().map(|at| Circle::new(at, 4, mark)))?;
    }
    root.present()?;
    Ok(())
}
