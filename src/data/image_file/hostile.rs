//! Image files from anywhere: a picture or a sentence, in bounded memory.

use std::io::Write as _;

use crc::{CRC_32_ISO_HDLC, Crc};
use image::{DynamicImage, Rgb, codecs::jpeg::JpegEncoder};
use proptest::prelude::*;

use super::*;
use crate::hostile::{changed, config, is_sentence, measured};

fn files() -> Vec<Vec<u8>> {
    let picture = RgbImage::from_fn(16, 12, |x, y| Rgb([(x * 16) as u8, (y * 20) as u8, (x * y) as u8]));
    let deep = DynamicImage::ImageRgb16(image::ImageBuffer::from_pixel(4, 4, Rgb([300, 2, 65_000])));
    let mut files: Vec<Vec<u8>> = FORMATS.map(|format| encoded(&picture.clone().into(), format)).to_vec();
    files.push(encoded(&deep, ImageFormat::Png));
    files.push(encoded(&deep, ImageFormat::Tiff));
    let mut with_exif = Vec::new();
    let mut encoder = JpegEncoder::new(&mut with_exif);
    image::ImageEncoder::set_exif_metadata(
        &mut encoder,
        b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec(),
    )
    .unwrap();
    encoder.encode_image(&picture).unwrap();
    files.push(with_exif);
    files.push(include_bytes!("fixtures/palette.png").to_vec());
    files.push(include_bytes!("fixtures/cmyk.jpg").to_vec());
    for kind in [
        "palette_4.tif",
        "gray_alpha.tif",
        "float.tif",
        "group4.tif",
        "big.tif",
        "masks_565.bmp",
        "small_frame.gif",
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/data/image_file/fixtures/pillow");
        files.push(fs::read(folder.join(kind)).unwrap());
    }
    files
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Decoding, and the most memory that it took.
fn decoded(bytes: &[u8]) -> (Result<RgbImage, String>, usize) {
    let (read, most) = measured(|| decode_bytes(bytes, DecodeOptions { exif_orientation: true }));
    if let Err(reason) = &read {
        assert!(is_sentence(reason), "{reason:?}");
    }
    (read, most)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_changed_file_gives_a_picture_or_an_error(bytes in changed(files())) {
        let (read, most) = decoded(&bytes);
        prop_assert!(most as u64 <= MAX_DECODED_BYTES + 3 * MAX_PIXELS + MAX_ANCILLARY_BYTES, "{most} bytes");
        if let Ok(picture) = read {
            let (width, height) = picture.dimensions();
            prop_assert!((1..=MAX_PIXELS).contains(&(u64::from(width) * u64::from(height))));
        }
    }
}

/// A PNG chunk.
fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let crc = Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(&[kind, data].concat());
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.to_be_bytes()].concat()
}

/// Zeros, packed: each of the file's megabytes is a gigabyte.
fn packed_zeros(megabytes: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut packer = flate2::write::ZlibEncoder::new(&mut bytes, flate2::Compression::best());
    (0..megabytes).for_each(|_| packer.write_all(&vec![0; 1 << 20]).unwrap());
    packer.finish().unwrap();
    bytes
}

fn png(width: u32, height: u32, bits: u8, before: &[u8], data: &[u8]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[bits, 0, 0, 0, 0]].concat();
    let signature: &[u8] = b"\x89PNG\r\n\x1a\n";
    [
        signature,
        &chunk(b"IHDR", &header),
        before,
        &chunk(b"IDAT", data),
        &chunk(b"IEND", b""),
    ]
    .concat()
}

#[test]
fn twenty_thousand_by_twenty_thousand_is_refused_with_no_memory_taken() {
    // By its header alone, and a whole one: gray at one bit, 50 MB of zeros in 50 KB.
    let whole = packed_zeros(48);
    for bytes in [png(20_000, 20_000, 8, b"", b""), png(20_000, 20_000, 1, b"", &whole)] {
        let (read, most) = decoded(&bytes);
        let reason = read.unwrap_err();
        assert!(
            reason.contains("20000 x 20000") && reason.contains("make it smaller"),
            "{reason}"
        );
        assert!(most < 1 << 20, "{most} bytes");
    }
}

#[test]
fn the_largest_picture_stays_within_the_memory_bound() {
    // 64 million pixels at one bit, 8 MB of zeros in 8 KB: gray, then RGB.
    let (read, most) = decoded(&png(8000, 8000, 1, b"", &packed_zeros(9)));
    assert_eq!(read.unwrap().dimensions(), (8000, 8000));
    assert!(most < 64_000_000 * 5, "{most} bytes");
}

#[test]
fn compressed_profiles_and_texts_are_bounded() {
    let zeros = packed_zeros(1024);
    assert!(zeros.len() < 2 << 20);
    for (kind, data) in [
        (b"iCCP", [b"p\0\0".as_slice(), &zeros].concat()),
        (b"zTXt", [b"k\0\0".as_slice(), &zeros].concat()),
        (b"iTXt", [b"k\0\x01\0\0\0".as_slice(), &zeros].concat()),
    ] {
        let bytes = png(2, 2, 8, &chunk(kind, &data), &packed_zeros(0));
        let (_, most) = decoded(&bytes);
        assert!(most < 200 << 20, "{most} bytes for {}", String::from_utf8_lossy(kind));
    }
}

#[test]
fn claimed_lengths_are_not_trusted() {
    let claims = 0xFFFF_FFF0_u32;
    let picture = DynamicImage::from(RgbImage::new(2, 2));
    let mut webp = encoded(&picture, ImageFormat::WebP);
    webp.extend([b"EXIF".as_slice(), &claims.to_le_bytes()].concat());
    webp[4..8].copy_from_slice(&claims.to_le_bytes());
    let mut extended = b"RIFF\xf0\xff\xff\xffWEBPVP8X\x0a\0\0\0\x08\0\0\0\x01\0\0\x01\0\0EXIF\xf0\xff\xff\xff".to_vec();
    extended.extend_from_slice(&webp[12..]);
    let mut tiff = encoded(&picture, ImageFormat::Tiff);
    let strip = tiff.windows(2).rposition(|two| two == [0x17, 0x01]).unwrap();
    tiff[strip + 4..strip + 12].copy_from_slice(&[0xFF; 8]);
    let giant_chunk = [&png(2, 2, 8, b"", b"")[..33], &claims.to_be_bytes(), b"tEXtx"].concat();
    for (name, bytes) in [
        ("webp", webp),
        ("webp, extended", extended),
        ("tiff", tiff),
        ("png", giant_chunk),
    ] {
        let (_, most) = decoded(&bytes);
        assert!(most < 200 << 20, "{most} bytes for {name}");
    }
}

#[test]
fn large_pictures_are_decoded_one_at_a_time_and_do_not_block_small_ones() {
    let giant = png(6000, 5000, 1, b"", &packed_zeros(4));
    let one = LARGE.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| decoded(&giant).0.is_ok());
        assert!(decoded(include_bytes!("fixtures/palette.png")).0.is_ok());
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(!other.is_finished());
        drop(one);
        assert!(other.join().unwrap());
    });
}
