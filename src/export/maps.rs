//! The panel's images with their aspects' attention maps as one picture, one row per image. The file's text chunks say what
//! the picture shows.

use image::imageops::{FilterType, replace, resize};
use image::{Rgb, RgbImage};

use super::{ExportError, Source};
use crate::data::image_file::{DecodeOptions, decode};
use crate::printable::printable;
use crate::session::SampleSeen;
use crate::{data::View, heatmap::AttentionMap};

/// Pixels of a tile's side, which is a picture's longer side, and of the gap between two tiles.
const TILE: u32 = 160;
const GAP: u32 = 6;
/// The split that a run's panel is taken from.
const PANEL_SPLIT: &str = "val";
/// More images would make a picture that no viewer opens.
const MOST_ROWS: usize = 200;

/// A PNG with one row for each image of the panel: the picture, then the maps of its aspects in order.
///
/// # Errors
/// No panel image was evaluated (at `step`, if one is named), or its files cannot be read.
pub fn maps_png(source: &Source, step: Option<u64>) -> Result<Vec<u8>, ExportError> {
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
    let words = words(source, &looks);
    let step = TILE + GAP;
    let across = 1 + View::ALL.len() as u32;
    let mut sheet = RgbImage::from_pixel(across * step - GAP, looks.len() as u32 * step - GAP, Rgb([255; 3]));
    for (row, look) in (0_i64..).zip(looks) {
        let (picture, prediction) = (picture(source, look)?, source.prediction(look)?);
        let maps = View::ALL.into_iter().map(|view| {
            let map = prediction
                .aspects
                .get(&view)
                .and_then(|seen| AttentionMap::mean(seen).ok());
            map.map(|map| map.over(&picture, 1.0))
        });
        for (column, tile) in (0_i64..).zip(std::iter::once(Some(picture.clone())).chain(maps)) {
            if let Some(tile) = tile {
                let middle = |side: u32| i64::from((TILE - side.min(TILE)) / 2);
                let (x, y) = (column * i64::from(step), row * i64::from(step));
                replace(&mut sheet, &tile, x + middle(tile.width()), y + middle(tile.height()));
            }
        }
    }
    encoded(&sheet, words).map_err(|error| ExportError::Nothing(format!("the heatmaps cannot be encoded: {error}")))
}

/// A PNG with `words` (keyword, text) in `iTXt` chunks, which hold UTF-8; image viewers and `exiftool` show them.
fn encoded(picture: &RgbImage, words: Vec<(&'static str, String)>) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    for (keyword, text) in words.into_iter().filter(|(_, text)| !text.is_empty()) {
        encoder.add_itxt_chunk(keyword.to_owned(), text)?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(picture)?;
    writer.finish()?;
    Ok(bytes)
}

/// The PNG's text: session, step, split, dataset, and what each row and column shows.
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
        ("Software", format!("masp {}", env!("CARGO_PKG_VERSION"))),
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

/// The look's thumbnail, scaled to fit a tile with its aspect ratio kept.
fn picture(source: &Source, look: &SampleSeen) -> Result<RgbImage, ExportError> {
    let path = source.inside(&look.thumbnail)?;
    let picture = decode(&path, DecodeOptions::default()).map_err(|error| ExportError::Nothing(error.to_string()))?;
    let (width, height) = fitted(picture.dimensions());
    Ok(resize(&picture, width, height, FilterType::Triangle))
}

/// The size at which the longer side equals a tile's side.
fn fitted((width, height): (u32, u32)) -> (u32, u32) {
    let longer = f64::from(width.max(height).max(1));
    let scaled = |side: u32| ((f64::from(side) * f64::from(TILE) / longer).round() as u32).clamp(1, TILE);
    (scaled(width), scaled(height))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The words of a PNG.
    pub fn words(png: &[u8]) -> Vec<(String, String)> {
        let reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let chunks = reader.info().utf8_text.iter();
        chunks
            .map(|chunk| (chunk.keyword.clone(), chunk.get_text().unwrap()))
            .collect()
    }

    #[test]
    fn a_picture_with_words_is_the_same_picture() {
        let picture = RgbImage::from_fn(5, 3, |x, y| Rgb([x as u8, y as u8, 7]));
        let said = vec![
            ("Title", "Bäume".to_owned()),
            ("split", String::new()),
            ("step", "120".to_owned()),
        ];
        let with = encoded(&picture, said).unwrap();
        assert_eq!(image::load_from_memory(&with).unwrap().into_rgb8(), picture);
        let expected = [("Title", "Bäume"), ("step", "120")].map(|(key, text)| (key.to_owned(), text.to_owned()));
        assert_eq!(words(&with), expected);
    }

    #[test]
    fn sides_keep_their_proportion() {
        assert_eq!(fitted((320, 240)), (160, 120));
        assert_eq!(fitted((10, 40)), (40, 160));
        assert_eq!(fitted((7, 7)), (160, 160));
        assert_eq!([fitted((9000, 1)), fitted((0, 0))], [(160, 1), (1, 1)]);
    }
}
