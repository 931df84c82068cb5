//! Encodes pictures for the terminal's protocols. ratatui-image handles sixel and iTerm2. Kitty's protocol is
//! implemented here: ratatui-image places its pictures with placeholder characters, which kitty before 0.28 and other
//! terminals with this protocol do not support. We place pictures over the cells, which all of them support.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU32, Ordering},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use image::{
    DynamicImage, ExtendedColorType, ImageEncoder, RgbImage,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};
use ratatui::layout::{Rect, Size};
use ratatui_image::protocol::{iterm2::Iterm2, sixel::Sixel};

use super::graphics::{Graphics, Protocol};

/// The largest number of base64 bytes in one of kitty's chunks.
const PIECE: usize = 4096;

/// An encoded picture.
#[derive(Debug)]
pub struct Pixels {
    protocol: Protocol,
    /// The size in cells.
    pub size: Size,
    /// The picture's number in kitty's protocol.
    pub id: u32,
    /// For kitty, the bytes that transmit the picture; for others, those that show it at the cursor.
    pub data: String,
}

/// Encodes a picture in the terminal's own pixels.
///
/// # Errors
/// If the protocol's encoder does not accept the picture.
pub fn encode(picture: &RgbImage, graphics: Graphics) -> Result<Pixels, Box<dyn std::error::Error>> {
    static LAST_ID: AtomicU32 = AtomicU32::new(0);

    let cells = |pixels: u32, cell: u16| u16::try_from(pixels.div_ceil(u32::from(cell.max(1))));
    let size = Size::new(
        cells(picture.width(), graphics.cell.width)?,
        cells(picture.height(), graphics.cell.height)?,
    );
    let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
    let image = || DynamicImage::ImageRgb8(picture.clone());
    let data = match graphics.protocol {
        Protocol::Kitty => transmission(id, picture)?,
        Protocol::Iterm2 => Iterm2::new(image(), size, false)?.data,
        Protocol::Sixel => Sixel::new(image(), size, false)?.data,
    };
    Ok(Pixels {
        protocol: graphics.protocol,
        size,
        id,
        data,
    })
}

impl Pixels {
    /// Whether the terminal keeps the picture in memory, where it is placed and deleted by number.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.protocol == Protocol::Kitty
    }

    /// The bytes that show the picture at a place and clear everything else there. `known`: the terminal already has
    /// the picture.
    #[must_use]
    pub fn shown(&self, place: Rect, known: bool) -> String {
        let at = cursor(place.x, place.y);
        if self.is_kept() {
            let (bare, data) = (blanked(place), if known { "" } else { &self.data });
            // C=1 keeps the cursor in place; moving it could scroll the screen at the bottom.
            format!(
                "{bare}{at}{data}\x1b_Ga=p,i={},p={},C=1,q=2\x1b\\",
                self.id,
                number(place)
            )
        } else {
            // These protocols overwrite the cells themselves.
            format!("{at}{}", self.data)
        }
    }

    /// The bytes that remove the picture from a place. Other protocols' pictures vanish when their cells are written.
    #[must_use]
    pub fn hidden(&self, place: Rect) -> String {
        if self.is_kept() {
            format!("\x1b_Ga=d,d=i,i={},p={},q=2\x1b\\", self.id, number(place))
        } else {
            String::new()
        }
    }
}

/// The bytes that delete a picture from kitty's memory.
#[must_use]
pub fn forgotten(id: u32) -> String {
    format!("\x1b_Ga=d,d=I,i={id},q=2\x1b\\")
}

/// The bytes that blank the cells of a place.
#[must_use]
pub fn blanked(place: Rect) -> String {
    (place.y..place.bottom()).fold(String::new(), |mut text, y| {
        // Writing to a string does not fail.
        let _ = write!(text, "{}\x1b[{}X", cursor(place.x, y), place.width);
        text
    })
}

fn cursor(x: u16, y: u16) -> String {
    format!("\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1)
}

/// Kitty's number of a picture's place, from 1.
fn number(place: Rect) -> u32 {
    (u32::from(place.y) << 16 | u32::from(place.x)) + 1
}

/// The bytes that transmit a picture to kitty under a number without showing it.
fn transmission(id: u32, picture: &RgbImage) -> image::ImageResult<String> {
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Sub).write_image(
        picture.as_raw(),
        picture.width(),
        picture.height(),
        ExtendedColorType::Rgb8,
    )?;
    let text = BASE64_STANDARD.encode(png);
    let mut data = String::with_capacity(text.len() + text.len() / 128 + 64);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(PIECE));
        let head = if data.is_empty() {
            format!("a=t,f=100,i={id},")
        } else {
            String::new()
        };
        let _ = write!(data, "\x1b_G{head}q=2,m={};{piece}\x1b\\", u8::from(!after.is_empty()));
        rest = after;
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(protocol: Protocol) -> Pixels {
        // Noise, so that the data needs several chunks.
        let picture = RgbImage::from_fn(95, 54, |x, y| {
            let n = x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519);
            image::Rgb([n as u8, (n >> 8) as u8, (n >> 16) as u8])
        });
        let graphics = Graphics {
            protocol,
            cell: Size::new(10, 18),
        };
        encode(&picture, graphics).unwrap()
    }

    #[test]
    fn a_kitty_picture_is_reassembled_from_its_chunks() {
        let pixels = encoded(Protocol::Kitty);
        assert_eq!(pixels.size, Size::new(10, 3));
        let pieces: Vec<(&str, &str)> = pixels
            .data
            .split_terminator("\x1b\\")
            .map(|piece| piece.strip_prefix("\x1b_G").unwrap().split_once(';').unwrap())
            .collect();
        assert!(pieces.len() > 1);
        let last = pieces.len() - 1;
        for (n, (keys, piece)) in pieces.iter().enumerate() {
            assert_eq!(keys.ends_with("m=1"), n < last, "{keys}");
            assert_eq!(keys.contains(&format!("i={},", pixels.id)), n == 0, "{keys}");
            assert!(piece.len() == PIECE || n == last);
        }
        let text: String = pieces.iter().map(|(_, piece)| *piece).collect();
        let picture = image::load_from_memory(&BASE64_STANDARD.decode(text).unwrap()).unwrap();
        assert_eq!((picture.width(), picture.height()), (95, 54));
    }

    #[test]
    fn a_kept_picture_is_sent_once_and_removed_by_its_id() {
        let (pixels, place) = (encoded(Protocol::Kitty), Rect::new(4, 2, 10, 3));
        let first = pixels.shown(place, false);
        let again = pixels.shown(place, true);
        assert!(first.starts_with("\x1b[3;5H") && first.contains(&pixels.data));
        assert!(!again.contains("a=t") && again.contains(&format!("a=p,i={},p=131077,C=1", pixels.id)));
        assert!(pixels.hidden(place).contains(&format!("d=i,i={},p=131077", pixels.id)));
    }

    #[test]
    fn the_other_pictures_are_sent_each_time() {
        for (protocol, begin) in [(Protocol::Sixel, "\x1bP"), (Protocol::Iterm2, "\x1b]1337;File=")] {
            let (pixels, place) = (encoded(protocol), Rect::new(0, 0, 10, 3));
            for known in [false, true] {
                assert!(pixels.shown(place, known).contains(begin), "{protocol:?}");
            }
            assert_eq!(pixels.hidden(place), "");
        }
    }
}
