//! TIFF files of the kinds that the `image` crate refuses: a palette, gray with alpha, gray of 2, 4 or 32 bits.

use std::{borrow::Cow, io::Cursor};

use image::{RgbImage, metadata::Orientation};
use tiff::{
    ColorType,
    decoder::{Decoder, DecodingResult, Limits},
    tags::{ByteOrder, CompressionMethod, PhotometricInterpretation, Tag},
};

use super::limits::{MAX_ANCILLARY_BYTES, MAX_DECODED_BYTES, MAX_PIXELS};
use crate::printable::printable;

/// How a file's samples become colours, where the `image` crate does not know it.
enum Samples {
    /// Indices of so many bits into a palette, as RGB.
    Palette(u8, Vec<[u8; 3]>),
    /// Gray of so many bits, black or white being zero.
    Gray { bits: u8, inverted: bool },
    /// Gray as numbers, which Pillow cuts at 0 and 255.
    Numbers,
}

/// A TIFF file's first picture.
pub(super) struct Tiff<'a> {
    bytes: Cow<'a, [u8]>,
    pub dimensions: (u32, u32),
    /// How to turn the picture: a TIFF's own, which Pillow always follows.
    pub orientation: Orientation,
    samples: Option<Samples>,
}

impl<'a> Tiff<'a> {
    /// Reads the first directory.
    ///
    /// # Errors
    /// A damaged file, or a compression that is not read.
    pub fn open(bytes: &'a [u8]) -> Result<Self, String> {
        let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(reason)?;
        let mut number = |tag| decoder.find_tag_unsigned::<u16>(tag).map_err(reason);
        let photometric = number(Tag::PhotometricInterpretation)?;
        let compression = number(Tag::Compression)?;
        let orientation = number(Tag::Orientation).unwrap_or(None).unwrap_or(1);
        let count = number(Tag::SamplesPerPixel).unwrap_or(None).unwrap_or(1);
        if compression.is_some_and(|method| {
            [CompressionMethod::Huffman.to_u16(), CompressionMethod::Fax3.to_u16()].contains(&method)
        }) {
            return Err(
                "it is compressed as CCITT group 3, which is not supported; save it as group 4 (T.6), or as PNG".into(),
            );
        }
        let bits = decoder
            .find_tag_unsigned_vec::<u16>(Tag::BitsPerSample)
            .map_err(reason)?;
        let bits = bits.and_then(|bits| bits.first().copied()).unwrap_or(1);
        let mut tiff = Self {
            dimensions: decoder.dimensions().map_err(reason)?,
            orientation: u8::try_from(orientation)
                .ok()
                .and_then(Orientation::from_exif)
                .unwrap_or(Orientation::NoTransforms),
            samples: None,
            bytes: Cow::Borrowed(bytes),
        };
        let kind = photometric.and_then(PhotometricInterpretation::from_u16);
        let inverted = kind == Some(PhotometricInterpretation::WhiteIsZero);
        tiff.samples = match (kind, bits) {
            (Some(PhotometricInterpretation::RGBPalette), 1 | 2 | 4 | 8) => {
                let map = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(reason)?;
                let third = map.len() / 3;
                let high = |at: usize| map.get(at).map_or(0, |sample| sample.to_be_bytes()[0]);
                let colours = (0..third).map(|at| [high(at), high(at + third), high(at + 2 * third)]);
                Some(Samples::Palette(bits as u8, colours.collect()))
            }
            (Some(PhotometricInterpretation::BlackIsZero | PhotometricInterpretation::WhiteIsZero), bits) => match bits
            {
                2 | 4 => Some(Samples::Gray {
                    bits: bits as u8,
                    inverted,
                }),
                8 if count > 1 => Some(Samples::Gray { bits: 8, inverted }),
                32 => Some(Samples::Numbers),
                _ => None,
            },
            _ => None,
        };
        if tiff.samples.is_some() {
            let directory = decoder.ifd_pointer().map(|pointer| pointer.0);
            tiff.bytes = Cow::Owned(as_black_is_zero(bytes, directory, decoder.byte_order())?);
        }
        Ok(tiff)
    }

    /// Decodes a kind that the `image` crate refuses; `None` for the others. The caller has checked the size.
    ///
    /// # Errors
    /// A damaged file.
    pub fn decode(&self) -> Result<Option<RgbImage>, String> {
        let Some(samples) = &self.samples else { return Ok(None) };
        let mut limits = Limits::default();
        limits.decoding_buffer_size = MAX_DECODED_BYTES as usize;
        limits.intermediate_buffer_size = MAX_DECODED_BYTES as usize;
        limits.ifd_value_size = MAX_ANCILLARY_BYTES as usize;
        let mut decoder = Decoder::new(Cursor::new(&*self.bytes))
            .map_err(reason)?
            .with_limits(limits);
        let (width, height) = self.dimensions;
        let pixels = u64::from(width) * u64::from(height);
        let samples_of_a_pixel = match decoder.colortype().map_err(reason)? {
            ColorType::Multiband { num_samples, .. } => u64::from(num_samples),
            _ => 1,
        };
        if pixels * samples_of_a_pixel > MAX_PIXELS * 4 {
            return Err(format!(
                "its {width} x {height} pixels have too many samples, so make it smaller"
            ));
        }
        let decoded = decoder.read_image().map_err(reason)?;
        let rgb: Vec<u8> = match (samples, decoded) {
            (Samples::Palette(bits, colours), DecodingResult::U8(packed)) => {
                let indices = unpacked(&packed, *bits, width, height);
                let colour = |index: &u8| colours.get(usize::from(*index)).copied().unwrap_or_default();
                indices.iter().flat_map(colour).collect()
            }
            (Samples::Gray { bits, inverted }, DecodingResult::U8(packed)) => {
                let most = u8::MAX >> (8 - bits);
                let gray = |sample: &u8| {
                    let gray = sample * (u8::MAX / most);
                    [if *inverted { u8::MAX - gray } else { gray }; 3]
                };
                unpacked(&packed, *bits, width, height).iter().flat_map(gray).collect()
            }
            (Samples::Numbers, DecodingResult::F32(numbers)) => repeated(&numbers, |number| number as u8),
            (Samples::Numbers, DecodingResult::I32(numbers)) => repeated(&numbers, |number| number.clamp(0, 255) as u8),
            (Samples::Numbers, DecodingResult::U32(numbers)) => repeated(&numbers, |number| number.min(255) as u8),
            _ => return Err("the format of its samples is not supported; save it as PNG".into()),
        };
        RgbImage::from_raw(width, height, rgb)
            .map(Some)
            .ok_or_else(|| "it has fewer rows than its header says".into())
    }
}

/// Each sample three times.
fn repeated<T: Copy>(numbers: &[T], gray: impl Fn(T) -> u8) -> Vec<u8> {
    numbers.iter().flat_map(|number| [gray(*number); 3]).collect()
}

/// The first sample of each pixel, from rows that begin with a byte.
fn unpacked(packed: &[u8], bits: u8, width: u32, height: u32) -> Vec<u8> {
    let (width, height) = (width as usize, height as usize);
    if bits == 8 {
        let step = (packed.len() / (width * height).max(1)).max(1);
        return packed.iter().step_by(step).copied().collect();
    }
    let of_byte = usize::from(8 / bits);
    let mask = u8::MAX >> (8 - bits);
    let row = |row: &[u8]| -> Vec<u8> {
        let sample = |x: usize| {
            let shift = 8 - usize::from(bits) * (x % of_byte + 1);
            row.get(x / of_byte).map_or(0, |byte| (byte >> shift) & mask)
        };
        (0..width).map(sample).collect()
    };
    packed
        .chunks(width.div_ceil(of_byte).max(1))
        .take(height)
        .flat_map(row)
        .collect()
}

/// The file with its first directory's photometric interpretation changed, so that the decoder gives samples as they
/// are stored.
fn as_black_is_zero(bytes: &[u8], directory: Option<u64>, order: ByteOrder) -> Result<Vec<u8>, String> {
    let damaged = || "its directory is damaged".to_owned();
    let mut bytes = bytes.to_vec();
    let start = directory.and_then(|at| usize::try_from(at).ok()).ok_or_else(damaged)?;
    let number = |bytes: &[u8], at: usize, length: usize| -> Option<u64> {
        let digits = bytes.get(at..at.checked_add(length)?)?;
        let join = |sum: u64, digit: &u8| (sum << 8) | u64::from(*digit);
        Some(match order {
            ByteOrder::LittleEndian => digits.iter().rev().fold(0, join),
            ByteOrder::BigEndian => digits.iter().fold(0, join),
        })
    };
    let is_big = number(&bytes, 2, 2) == Some(43);
    let (count_bytes, entry_bytes, value_at) = if is_big { (8, 20, 12) } else { (2, 12, 8) };
    let count = number(&bytes, start, count_bytes).ok_or_else(damaged)?;
    for index in 0..usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len()) {
        let entry = start + count_bytes + index * entry_bytes;
        let tag = number(&bytes, entry, 2).ok_or_else(damaged)?;
        if tag == u64::from(Tag::PhotometricInterpretation.to_u16()) {
            let value = bytes
                .get_mut(entry + value_at..entry + value_at + 2)
                .ok_or_else(damaged)?;
            let black_is_zero = PhotometricInterpretation::BlackIsZero.to_u16();
            value.copy_from_slice(&match order {
                ByteOrder::LittleEndian => black_is_zero.to_le_bytes(),
                ByteOrder::BigEndian => black_is_zero.to_be_bytes(),
            });
            return Ok(bytes);
        }
    }
    Err(damaged())
}

fn reason(error: tiff::TiffError) -> String {
    printable(&error.to_string()).into_owned()
}
