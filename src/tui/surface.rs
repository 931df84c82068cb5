//! A picture as cells: half blocks, or shades where the terminal has no colours.

use std::fmt;

use image::{DynamicImage, RgbImage, imageops::FilterType};
use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    widgets::Widget,
};
use ratatui_image::{Image, Resize, picker::Picker, protocol::Protocol};

use super::{
    heatmap::AttentionMap,
    theme::{Depth, Theme},
};

/// From empty to full.
const SHADES: [char; 10] = [' ', '.', ':', '-', '=', 'o', '*', '#', '%', '@'];

/// Turns pictures into surfaces; knows what the terminal can show.
#[derive(Debug, Clone)]
pub struct Painter {
    picker: Picker,
    mono: bool,
    dark: bool,
}

/// A picture that is ready for the frame.
pub struct Surface {
    cells: Cells,
    /// Of an attention map.
    pub peak: Option<Peak>,
}

/// Where an attention map is highest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The cell, from the surface's corner.
    pub x: u16,
    pub y: u16,
    /// The share of the attention on its patch.
    pub weight: f32,
}

enum Cells {
    Blocks(Box<Protocol>),
    Shades(Vec<String>, Size),
}

impl Painter {
    /// For a theme's terminal.
    #[must_use]
    pub fn new(theme: &Theme) -> Self {
        Self {
            picker: Picker::halfblocks(),
            mono: theme.depth == Depth::Mono,
            dark: theme.dark,
        }
    }

    /// A picture, as large as fits in `size` cells.
    ///
    /// # Errors
    /// A sentence where it cannot be encoded.
    pub fn picture(&self, picture: RgbImage, size: Size) -> Result<Surface, String> {
        if self.mono {
            let size = self.fitted(&picture, size);
            let small = image::imageops::resize(&picture, size.width.into(), size.height.into(), FilterType::Triangle);
            return Ok(Surface::of(self.shades(size, |x, y| {
                let image::Rgb([r, g, b]) = small.get_pixel(x.into(), y.into());
                (0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b)) / 255.0
            })));
        }
        let picture = DynamicImage::ImageRgb8(picture);
        let protocol = self
            .picker
            .new_protocol(picture, size, Resize::Scale(Some(FilterType::Triangle)))
            .map_err(|error| format!("the picture cannot be shown: {error}"))?;
        Ok(Surface::of(Cells::Blocks(Box::new(protocol))))
    }

    /// An attention map over its picture; where there are no colours the map alone.
    ///
    /// # Errors
    /// A sentence where it cannot be encoded.
    pub fn attention(
        &self,
        map: &AttentionMap,
        picture: &RgbImage,
        strength: f32,
        size: Size,
    ) -> Result<Surface, String> {
        let mut surface = if self.mono {
            let size = self.fitted(picture, size);
            let place = |at: u16, of: u16| (f32::from(at) + 0.5) / f32::from(of);
            Surface::of(self.shades(size, |x, y| map.relative(place(x, size.width), place(y, size.height))))
        } else {
            self.picture(map.over(picture, strength), size)?
        };
        let (row, column, weight) = map.peak();
        let size = surface.size();
        let cell = |at: usize, of: usize, cells: u16| ((at as f32 + 0.5) / of as f32 * f32::from(cells)) as u16;
        let (x, y) = (cell(column, map.width, size.width), cell(row, map.height, size.height));
        surface.peak = Some(Peak { x, y, weight });
        Ok(surface)
    }

    /// The cells that a picture takes in `size` with its shape kept; a cell is twice as high as wide.
    fn fitted(&self, picture: &RgbImage, size: Size) -> Size {
        let shape = picture.width() as f32 / picture.height().max(1) as f32;
        let (width, height) = (f32::from(size.width), f32::from(size.height) * 2.0);
        let width = width.min(height * shape).max(1.0);
        Size::new(
            width as u16,
            ((width / shape / 2.0).round() as u16).clamp(1, size.height.max(1)),
        )
    }

    fn shades(&self, size: Size, light: impl Fn(u16, u16) -> f32) -> Cells {
        let shade = |light: f32| {
            let full = if self.dark { light } else { 1.0 - light };
            SHADES[((full * SHADES.len() as f32) as usize).min(SHADES.len() - 1)]
        };
        let row = |y| (0..size.width).map(|x| shade(light(x, y))).collect();
        Cells::Shades((0..size.height).map(row).collect(), size)
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
    const fn of(cells: Cells) -> Self {
        Self { cells, peak: None }
    }

    /// The cells it takes.
    #[must_use]
    pub fn size(&self) -> Size {
        match &self.cells {
            Cells::Blocks(protocol) => protocol.size(),
            Cells::Shades(_, size) => *size,
        }
    }

    /// Paints it in the middle of `area`; gives the place it took.
    pub fn render(&self, area: Rect, buffer: &mut Buffer) -> Rect {
        let size = self.size();
        let (width, height) = (size.width.min(area.width), size.height.min(area.height));
        let place = Rect::new(
            area.x + (area.width - width) / 2,
            area.y + (area.height - height) / 2,
            width,
            height,
        );
        match &self.cells {
            Cells::Blocks(protocol) => Image::new(protocol).allow_clipping(true).render(place, buffer),
            Cells::Shades(rows, _) => {
                for (y, row) in (place.y..place.bottom()).zip(rows) {
                    buffer.set_stringn(place.x, y, row, place.width.into(), ratatui::style::Style::new());
                }
            }
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn painted(theme: &Theme, picture: RgbImage, size: Size) -> (Buffer, Rect) {
        let surface = Painter::new(theme).picture(picture, size).unwrap();
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
    fn without_colours_light_becomes_shade() {
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
                .attention(&map, &picture, 1.0, Size::new(8, 4))
                .unwrap();
            assert_eq!(
                (surface.size(), surface.peak.map(|peak| (peak.x, peak.y))),
                (Size::new(8, 4), Some((6, 3)))
            );
        }
    }
}
