//! A picture ready for the screen: in the terminal's pixels, in half blocks, or in characters of several densities if
//! it has no colours.

use std::fmt;

use image::{DynamicImage, Rgb, RgbImage, imageops::FilterType};
use ratatui::{
    buffer::{Buffer, CellDiffOption},
    layout::{Rect, Size},
    style::Style,
    widgets::Widget,
};
use ratatui_image::{
    FontSize, Image, Resize,
    protocol::{Protocol, halfblocks::Halfblocks},
};

use super::{
    graphics::Graphics,
    pixels::{self, Pixels},
};
use crate::{
    heatmap::AttentionMap,
    theme::{Depth, Theme},
};

/// From empty to full.
const SHADES: [char; 10] = [' ', '.', ':', '-', '=', 'o', '*', '#', '%', '@'];
/// A cell of half blocks is assumed to be twice as high as wide, whatever the font.
const BLOCK: FontSize = FontSize::new(10, 20);

/// Converts pictures to surfaces for a given terminal.
#[derive(Debug, Clone, Copy)]
pub struct Painter {
    /// The terminal's pixel graphics, if it has them.
    pub graphics: Option<Graphics>,
    mono: bool,
    dark: bool,
}

/// A picture that is ready for the frame.
pub struct Surface {
    ink: Ink,
    /// The peak of an attention map; `None` for pictures.
    pub peak: Option<Peak>,
}

/// Where an attention map is highest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The cell's column, relative to the surface's corner.
    pub x: u16,
    pub y: u16,
    /// The share of the attention on its patch.
    pub weight: f32,
    /// The share on the outermost patches, if the map hugs the border.
    pub border: Option<f32>,
}

enum Ink {
    Blocks(Box<Protocol>),
    Shades(Vec<String>, Size),
    Pixels(Pixels),
}

impl Painter {
    /// A painter for a theme's terminal, without pixel graphics.
    #[must_use]
    pub fn new(theme: &Theme) -> Self {
        Self {
            graphics: None,
            mono: theme.depth == Depth::Mono,
            dark: theme.dark,
        }
    }

    /// A picture, as large as fits in `size` cells.
    ///
    /// # Errors
    /// A message if it cannot be encoded.
    pub fn picture(&self, picture: &RgbImage, size: Size, pixels: bool) -> Result<Surface, String> {
        if let Some(graphics) = self.graphics.filter(|_| pixels) {
            return encoded(&scaled(picture, size, graphics.cell), graphics);
        }
        Ok(Surface::of(if self.mono {
            let size = fitted(picture, size);
            let small = image::imageops::resize(picture, size.width.into(), size.height.into(), FilterType::Triangle);
            self.shades(size, |x, y| {
                let Rgb([r, g, b]) = small.get_pixel(x.into(), y.into());
                (0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b)) / 255.0
            })
        } else {
            blocks(picture.clone(), size)?
        }))
    }

    /// An attention map over its picture; without colours, the map alone.
    ///
    /// # Errors
    /// A message if it cannot be encoded.
    pub fn attention(
        &self,
        map: &AttentionMap,
        picture: &RgbImage,
        strength: f32,
        size: Size,
        pixels: bool,
    ) -> Result<Surface, String> {
        let (row, column, weight) = map.peak();
        let middle = |at: usize, of: usize| (at as f32 + 0.5) / of as f32;
        let (x, y) = (middle(column, map.width), middle(row, map.height));
        let mut surface = if let Some(graphics) = self.graphics.filter(|_| pixels) {
            let mut over = map.over(&scaled(picture, size, graphics.cell), strength);
            mark(&mut over, x, y, u32::from(graphics.cell.width));
            encoded(&over, graphics)?
        } else if self.mono {
            let size = fitted(picture, size);
            let place = |at: u16, of: u16| (f32::from(at) + 0.5) / f32::from(of);
            Surface::of(self.shades(size, |x, y| map.relative(place(x, size.width), place(y, size.height))))
        } else {
            Surface::of(blocks(map.over(picture, strength), size)?)
        };
        let size = surface.size();
        let (x, y) = ((x * f32::from(size.width)) as u16, (y * f32::from(size.height)) as u16);
        surface.peak = Some(Peak {
            x,
            y,
            weight,
            border: map.on_border(),
        });
        Ok(surface)
    }

    fn shades(&self, size: Size, light: impl Fn(u16, u16) -> f32) -> Ink {
        let shade = |light: f32| {
            let full = if self.dark { light } else { 1.0 - light };
            SHADES[((full * SHADES.len() as f32) as usize).min(SHADES.len() - 1)]
        };
        let row = |y| (0..size.width).map(|x| shade(light(x, y))).collect();
        Ink::Shades((0..size.height).map(row).collect(), size)
    }
}

/// ratatui-image's picker is not used, because it looks for tmux and changes its settings.
fn blocks(picture: RgbImage, size: Size) -> Result<Ink, String> {
    let (picture, resize) = (
        DynamicImage::ImageRgb8(picture),
        Resize::Scale(Some(FilterType::Triangle)),
    );
    let size = resize.size_for(&picture, BLOCK, size);
    // Scaled to whole cells: a border of half a cell would be more visible than the slight distortion.
    let side = |cells: u16, pixels: u16| u32::from(cells) * u32::from(pixels);
    let picture = picture.resize_exact(
        side(size.width, BLOCK.width),
        side(size.height, BLOCK.height),
        FilterType::Triangle,
    );
    let blocks = Halfblocks::new(picture, size).map_err(|error| format!("the picture cannot be shown: {error}"))?;
    Ok(Ink::Blocks(Box::new(Protocol::Halfblocks(blocks))))
}

/// The picture scaled to the largest size that fits in `size` cells of `cell` pixels.
fn scaled(picture: &RgbImage, size: Size, cell: Size) -> RgbImage {
    let pixels = |cells: u16, cell: u16| u32::from(cells) * u32::from(cell);
    let (width, height) = (pixels(size.width, cell.width), pixels(size.height, cell.height));
    let share = f64::from(width) / f64::from(picture.width().max(1));
    let share = share.min(f64::from(height) / f64::from(picture.height().max(1)));
    let side = |of: u32, most: u32| ((f64::from(of) * share).round() as u32).clamp(1, most.max(1));
    image::imageops::resize(
        picture,
        side(picture.width(), width),
        side(picture.height(), height),
        FilterType::Triangle,
    )
}

fn encoded(picture: &RgbImage, graphics: Graphics) -> Result<Surface, String> {
    let pixels = pixels::encode(picture, graphics).map_err(|error| format!("the picture cannot be shown: {error}"))?;
    Ok(Surface::of(Ink::Pixels(pixels)))
}

/// A dark cross with a light edge at a place in `[0, 1)`, about `size` pixels wide.
fn mark(picture: &mut RgbImage, x: f32, y: f32, size: u32) {
    let (width, height) = picture.dimensions();
    let (cx, cy) = ((x * width as f32) as i64, (y * height as f32) as i64);
    let arm = i64::from(size.max(6) / 2);
    let thick = (arm / 5).max(1);
    for (edge, colour) in [(1, Rgb([255, 255, 255])), (0, Rgb([0, 0, 0]))] {
        for dy in -arm - edge..=arm + edge {
            for dx in -arm - edge..=arm + edge {
                let on_cross = dx.abs().min(dy.abs()) < thick + edge;
                let at = (u32::try_from(cx + dx), u32::try_from(cy + dy));
                if let (true, (Ok(px), Ok(py))) = (on_cross, at)
                    && px < width
                    && py < height
                {
                    picture.put_pixel(px, py, colour);
                }
            }
        }
    }
}

impl fmt::Debug for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surface")
            .field("size", &self.size())
            .field("peak", &self.peak)
            .finish_non_exhaustive()
    }
}

impl Surface {
    const fn of(ink: Ink) -> Self {
        Self { ink, peak: None }
    }

    /// The cells it takes.
    #[must_use]
    pub fn size(&self) -> Size {
        match &self.ink {
            Ink::Blocks(protocol) => protocol.size(),
            Ink::Shades(_, size) => *size,
            Ink::Pixels(pixels) => pixels.size,
        }
    }

    /// The pixel picture that is sent separately from the cells, if there is one.
    #[must_use]
    pub const fn pixels(&self) -> Option<&Pixels> {
        match &self.ink {
            Ink::Pixels(pixels) => Some(pixels),
            Ink::Blocks(_) | Ink::Shades(..) => None,
        }
    }

    /// Its approximate size in memory, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let size = self.size();
        self.pixels()
            .map_or(usize::from(size.width) * usize::from(size.height) * 12, |pixels| {
                pixels.data.len()
            })
    }

    /// Paints it in the middle of `area`; returns the area that it covers. Pixel surfaces leave the cells unchanged.
    pub fn render(&self, area: Rect, buffer: &mut Buffer) -> Rect {
        let size = self.size();
        let (width, height) = (size.width.min(area.width), size.height.min(area.height));
        let place = Rect::new(
            area.x + (area.width - width) / 2,
            area.y + (area.height - height) / 2,
            width,
            height,
        );
        match &self.ink {
            Ink::Blocks(protocol) => Image::new(protocol).allow_clipping(true).render(place, buffer),
            Ink::Shades(rows, _) => {
                for (y, row) in (place.y..place.bottom()).zip(rows) {
                    buffer.set_stringn(place.x, y, row, place.width.into(), Style::new());
                }
            }
            Ink::Pixels(_) => {
                for position in place.positions() {
                    if let Some(cell) = buffer.cell_mut(position) {
                        cell.reset();
                        cell.set_diff_option(CellDiffOption::Skip);
                    }
                }
            }
        }
        place
    }
}

/// The cells that a picture covers within `size` without distortion; a cell counts as twice as high as wide.
fn fitted(picture: &RgbImage, size: Size) -> Size {
    let shape = picture.width() as f32 / picture.height().max(1) as f32;
    let (width, height) = (f32::from(size.width), f32::from(size.height) * 2.0);
    let width = width.min(height * shape).max(1.0);
    Size::new(
        width as u16,
        ((width / shape / 2.0).round() as u16).clamp(1, size.height.max(1)),
    )
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn painted(theme: &Theme, picture: RgbImage, size: Size) -> (Buffer, Rect) {
        let surface = Painter::new(theme).picture(&picture, size, false).unwrap();
        let area = Rect::new(0, 0, size.width, size.height);
        let mut buffer = Buffer::empty(area);
        let place = surface.render(area, &mut buffer);
        (buffer, place)
    }

    #[test]
    fn a_picture_keeps_its_shape_and_its_colours() {
        let picture = RgbImage::from_fn(40, 20, |x, _| if x < 20 { Rgb([200, 0, 0]) } else { Rgb([0, 0, 200]) });
        let (buffer, place) = painted(&Theme::dark(Depth::True), picture, Size::new(12, 6));
        assert_eq!(place, Rect::new(0, 1, 12, 3));
        assert_eq!(buffer[(0, 2)].bg, ratatui::style::Color::Rgb(200, 0, 0));
        assert_eq!(buffer[(11, 2)].bg, ratatui::style::Color::Rgb(0, 0, 200));
    }

    #[test]
    fn without_colours_pictures_use_shade_characters() {
        let picture = RgbImage::from_fn(4, 4, |x, _| if x < 2 { Rgb([0; 3]) } else { Rgb([255; 3]) });
        let (buffer, _) = painted(&Theme::dark(Depth::Mono), picture.clone(), Size::new(4, 2));
        assert_eq!((buffer[(0, 0)].symbol(), buffer[(3, 1)].symbol()), (" ", "@"));
        let (buffer, _) = painted(&Theme::light(Depth::Mono), picture, Size::new(4, 2));
        assert_eq!((buffer[(0, 0)].symbol(), buffer[(3, 1)].symbol()), ("@", " "));
    }

    #[test]
    fn the_peak_is_the_middle_of_its_patch() {
        let map = AttentionMap::new(2, 2, vec![0.1, 0.1, 0.1, 0.7]);
        let picture = RgbImage::from_pixel(8, 8, Rgb([128; 3]));
        for depth in [Depth::True, Depth::Mono] {
            let surface = Painter::new(&Theme::dark(depth))
                .attention(&map, &picture, 1.0, Size::new(8, 4), false)
                .unwrap();
            assert_eq!(
                (surface.size(), surface.peak.map(|peak| (peak.x, peak.y))),
                (Size::new(8, 4), Some((6, 3)))
            );
        }
    }
}
