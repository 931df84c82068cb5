//! The terminal as the screens use it: its colours, whether and how it shows pictures, and what it is sent.

use std::time::Duration;

use ratatui::layout::Size;

use super::{canvas::Canvas, graphics::Choice, meter::Meter, surface::Painter};
use crate::theme::Theme;

/// What the screens know of the terminal.
pub struct Display {
    pub theme: Theme,
    /// Whether samples are shown with their pictures or as text only.
    pub show_pictures: bool,
    pub painter: Painter,
    /// Whether pictures are shown in pixels.
    pub pixels: bool,
    /// Why the terminal cannot show pixels.
    no_pixels: &'static str,
    /// The pictures of pixels on the terminal.
    pub canvas: Canvas,
    /// Counts the bytes that are sent to the terminal.
    pub meter: Meter,
    /// The shortest time between two frames that show the run's records.
    pub frame: Duration,
    /// Whether to redraw everything, whatever the terminal is assumed to show.
    pub redraw: bool,
}

impl Display {
    /// A terminal without pixel graphics until [`Self::set_graphics`] reports them, with at most `fps` frames per
    /// second for a run's records.
    #[must_use]
    pub fn new(theme: Theme, show_pictures: bool, fps: u32) -> Self {
        Self {
            painter: Painter::new(&theme),
            theme,
            show_pictures,
            pixels: false,
            no_pixels: "the terminal reports none",
            canvas: Canvas::default(),
            meter: Meter::default(),
            frame: Duration::from_secs(1) / fps.max(1),
            redraw: false,
        }
    }

    /// Changes the colours; pictures must be painted again.
    pub fn set_theme(&mut self, theme: Theme) {
        let graphics = self.painter.graphics;
        self.painter = Painter::new(&theme);
        self.painter.graphics = graphics;
        self.theme = theme;
    }

    /// Applies the terminal's support for pictures, which must be painted again; returns why it shows no pixels that were
    /// asked for.
    pub fn set_graphics(&mut self, choice: Choice) -> Option<&'static str> {
        self.painter.graphics = choice.graphics;
        self.pixels = choice.pixels;
        self.no_pixels = choice.refused.unwrap_or(self.no_pixels);
        choice.refused
    }

    /// Toggles between pixels and half blocks; returns the notice about it.
    pub fn toggle_pixels(&mut self) -> String {
        match self.painter.graphics {
            _ if !self.show_pictures => "pictures are off (--images)".to_owned(),
            None => format!("no pixels: {}", self.no_pixels),
            Some(graphics) => {
                self.pixels = !self.pixels;
                if self.pixels {
                    format!("pixels ({})", graphics.protocol.name())
                } else {
                    "half blocks".to_owned()
                }
            }
        }
    }

    /// Has pixel pictures sent again after a resize. Returns whether a cell has another size in pixels, so that they must
    /// be painted again.
    pub fn resized(&mut self, cell: Option<Size>) -> bool {
        let Some(graphics) = &mut self.painter.graphics else {
            return false;
        };
        self.redraw |= self.pixels;
        let changed = cell.filter(|&cell| cell != graphics.cell);
        graphics.cell = changed.unwrap_or(graphics.cell);
        changed.is_some()
    }
}
