//! The panel's images with their aspects' attention maps. The figure's file says what it shows.

use image::RgbImage;
use image::imageops::{FilterType, resize};

use super::figures::{Drawing, FigureStyle, PanelRow, panel};
use super::{ExportError, Source};
use crate::data::View;
use crate::data::image_file::{DecodeOptions, decode};
use crate::heatmap::AttentionMap;
use crate::printable::printable;
use crate::session::{Prediction, SampleSeen};

/// Pixels of a picture's longer side in a figure and on a page.
pub const TILE: u32 = 240;
/// The split that a run's panel is taken from.
const PANEL_SPLIT: &str = "val";
/// More images would make a file that no viewer opens.
const MOST_ROWS: usize = 200;

/// The figure with one row for each image of the panel: the picture, then the maps of its aspects in order.
///
/// # Errors
/// No panel image was evaluated (at `step`, if one is named), its files cannot be read, or a page has no room for them all.
pub fn maps(source: &Source, step: Option<u64>, style: FigureStyle) -> Result<Drawing, ExportError> {
    let looks = looks(source, step)?;
    let rows: Result<Vec<PanelRow>, ExportError> = looks
        .iter()
        .map(|look| panel_row(source, look, &source.prediction(look)?, TILE))
        .collect();
    let mut words = words(source, &looks);
    let title = words.remove(0).1;
    let mut drawing = panel(&rows?, style, title)?;
    drawing.words = words;
    Ok(drawing)
}

/// An image of the panel as figures show it; its longer side has so many pixels.
///
/// # Errors
/// Its picture cannot be read.
pub fn panel_row(source: &Source, look: &SampleSeen, said: &Prediction, side: u32) -> Result<PanelRow, ExportError> {
    let picture = picture(source, look, side)?;
    let map = |view: View| {
        let seen = said.aspects.get(&view)?;
        let map = AttentionMap::mean(seen).ok()?;
        Some((
            map.over(&picture, 1.0),
            printable(seen.text.lines().next().unwrap_or_default()).into_owned(),
        ))
    };
    Ok(PanelRow {
        maps: View::ALL.map(map).into(),
        gold: look.gold.clone(),
        said: said.prediction.clone(),
        picture,
    })
}

/// Each panel image as it was seen last, or at `step`.
///
/// # Errors
/// There is none, or there are too many.
pub fn looks(source: &Source, step: Option<u64>) -> Result<Vec<&SampleSeen>, ExportError> {
    let panel = source.state.panel.values();
    let wanted = |look: &&SampleSeen| step.is_none_or(|step| look.step == step);
    let looks: Vec<&SampleSeen> = panel.filter_map(|looks| looks.iter().rfind(wanted)).collect();
    if let (Some(step), true) = (step, looks.is_empty()) {
        let mut steps: Vec<u64> = source.state.panel.values().flatten().map(|look| look.step).collect();
        steps.sort_unstable();
        steps.dedup();
        let steps: Vec<String> = steps.iter().map(u64::to_string).collect();
        return Err(ExportError::Nothing(format!(
            "there are no heatmaps of step {step}; there are some of the steps: {}",
            steps.join(", ")
        )));
    }
    if looks.is_empty() {
        return Err(ExportError::Nothing(
            "there are no heatmaps yet: they come with the first evaluation".to_owned(),
        ));
    }
    if looks.len() > MOST_ROWS {
        return Err(ExportError::Nothing(format!(
            "the panel has {} images, and one picture holds at most {MOST_ROWS}",
            looks.len()
        )));
    }
    Ok(looks)
}

/// The file's text: its title, then session, step, split, dataset, and what each row and column shows.
fn words(source: &Source, looks: &[&SampleSeen]) -> Vec<(&'static str, String)> {
    let session = source.state.session.as_ref();
    let data = session.map_or("", |session| session.data.as_str());
    let mut steps: Vec<String> = looks
        .iter()
        .map(|look| format!("{}@{}", look.stage.name(), look.step))
        .collect();
    steps.dedup();
    let steps = steps.join(", ");
    let row = |look: &&SampleSeen| {
        let at = format!("{}@{}", look.stage.name(), look.step);
        format!("{} ({}; predicted at {at}: {})", look.image, look.gold, look.prediction)
    };
    let rows: Vec<String> = looks.iter().map(row).collect();
    let columns = View::ALL.map(|view| view.to_string()).join(", ");
    let whole = |words: String| printable_lines(&words);
    vec![
        (
            "Title",
            whole(format!("{}: heatmaps of {steps}, {PANEL_SPLIT} of {data}", source.name)),
        ),
        ("session", whole(source.name.clone())),
        ("step", steps),
        ("split", PANEL_SPLIT.to_owned()),
        (
            "dataset",
            whole(session.map_or(String::new(), |s| format!("{} {}", s.dataname, s.data))),
        ),
        (
            "model",
            whole(session.map_or(String::new(), |session| session.model.clone())),
        ),
        ("columns", format!("picture, {columns}")),
        ("rows", whole(rows.join("\n"))),
    ]
}

/// Text from outside, made safe to print on a terminal.
fn printable_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(printable).collect();
    lines.join("\n")
}

/// The look's thumbnail, scaled with its proportions kept.
fn picture(source: &Source, look: &SampleSeen, side: u32) -> Result<RgbImage, ExportError> {
    let path = source.inside(&look.thumbnail)?;
    let picture = decode(&path, DecodeOptions::default()).map_err(|error| ExportError::Nothing(error.to_string()))?;
    let (width, height) = fitted(picture.dimensions(), side);
    Ok(resize(&picture, width, height, FilterType::Triangle))
}

/// The size at which the longer side has so many pixels.
fn fitted((width, height): (u32, u32), side: u32) -> (u32, u32) {
    let longer = f64::from(width.max(height).max(1));
    let scaled = |length: u32| ((f64::from(length) * f64::from(side) / longer).round() as u32).clamp(1, side);
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_keep_their_proportion() {
        assert_eq!(fitted((320, 240), 240), (240, 180));
        assert_eq!(fitted((10, 40), 240), (60, 240));
        assert_eq!(fitted((7, 7), 240), (240, 240));
        assert_eq!([fitted((9000, 1), 240), fitted((0, 0), 240)], [(240, 1), (1, 1)]);
    }
}
