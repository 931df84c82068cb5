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
    if matches!(decompress.color_space(), ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK) {
        return Ok(None);
    }
    let mut started = decompress.rgb().map_err(text)?;
    let (width, height) = (started.width() as u32, started.height() as u32);
    let samples = started.read_scanlines::<u8>().map_err(text)?;
    RgbImage::from_raw(width, height, samples)
        .map(Some)
        .ok_or_else(|| "it has fewer rows than its header says".into())
}

/// No encoder writes as many scans; most write 10.
const MAX_SCANS: usize = 100;

/// Each scan of a progressive picture visits all its pixels: so many visits take about two seconds.
const MAX_VISITS: u64 = 4_000_000_000;

/// Refuses a progressive picture whose scans would keep a core for minutes.
pub(super) fn check_scans(bytes: &[u8], pixels: u64) -> Result<(), String> {
    let stream = Stream {
        pixels,
        ..Stream::of(bytes)
    };
    Visits::default().take(stream)
}

/// What the scans of one or several streams visit in all.
#[derive(Debug, Default)]
pub(super) struct Visits(u64);

impl Visits {
    /// Counts a stream in.
    ///
    /// # Errors
    /// A sentence, where it would keep a core for minutes, alone or with those before it.
    pub fn take(&mut self, Stream { scans, pixels }: Stream) -> Result<(), String> {
        self.0 = self.0.saturating_add((scans as u64).saturating_mul(pixels));
        if scans > MAX_SCANS || self.0 > MAX_VISITS {
            return Err(format!(
                "it has {scans} scans of {pixels} pixels; at most {MAX_SCANS} scans and {MAX_VISITS} pixels in all \
                 scans are decoded, so save it again with fewer scans"
            ));
        }
        Ok(())
    }
}

/// A JPEG stream up to its end marker, as far as its markers tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stream {
    pub scans: usize,
    /// As its frame header says.
    pub pixels: u64,
}

impl Stream {
    pub fn of(bytes: &[u8]) -> Self {
        let mut rest = bytes.get(2..).unwrap_or_default();
        let mut stream = Self::default();
        loop {
            match rest {
                [0xFF, 0xD9, ..] | [] => return stream,
                [0xFF, 0xDA, ..] => {
                    stream.scans += 1;
                    rest = &rest[2..];
                }
                // Fill bytes, data and restart marks have no length.
                [0xFF, 0x00 | 0x01 | 0xD0..=0xD8, after @ ..] => rest = after,
                [0xFF, 0xFF, ..] => rest = &rest[1..],
                [0xFF, marker, high, low, segment @ ..] => {
                    // A frame header, which is neither Huffman tables, an extension nor arithmetic coding's.
                    if let (0xC0..=0xCF, [_, h1, h2, w1, w2, ..]) = (*marker, segment)
                        && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
                    {
                        let side = |high: &u8, low: &u8| u64::from(u16::from_be_bytes([*high, *low]));
                        stream.pixels = stream.pixels.max(side(h1, h2) * side(w1, w2));
                    }
                    let length = usize::from(u16::from_be_bytes([*high, *low]));
                    rest = rest.get(2 + length..).unwrap_or_default();
                }
                [_, after @ ..] => {
                    // In a scan's data only a 0xFF matters.
                    let next = after.iter().position(|byte| *byte == 0xFF).unwrap_or(after.len());
                    rest = &after[next..];
                }
            }
        }
    }
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
            [0xFF, _, high, low, ..] => match rest.get(2 + usize::from(u16::from_be_bytes([*high, *low]))..) {
                Some(after) => rest = after,
                None => return false,
            },
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
    fn broken_data_is_an_error_not_a_panic() {
        // A whole file by its markers, with tables that make no sense.
        let nonsense = b"\xFF\xD8\xFF\xC0\x00\x0B\x08\x00\x10\x00\x10\x01\x01\x11\x07\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00\x12\xFF\xD9";
        assert!(is_complete(nonsense));
        let reason = decode(nonsense).unwrap_err();
        assert!(reason.contains("libjpeg"), "{reason}");
    }

    #[test]
    fn scans_are_counted_and_bounded() {
        let scan = b"\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00\x12\xFF\x00\xFF\xD0\x34";
        // A thumbnail's scan and a comment's bytes are not the picture's.
        let head = b"\xFF\xD8\xFF\xE1\x00\x06\xFF\xDA\xFF\xD9\xFF\xFF\xFE\x00\x04\xFF\xDA";
        let file = |count: usize| [head.as_slice(), &scan.repeat(count), b"\xFF\xD9", scan].concat();
        for count in [0, 1, 10, MAX_SCANS] {
            assert_eq!(Stream::of(&file(count)).scans, count);
            assert_eq!(check_scans(&file(count), 1000), Ok(()));
        }
        for (count, pixels) in [(MAX_SCANS + 1, 64), (10, MAX_VISITS)] {
            let reason = check_scans(&file(count), pixels).unwrap_err();
            assert!(
                reason.contains(&format!("{count} scans")) && reason.contains("save it again"),
                "{reason}"
            );
        }
        assert_eq!(Stream::of(b"\xFF\xD8\xFF\xE1\xFF\xFF"), Stream::default());
        let frame =
            b"\xFF\xD8\xFF\xC4\x00\x08\x00\xFF\xFF\xFF\xFF\x00\xFF\xC2\x00\x0B\x08\x00\x20\x01\x00\x01\x01\x11\x00";
        let (scans, pixels) = (1, 32 * 256);
        assert_eq!(
            Stream::of(&[frame.as_slice(), scan, b"\xFF\xD9"].concat()),
            Stream { scans, pixels }
        );
        // Many streams that are fit each.
        let (scans, pixels, mut visits) = (10, MAX_VISITS / 100, Visits::default());
        for _ in 0..10 {
            assert_eq!(visits.take(Stream { scans, pixels }), Ok(()));
        }
        assert!(visits.take(Stream { scans, pixels }).is_err());
    }

    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end_of_the_picture() {
        let with_thumbnail = b"\xFF\xD8\xFF\xE1\x00\x06\xFF\xD8\xFF\xD9\xFF\xDA\x00\x02\x12\x34";
        assert!(!is_complete(with_thumbnail));
        assert!(is_complete(&[with_thumbnail.as_slice(), b"\xFF\xD9"].concat()));
        assert!(!is_complete(b"\xFF\xD8\xFF\xE1\xFF\xFF\x00"));
    }
}
