//! JPEG as Pillow decodes it: with libjpeg, to the bit.
//!
//! The `image` crate's decoder differs from libjpeg in a seventh of the samples, by up to 4, which moves the model's
//! input by more than the tolerance that its numbers are compared with.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::RgbImage;
use mozjpeg::{ColorSpace, Decompress};

/// Decodes to RGB. `None` for CMYK, which libjpeg does not convert. The caller has checked the picture's size.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<RgbImage>, String> {
    if !is_complete(bytes) {
        return Err("the file is truncated: the JPEG has no end marker".into());
    }
    // The binding reports libjpeg's fatal errors by unwinding, past the panic hook, with the message.
    catch_unwind(AssertUnwindSafe(|| to_rgb(bytes))).unwrap_or_else(|payload| {
        let message = payload.downcast::<String>().map(|message| *message);
        Err(message.unwrap_or_else(|_| "libjpeg gave up on it".into()))
    })
}

fn to_rgb(bytes: &[u8]) -> Result<Option<RgbImage>, String> {
    let text = |error: std::io::Error| error.to_string();
    let decompress = Decompress::new_mem(bytes).map_err(text)?;
    if matches!(
        decompress.color_space(),
        ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK
    ) {
        return Ok(None);
    }
    let mut started = decompress.rgb().map_err(text)?;
    let (width, height) = (started.width() as u32, started.height() as u32);
    let samples = started.read_scanlines::<u8>().map_err(text)?;
    RgbImage::from_raw(width, height, samples)
        .map(Some)
        .ok_or_else(|| "it has fewer rows than it says".into())
}

/// Decoders fill what is missing with gray without a word; Pillow refuses such a file, and so do we. True if an
/// end-of-image marker follows the first scan (in entropy-coded data a 0xFF is never followed by 0xD9).
fn is_complete(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        match rest {
            [0xFF, 0xFF, ..] => rest = &rest[1..],
            [0xFF, 0xDA, scan @ ..] => return scan.windows(2).any(|pair| pair == [0xFF, 0xD9]),
            [0xFF, 0x01 | 0xD0..=0xD8, after @ ..] => rest = after,
            [0xFF, _, high, low, ..] => {
                match rest.get(2 + usize::from(u16::from_be_bytes([*high, *low]))..) {
                    Some(after) => rest = after,
                    None => return false,
                }
            }
            // Junk between segments: libjpeg skips it too.
            [_, after @ ..] => rest = after,
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_data_is_an_error_and_no_panic() {
        // A whole file by its markers, with tables that make no sense.
        let nonsense = b"\xFF\xD8\xFF\xC0\x00\x0B\x08\x00\x10\x00\x10\x01\x01\x11\x07\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00\x12\xFF\xD9";
        assert!(is_complete(nonsense));
        let reason = decode(nonsense).unwrap_err();
        assert!(reason.contains("libjpeg"), "{reason}");
    }

    #[test]
    fn the_thumbnails_end_is_not_the_pictures() {
        let with_thumbnail = b"\xFF\xD8\xFF\xE1\x00\x06\xFF\xD8\xFF\xD9\xFF\xDA\x00\x02\x12\x34";
        assert!(!is_complete(with_thumbnail));
        assert!(is_complete(
            &[with_thumbnail.as_slice(), b"\xFF\xD9"].concat()
        ));
        assert!(!is_complete(b"\xFF\xD8\xFF\xE1\xFF\xFF\x00"));
    }
}
