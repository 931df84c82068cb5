//! Backgrounds whose strength tells a share.

use ratatui::style::Color;

use super::palette::{Depth, Theme};

/// How much of the colour there is at the share 1, so that text on it can be read.
const MOST: f64 = 0.6;

impl Theme {
    /// The background of a cell that stands for a share in `[0, 1]`: the terminal's own at 0, `color` mixed into it the more
    /// the larger the share. `None` at 0 and on terminals that have no shades.
    #[must_use]
    pub fn shade(&self, color: Color, share: f64) -> Option<Color> {
        let (true, Color::Rgb(r, g, b)) = (matches!(self.depth, Depth::True | Depth::Indexed), color) else {
            return None;
        };
        let ground = if self.dark { 16.0 } else { 255.0 };
        let mix = |part: u8| {
            let cover = share.min(1.0) * MOST;
            (f64::from(part) * cover + ground * (1.0 - cover)).round() as u8
        };
        (share > 0.0).then(|| Color::Rgb(mix(r), mix(g), mix(b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_share_is_a_stronger_colour() {
        let theme = Theme::dark(Depth::True);
        let red = Color::Rgb(216, 16, 16);
        assert_eq!(theme.shade(red, 0.5), Some(Color::Rgb(76, 16, 16)));
        assert_eq!(theme.shade(red, 1.0), Some(Color::Rgb(136, 16, 16)));
        assert_eq!(theme.shade(red, 0.0), None);
        assert_eq!(theme.shade(red, f64::NAN), None);
        assert_eq!(
            Theme::light(Depth::True).shade(red, 1e-9),
            Some(Color::Rgb(255, 255, 255))
        );
        assert_eq!(Theme::dark(Depth::Sixteen).shade(red, 1.0), None);
    }
}
