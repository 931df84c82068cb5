//! A bound on the JPEG streams that a TIFF file may hold: one for each strip or tile, or the same one for many.

use std::{borrow::Cow, collections::HashSet, io::Cursor};

use tiff::{
    decoder::{Decoder, Limits},
    tags::{CompressionMethod, Tag},
};

use super::{
    jpeg::{Stream, Visits},
    limits::MAX_ANCILLARY_BYTES,
};
use crate::printable::printable;

/// Refuses a file whose streams' scans would keep a core for minutes, as is done with a JPEG file.
///
/// # Errors
/// A sentence; a damaged directory.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let reason = |error: tiff::TiffError| printable(&error.to_string()).into_owned();
    let mut limits = Limits::default();
    limits.ifd_value_size = MAX_ANCILLARY_BYTES as usize;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(reason)?.with_limits(limits);
    let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression).map_err(reason)?;
    if compression != Some(CompressionMethod::ModernJPEG.to_u16()) {
        return Ok(());
    }
    let tables = match decoder.find_tag(Tag::JPEGTables).map_err(reason)? {
        Some(tables) => tables.into_u8_vec().map_err(reason)?,
        None => Vec::new(),
    };
    let mut numbers = |tag| -> Result<Vec<u64>, String> {
        let found = decoder.find_tag_unsigned_vec(tag).map_err(reason)?;
        Ok(found.unwrap_or_default())
    };
    let mut visits = Visits::default();
    let mut seen = HashSet::new();
    let mut looked_at = 0_usize;
    for (offsets, lengths) in [
        (Tag::StripOffsets, Tag::StripByteCounts),
        (Tag::TileOffsets, Tag::TileByteCounts),
    ] {
        for place in numbers(offsets)?.into_iter().zip(numbers(lengths)?) {
            let data = part(bytes, place);
            // Tiles of a sparse file may share one stream; other overlaps serve only to make a decoder read
            // bytes over and over.
            if seen.insert(place) {
                looked_at = looked_at.saturating_add(data.len());
            }
            if looked_at > bytes.len() {
                return Err("its strips or tiles overlap, so save it again".to_owned());
            }
            visits.take(Stream::of(&joined(&tables, data)))?;
        }
    }
    Ok(())
}

fn part(bytes: &[u8], (offset, length): (u64, u64)) -> &[u8] {
    let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    &bytes[begin..begin.saturating_add(length).min(bytes.len())]
}

/// The stream as its decoder gets it: the common tables without their end marker, then the data without its start marker.
fn joined<'a>(tables: &[u8], data: &'a [u8]) -> Cow<'a, [u8]> {
    match tables.len().checked_sub(2) {
        None => Cow::Borrowed(data),
        Some(end) => Cow::Owned([&tables[..end], data.get(2..).unwrap_or_default()].concat()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::data::image_file::{DecodeOptions, decode_bytes};

    const SIDE: u16 = 64;

    /// A gray file of `SIDE` pixels each way, whose strips are these parts of the stream, and common tables.
    fn file(stream: &[u8], strips: &[(u32, u32)], tables: &[u8]) -> Vec<u8> {
        let (tables_at, lists_at) = (8 + stream.len() as u32, 8 + (stream.len() + tables.len()) as u32);
        let count = strips.len() as u32;
        let list = |at: u32, numbers: Vec<u32>| match numbers[..] {
            [one] => (one, Vec::new()),
            _ => (
                at,
                numbers
                    .iter()
                    .flat_map(|number| number.to_le_bytes())
                    .collect::<Vec<u8>>(),
            ),
        };
        let (offsets, offset_bytes) = list(lists_at, strips.iter().map(|(offset, _)| 8 + offset).collect());
        let (lengths, length_bytes) = list(lists_at + 4 * count, strips.iter().map(|(_, length)| *length).collect());
        let directory_at = lists_at + (offset_bytes.len() + length_bytes.len()) as u32;
        let side = u32::from(SIDE);
        let entries: [(u16, u16, u32, u32); 10] = [
            (256, 3, 1, side),
            (257, 3, 1, side),
            (258, 3, 1, 8),
            (259, 3, 1, 7),
            (262, 3, 1, 1),
            (273, 4, count, offsets),
            (277, 3, 1, 1),
            (278, 3, 1, side.div_ceil(count)),
            (279, 4, count, lengths),
            (347, 7, tables.len() as u32, tables_at),
        ];
        let entries = &entries[..if tables.is_empty() { 9 } else { 10 }];
        let mut bytes = [b"II\x2A\0".as_slice(), &directory_at.to_le_bytes(), stream, tables].concat();
        bytes.extend([offset_bytes, length_bytes].concat());
        bytes.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            bytes.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
        }
        bytes.extend([0; 4]);
        bytes
    }

    fn gray() -> Vec<u8> {
        let picture = image::GrayImage::from_fn(SIDE.into(), SIDE.into(), |x, _| image::Luma([x as u8 * 3]));
        let mut jpeg = Cursor::new(Vec::new());
        picture.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
        jpeg.into_inner()
    }

    /// So many scans of `side` pixels each way, as far as markers tell.
    fn bomb(scans: usize, side: u16) -> Vec<u8> {
        let side = side.to_be_bytes();
        let frame = [
            b"\xFF\xD8\xFF\xC2\x00\x0B\x08".as_slice(),
            &side,
            &side,
            b"\x01\x01\x11\x00",
        ]
        .concat();
        let scan = b"\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00\x12\xFF\x00\x34";
        [frame, scan.repeat(scans), b"\xFF\xD9".to_vec()].concat()
    }

    fn refused(bytes: &[u8]) -> String {
        let begin = Instant::now();
        let reason = decode_bytes(bytes, DecodeOptions::default()).unwrap_err();
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
        reason
    }

    #[test]
    fn a_jpeg_in_a_tiff_is_read() {
        let jpeg = gray();
        let length = jpeg.len() as u32;
        let picture = decode_bytes(&file(&jpeg, &[(0, length)], b""), DecodeOptions::default()).unwrap();
        assert_eq!(picture.dimensions(), (SIDE.into(), SIDE.into()));
        assert!(picture.get_pixel(60, 5).0[0] > 150 && picture.get_pixel(2, 5).0[0] < 30);
    }

    #[test]
    fn scans_are_bounded_as_in_a_jpeg_file() {
        let whole = |stream: &[u8], tables: &[u8]| file(stream, &[(0, stream.len() as u32)], tables);
        for bytes in [
            whole(&bomb(5000, SIDE), b""),
            // The scans stand in the common tables.
            whole(&gray(), &bomb(5000, SIDE)),
            // The strip is small, but its frame header claims many pixels.
            whole(&bomb(90, 16_000), b""),
        ] {
            let reason = refused(&bytes);
            assert!(
                reason.contains(" scans of ") && reason.contains("save it again"),
                "{reason}"
            );
        }
    }

    #[test]
    fn one_stream_for_all_strips_counts_for_each() {
        let stream = bomb(90, 3000);
        let length = stream.len() as u32;
        let reason = refused(&file(&stream, &vec![(0, length); 64], b""));
        assert!(reason.contains("90 scans of 9000000 pixels"), "{reason}");
        // Each strip begins one byte later, so that no two are the same.
        let stream = [vec![0; 100_000], bomb(1, 8)].concat();
        let strips: Vec<_> = (0..64).map(|at| (at, stream.len() as u32 - at)).collect();
        let reason = refused(&file(&stream, &strips, b""));
        assert!(reason.contains("overlap"), "{reason}");
    }
}
