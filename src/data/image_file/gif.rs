//! GIF files whose first frame is smaller than the canvas: Pillow fills the rest with the transparent colour's entry
//! in the palette, or the first where there is none; the `image` crate leaves it black.

use image::{Rgb, RgbImage};

/// What stands before the first frame's pixels.
struct Frame {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    outside: Rgb<u8>,
}

/// Fills what the first frame leaves of the canvas.
pub(super) fn fill_as_pillow(bytes: &[u8], picture: &mut RgbImage) {
    let Some(frame) = first_frame(bytes) else { return };
    let inside = |x: u32, y: u32| {
        (frame.left..frame.left + frame.width).contains(&x) && (frame.top..frame.top + frame.height).contains(&y)
    };
    if frame.left == 0 && frame.top == 0 && frame.width >= picture.width() && frame.height >= picture.height() {
        return;
    }
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if !inside(x, y) {
            *pixel = frame.outside;
        }
    }
}

/// `None` for a file that ends before its first frame, which the decoder refuses, and for one without a palette.
fn first_frame(bytes: &[u8]) -> Option<Frame> {
    const GRAPHIC_CONTROL: u8 = 0xF9;
    let table_bytes = |packed: u8| {
        if packed & 0x80 == 0 {
            0
        } else {
            3 << (usize::from(packed & 7) + 1)
        }
    };
    let global = table_bytes(*bytes.get(10)?);
    let mut at = 13 + global;
    let mut transparent = None;
    while *bytes.get(at)? == 0x21 {
        let kind = *bytes.get(at + 1)?;
        at += 2;
        if kind == GRAPHIC_CONTROL && bytes.get(at + 1)? & 1 == 1 {
            transparent = Some(*bytes.get(at + 4)?);
        }
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += length + 1;
            if length == 0 {
                break;
            }
        }
    }
    let descriptor = bytes.get(at..at + 10).filter(|descriptor| descriptor[0] == 0x2C)?;
    let [left, top, width, height] =
        [1, 3, 5, 7].map(|at| u32::from(u16::from_le_bytes([descriptor[at], descriptor[at + 1]])));
    let local = table_bytes(descriptor[9]);
    let table = if local > 0 {
        bytes.get(at + 10..at + 10 + local)?
    } else {
        bytes.get(13..13 + global)?
    };
    let entry = 3 * usize::from(transparent.unwrap_or(0));
    let colour = table.get(entry..entry + 3)?;
    Some(Frame {
        left,
        top,
        width,
        height,
        outside: Rgb([colour[0], colour[1], colour[2]]),
    })
}
