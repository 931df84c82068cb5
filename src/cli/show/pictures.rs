//! The picture and its attention maps as pictures in the terminal, through viuer.

use std::io::{self, Write};
use std::path::Path;

use image::imageops::{FilterType, replace, resize};
use image::{DynamicImage, RgbImage, Rgba, RgbaImage};

use crate::printable::printable;
use crate::session::Prediction;
use crate::{
    data::image_file::{DecodeOptions, decode},
    heatmap::{AttentionMap, sequential},
    text,
    theme::Depth,
};

/// An attention map's width in columns, and the gap between two.
const MAP: usize = 22;
const GAP: usize = 2;
/// The picture's and the maps' bounds.
const PICTURE: (usize, usize) = (48, 20);
const MAP_ROWS: usize = 12;
const LEGEND: usize = 40;

/// Prints the image at `path`, then the maps of the prediction's aspects in rows, each under its name, then the legend.
/// An image that cannot be decoded is named, and there are no maps. `columns` of a terminal with `depth` colours.
///
/// # Errors
/// A closed output.
pub(super) fn print(
    path: &Path,
    prediction: &Prediction,
    options: DecodeOptions,
    (columns, depth): (usize, Depth),
    out: &mut impl Write,
) -> io::Result<()> {
    let picture = match decode(path, options) {
        Ok(picture) => picture,
        Err(error) => return writeln!(out, "no picture: {}", printable(&error.to_string())),
    };
    let screen = Screen::from_environment(depth, |name| std::env::var(name).ok());
    let cells = fit(&picture, PICTURE.0.min(columns), PICTURE.1);
    screen.print(scaled(&picture, cells, screen.scale).into(), cells, out)?;

    let cells = fit(&picture, MAP.min(columns), MAP_ROWS);
    let small = scaled(&picture, cells, screen.scale);
    let maps: Vec<(&str, RgbImage)> = prediction
        .aspects
        .iter()
        .filter_map(|(view, seen)| Some((view.name(), AttentionMap::mean(seen).ok()?.over(&small, 1.0))))
        .collect();
    for row in maps.chunks(in_a_row(columns)) {
        let names: Vec<String> = row.iter().map(|(name, _)| text::pad(name, cells.0)).collect();
        writeln!(out, "\n{}", names.join(&" ".repeat(GAP)).trim_end())?;
        let row: Vec<&RgbImage> = row.iter().map(|(_, map)| map).collect();
        let width = row.len() * (cells.0 + GAP) - GAP;
        screen.print(side_by_side(&row, GAP * screen.scale).into(), (width, cells.1), out)?;
    }
    if !maps.is_empty() {
        writeln!(
            out,
            "\nattention over the picture, each map from its lowest to its highest weight:"
        )?;
        let width = LEGEND.min(columns);
        screen.print(legend(width * screen.scale, 2 * screen.scale).into(), (width, 1), out)?;
    }
    writeln!(out)
}

/// How many maps stand beside each other: 6, 3, 2 or 1.
fn in_a_row(columns: usize) -> usize {
    [6, 3, 2]
        .into_iter()
        .find(|count| count * (MAP + GAP) - GAP <= columns)
        .unwrap_or(1)
}

/// The largest columns and rows within the bounds that keep the picture's shape; a row is as high as two columns.
fn fit(picture: &RgbImage, columns: usize, rows: usize) -> (usize, usize) {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let scale = (columns as f64 / width).min(2.0 * rows as f64 / height);
    let cells = |length: f64, most: usize| (length.round() as usize).clamp(1, most.max(1));
    (cells(width * scale, columns), cells(height * scale / 2.0, rows))
}

/// The picture in the pixels of so many cells, `scale` pixels to a column.
fn scaled(picture: &RgbImage, (columns, rows): (usize, usize), scale: usize) -> RgbImage {
    resize(
        picture,
        (columns * scale) as u32,
        (2 * rows * scale) as u32,
        FilterType::Triangle,
    )
}

/// Pictures of one size in a row, with nothing in the gaps.
fn side_by_side(pictures: &[&RgbImage], gap: usize) -> RgbaImage {
    let (width, height) = pictures.first().map(|picture| picture.dimensions()).unwrap_or_default();
    let step = width + gap as u32;
    let mut row = RgbaImage::new((pictures.len() as u32 * step).saturating_sub(gap as u32), height);
    for (place, picture) in pictures.iter().enumerate() {
        let picture = DynamicImage::from((*picture).clone()).into_rgba8();
        replace(&mut row, &picture, place as i64 * i64::from(step), 0);
    }
    row
}

fn legend(width: usize, height: usize) -> RgbaImage {
    RgbaImage::from_fn(width as u32, height as u32, |x, _| {
        let [red, green, blue] = sequential(x as f32 / (width.max(2) - 1) as f32);
        Rgba([red, green, blue, 255])
    })
}

/// How this terminal shows pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Screen {
    truecolor: bool,
    kitty: bool,
    iterm: bool,
    /// Pixels to a column.
    scale: usize,
}

impl Screen {
    /// Half blocks, unless the environment names a terminal that shows pixels. viuer queries the terminal and waits forever for
    /// an answer, so only kitty is queried, never through a multiplexer or over SSH, where pixels are slow too.
    fn from_environment(depth: Depth, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let is =
            |name: &str, words: &[&str]| variable(name).is_some_and(|value| words.iter().any(|w| value.contains(w)));
        let near =
            !["TMUX", "STY", "SSH_CONNECTION", "SSH_TTY"].into_iter().any(set) && !is("TERM", &["screen", "tmux"]);
        let kitty = near && (is("TERM", &["kitty"]) || set("KITTY_WINDOW_ID"));
        let iterm = near && is("TERM_PROGRAM", &["iTerm", "WezTerm"]);
        let scale = if kitty || iterm { 10 } else { 1 };
        Self {
            truecolor: depth == Depth::True,
            kitty,
            iterm,
            scale,
        }
    }

    fn print(self, picture: DynamicImage, (columns, rows): (usize, usize), out: &mut impl Write) -> io::Result<()> {
        let config = viuer::Config {
            transparent: true,
            absolute_offset: false,
            width: Some(columns as u32),
            height: Some(rows as u32),
            truecolor: self.truecolor,
            use_kitty: self.kitty,
            use_iterm: self.iterm,
            ..viuer::Config::default()
        };
        // viuer writes to standard output itself, so flush what was written before.
        out.flush()?;
        viuer::print(&picture, &config).map(drop).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn pictures_keep_their_shape_within_the_bounds() {
        let shapes = [
            ((100, 100), (40, 20)),
            ((400, 100), (48, 6)),
            ((1, 900), (1, 20)),
            ((900, 1), (48, 1)),
        ];
        for ((width, height), cells) in shapes {
            let picture = RgbImage::new(width, height);
            assert_eq!(fit(&picture, 48, 20), cells, "{width} x {height}");
            assert_eq!(
                scaled(&picture, cells, 2).dimensions(),
                (2 * cells.0 as u32, 4 * cells.1 as u32)
            );
        }
        assert_eq!([30, 50, 80, 143].map(in_a_row), [1, 2, 3, 6]);
    }

    #[test]
    fn maps_stand_beside_each_other_with_empty_gaps() {
        let (red, blue) = (
            RgbImage::from_pixel(3, 2, Rgb([255, 0, 0])),
            RgbImage::from_pixel(3, 2, Rgb([0, 0, 255])),
        );
        let row = side_by_side(&[&red, &blue], 1);
        assert_eq!(row.dimensions(), (7, 2));
        assert_eq!(
            [2, 3, 4].map(|x| row.get_pixel(x, 1).0),
            [[255, 0, 0, 255], [0; 4], [0, 0, 255, 255]]
        );
        let legend = legend(40, 2);
        assert_eq!(legend.get_pixel(0, 0).0[..3], sequential(0.0));
        assert_eq!(legend.get_pixel(39, 1).0[..3], sequential(1.0));
    }

    #[test]
    fn pixels_are_used_only_where_the_environment_names_a_capable_terminal() {
        let screen = |variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                variables
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            let screen = Screen::from_environment(Depth::True, variable);
            (screen.kitty, screen.iterm)
        };
        assert_eq!(screen(&[("TERM", "xterm-256color")]), (false, false));
        assert_eq!(screen(&[("TERM", "xterm-kitty")]), (true, false));
        assert_eq!(
            screen(&[("TERM", "xterm-kitty"), ("SSH_CONNECTION", "1 2 3 4")]),
            (false, false)
        );
        assert_eq!(
            screen(&[("TERM", "screen-256color"), ("KITTY_WINDOW_ID", "1")]),
            (false, false)
        );
        assert_eq!(
            screen(&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "WezTerm")]),
            (false, true)
        );
    }
}
