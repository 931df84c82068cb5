//! Image files to 8-bit RGB, as Pillow's `Image.open(path).convert("RGB")` gives them.
//!
//! Grayscale is repeated, a palette looked up, alpha dropped without blending, CMYK converted, a TIFF turned as it
//! says. Of 16-bit samples the high byte is kept; here we leave Pillow, which saturates 16-bit *grayscale* at 255 and
//! so turns nearly every such picture white. Other than in Pillow, colours that a TIFF file has multiplied with its
//! alpha stay so, CMYK may be off by 2, and a TIFF file in CCITT group 3, with Lab colours or with colours as floating
//! point numbers is refused or, the last, read as shares of white.

mod bmp;
mod gif;
#[cfg(test)]
mod hostile;
mod jpeg;
mod limits;
mod tiff;
mod tiff_scans;

use crate::bounded_file::{open_regular, read_bounded};
use crate::printable::{printable, printable_path};
use std::{
    fs,
    io::{Cursor, Read},
    panic::catch_unwind,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage, metadata::Orientation};

pub use limits::MAX_PIXELS;
use limits::{MAX_ANCILLARY_BYTES, MAX_DECODED_BYTES, MAX_FILE_BYTES, MAX_PIXEL_BYTES};

/// Larger pictures are decoded one at a time: a folder of giants takes the memory of one, whatever the threads.
const LARGE_PIXELS: u64 = 25_000_000;
static LARGE: Mutex<()> = Mutex::new(());

/// The formats that are read; what a file is, its first bytes say, not its name.
const FORMATS: [ImageFormat; 6] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::WebP,
    ImageFormat::Gif,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
];

/// File-name endings (lower case) of the formats that are read.
const ENDINGS: [&str; 10] = ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff"];

/// How files are decoded; the default is the reference's way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Turn the picture as its EXIF orientation says. The reference ignores it.
    pub exif_orientation: bool,
}

/// A file that is no picture to us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the image {}: {reason}", printable_path(path))]
pub struct DecodeError {
    pub path: PathBuf,
    pub reason: String,
}

/// Decodes a file to `[height, width, 3]` bytes; of an animation, the first frame.
///
/// # Errors
/// A missing, empty, truncated or foreign file, or a picture above [`MAX_PIXELS`].
pub fn decode(path: &Path, options: DecodeOptions) -> Result<RgbImage, DecodeError> {
    let decode = |bytes: Vec<u8>| {
        // A decoder's fault in one picture is not to end a run of a hundred thousand.
        catch_unwind(|| decode_bytes(&bytes, options)).unwrap_or_else(|_| Err("its decoder panicked".into()))
    };
    read_file(path).and_then(decode).map_err(|reason| DecodeError {
        path: path.to_owned(),
        reason,
    })
}

/// Whether the file begins as one of the formats that are read: cheap enough for each file of a large dataset.
///
/// # Errors
/// A missing, empty or foreign file.
pub fn probe(path: &Path) -> Result<(), DecodeError> {
    let check = || {
        regular_file_size(path)?;
        let mut head = Vec::with_capacity(16);
        open_regular(path)
            .and_then(|file| file.take(16).read_to_end(&mut head))
            .map_err(|error| error.to_string())?;
        format_of(&head).map(drop)
    };
    check().map_err(|reason| DecodeError {
        path: path.to_owned(),
        reason,
    })
}

/// Whether the name ends as image files do.
#[must_use]
pub fn is_image_name(path: &Path) -> bool {
    path.extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(|ending| ENDINGS.contains(&ending.trim_end().to_ascii_lowercase().as_str()))
}

fn regular_file_size(path: &Path) -> Result<u64, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    match metadata.len() {
        _ if !metadata.is_file() => Err("it is not a regular file".into()),
        0 => Err("the file is empty".into()),
        size if size > MAX_FILE_BYTES => Err(format!("the file has {size} bytes; at most {MAX_FILE_BYTES} are read")),
        size => Ok(size),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    regular_file_size(path)?;
    read_bounded(path, MAX_FILE_BYTES).map_err(|error| error.to_string())
}

fn format_of(head: &[u8]) -> Result<ImageFormat, String> {
    const BIG_TIFF: [&[u8]; 2] = [b"II\x2B\0\x08\0", b"MM\0\x2B\0\x08"];
    if BIG_TIFF.iter().any(|mark| head.starts_with(mark)) {
        return Ok(ImageFormat::Tiff);
    }
    image::guess_format(head)
        .ok()
        .filter(|format| FORMATS.contains(format))
        .ok_or_else(|| "its first bytes are not those of a JPEG, PNG, WebP, GIF, BMP or TIFF file".into())
}

fn decode_bytes(bytes: &[u8], options: DecodeOptions) -> Result<RgbImage, String> {
    let format = format_of(bytes)?;
    let decoder = |pixels: u64| {
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MAX_ANCILLARY_BYTES + (pixels * MAX_PIXEL_BYTES).min(MAX_DECODED_BYTES));
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        reader.limits(limits);
        reader.into_decoder().map_err(reason)
    };
    let tiff = (format == ImageFormat::Tiff)
        .then(|| tiff::Tiff::open(bytes))
        .transpose()?;
    let (width, height) = match &tiff {
        Some(tiff) => tiff.dimensions,
        None => decoder(0)?.dimensions(),
    };
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        return Err(format!(
            "the picture has {width} x {height} pixels; at most {MAX_PIXELS} are read, so make it smaller"
        ));
    }
    if width == 0 || height == 0 {
        return Err("the picture has no pixels".into());
    }
    if format == ImageFormat::Jpeg {
        jpeg::check_scans(bytes, pixels)?;
    }
    if format == ImageFormat::Tiff {
        tiff_scans::check(bytes)?;
    }
    let large = (pixels > LARGE_PIXELS).then(|| LARGE.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(tiff) = &tiff
        && let Some(rgb) = tiff.decode()?
    {
        return Ok(turned(rgb.into(), tiff.orientation).into_rgb8());
    }
    let mut decoder = decoder(pixels)?;
    if decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(format!(
            "its {width} x {height} pixels take {} bytes; at most {MAX_DECODED_BYTES} are taken, so make it smaller",
            decoder.total_bytes()
        ));
    }
    let orientation = match &tiff {
        Some(tiff) => tiff.orientation,
        None if options.exif_orientation => decoder.orientation().map_err(reason)?,
        None => Orientation::NoTransforms,
    };
    let libjpegs = if format == ImageFormat::Jpeg {
        jpeg::decode(bytes)?
    } else {
        None
    };
    let picture = match libjpegs {
        Some(rgb) => rgb.into(),
        None => DynamicImage::from_decoder(decoder).map_err(reason)?,
    };
    let mut rgb = to_rgb8(turned(picture, orientation));
    match format {
        ImageFormat::Bmp => bmp::round_as_pillow(bytes, &mut rgb),
        ImageFormat::Gif => gif::fill_as_pillow(bytes, &mut rgb),
        _ => {}
    }
    drop(large);
    Ok(rgb)
}

fn turned(mut picture: DynamicImage, orientation: Orientation) -> DynamicImage {
    picture.apply_orientation(orientation);
    picture
}

fn reason(error: image::ImageError) -> String {
    printable(&error.to_string()).into_owned()
}

/// The high byte of 16-bit samples (the `image` crate's own conversion rounds), no alpha.
fn to_rgb8(picture: DynamicImage) -> RgbImage {
    fn high(sample: u16) -> u8 {
        sample.to_be_bytes()[0]
    }
    let (width, height) = (picture.width(), picture.height());
    match &picture {
        DynamicImage::ImageLuma16(gray) => {
            RgbImage::from_fn(width, height, |x, y| image::Rgb([high(gray.get_pixel(x, y).0[0]); 3]))
        }
        DynamicImage::ImageLumaA16(gray) => {
            RgbImage::from_fn(width, height, |x, y| image::Rgb([high(gray.get_pixel(x, y).0[0]); 3]))
        }
        DynamicImage::ImageRgb16(rgb) => {
            RgbImage::from_fn(width, height, |x, y| image::Rgb(rgb.get_pixel(x, y).0.map(high)))
        }
        DynamicImage::ImageRgba16(rgba) => RgbImage::from_fn(width, height, |x, y| {
            let [red, green, blue, _] = rgba.get_pixel(x, y).0;
            image::Rgb([red, green, blue].map(high))
        }),
        _ => picture.into_rgb8(),
    }
}

#[cfg(test)]
mod tests;
