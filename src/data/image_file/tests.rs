use super::*;
use image::{DynamicImage, Frame, Luma, LumaA, Rgb, Rgba, codecs::gif::GifEncoder, codecs::jpeg::JpegEncoder};

fn decoded(bytes: &[u8]) -> RgbImage {
    decode_bytes(bytes, DecodeOptions::default()).unwrap()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn sample() -> RgbImage {
    RgbImage::from_fn(6, 4, |x, y| Rgb([x as u8 * 40, y as u8 * 60, 200]))
}

#[test]
fn lossless_formats_give_their_samples() {
    let picture = DynamicImage::from(sample());
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff] {
        assert_eq!(decoded(&encoded(&picture, format)), sample(), "{format:?}");
    }
    let gray = DynamicImage::from(image::GrayImage::from_pixel(2, 2, Luma([77])));
    assert_eq!(decoded(&encoded(&gray, ImageFormat::Png)).get_pixel(1, 1).0, [77; 3]);
}

#[test]
fn alpha_is_dropped_not_blended() {
    let rgba = DynamicImage::from(image::RgbaImage::from_pixel(2, 2, Rgba([10, 200, 30, 0])));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        assert_eq!(
            decoded(&encoded(&rgba, format)).get_pixel(0, 0).0,
            [10, 200, 30],
            "{format:?}"
        );
    }
    let gray = DynamicImage::ImageLumaA8(image::ImageBuffer::from_pixel(2, 2, LumaA([90, 5])));
    assert_eq!(decoded(&encoded(&gray, ImageFormat::Png)).get_pixel(0, 0).0, [90; 3]);
    // Two colours, the second transparent; Pillow gives (10, 20, 30) and (200, 100, 50).
    let palette = decoded(include_bytes!("fixtures/palette.png"));
    assert_eq!(
        [palette.get_pixel(0, 0).0, palette.get_pixel(1, 0).0],
        [[10, 20, 30], [200, 100, 50]]
    );
}

#[test]
fn sixteen_bit_samples_keep_their_high_byte() {
    let deep = [0x01FF, 0x80FF, 0xFFFF];
    let rgb = DynamicImage::ImageRgb16(image::ImageBuffer::from_pixel(2, 2, Rgb(deep)));
    let rgba = DynamicImage::ImageRgba16(image::ImageBuffer::from_pixel(2, 2, Rgba([0x01FF, 0x80FF, 0xFFFF, 0])));
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        assert_eq!(decoded(&encoded(&rgb, format)).get_pixel(1, 1).0, [0x01, 0x80, 0xFF]);
        assert_eq!(decoded(&encoded(&rgba, format)).get_pixel(1, 1).0, [0x01, 0x80, 0xFF]);
    }
    let gray = DynamicImage::ImageLuma16(image::ImageBuffer::from_pixel(2, 2, Luma([0x7FFF])));
    assert_eq!(decoded(&encoded(&gray, ImageFormat::Png)).get_pixel(0, 0).0, [0x7F; 3]);
}

#[test]
fn cmyk_jpeg_has_pillows_colours() {
    let picture = decoded(include_bytes!("fixtures/cmyk.jpg"));
    for (x, y, pillow) in [(2, 4, [42, 172, 187]), (13, 4, [235, 69, 32])] {
        let ours = picture.get_pixel(x, y).0;
        let far = ours.iter().zip(pillow).any(|(ours, pillow)| ours.abs_diff(pillow) > 2);
        assert!(!far, "{ours:?} {pillow:?}");
    }
}

#[test]
fn the_first_frame_of_a_gif() {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for colour in [[255, 0, 0, 255], [0, 0, 255, 255]] {
        encoder
            .encode_frame(Frame::new(image::RgbaImage::from_pixel(3, 3, Rgba(colour))))
            .unwrap();
    }
    drop(encoder);
    assert_eq!(decoded(&bytes).get_pixel(1, 1).0, [255, 0, 0]);
}

#[test]
fn orientation_is_ignored_unless_asked_for() {
    // An EXIF block of one entry: orientation 6, a quarter turn clockwise.
    let exif = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    image::ImageEncoder::set_exif_metadata(&mut encoder, exif.to_vec()).unwrap();
    encoder.encode_image(&sample()).unwrap();
    assert_eq!(decoded(&bytes).dimensions(), (6, 4));
    let turned = DecodeOptions { exif_orientation: true };
    assert_eq!(decode_bytes(&bytes, turned).unwrap().dimensions(), (4, 6));
}

#[test]
fn a_truncated_file_is_an_error() {
    let picture = DynamicImage::from(RgbImage::from_fn(64, 64, |x, y| Rgb([(x * y) as u8, x as u8, y as u8])));
    for format in FORMATS {
        let bytes = encoded(&picture, format);
        assert!(decode_bytes(&bytes, DecodeOptions::default()).is_ok(), "{format:?}");
        let half = decode_bytes(&bytes[..bytes.len() / 2], DecodeOptions::default());
        assert!(half.is_err(), "{format:?}");
    }
    // A marker's bytes after the end do no harm.
    let mut jpeg = encoded(&picture, ImageFormat::Jpeg);
    jpeg.extend_from_slice(b"trailing");
    assert_eq!(decoded(&jpeg).dimensions(), (64, 64));
}

#[test]
fn a_huge_picture_is_refused_before_memory_is_allocated() {
    let mut bmp = encoded(&sample().into(), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000_u32.to_le_bytes());
    let reason = decode_bytes(&bmp, DecodeOptions::default()).unwrap_err();
    assert!(reason.contains("60000 x 60000"), "{reason}");
}

#[test]
fn errors_name_the_file_and_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let page = write("page.jpg", b"<html>");
    let png_as_jpg = write("picture.jpg", &encoded(&sample().into(), ImageFormat::Png));
    let pipe = folder.path().join("pipe.png");
    crate::hostile::make_pipe(&pipe);
    assert!(probe(&png_as_jpg).is_ok() && decode(&png_as_jpg, DecodeOptions::default()).is_ok());
    for (path, reason) in [
        (page, "first bytes"),
        (write("empty.png", b""), "empty"),
        (folder.path().to_owned(), "regular"),
        (pipe, "regular"),
        ("/dev/zero".into(), "regular"),
        (folder.path().join("missing.png"), "No such file"),
    ] {
        for error in [
            probe(&path).unwrap_err(),
            decode(&path, DecodeOptions::default()).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains(reason) && text.contains(path.to_str().unwrap()), "{text}");
        }
    }
    assert!(is_image_name(Path::new("a.JPeG")) && !is_image_name(Path::new("a.json")));
}

/// `fixtures/pillow/make.py` writes the pictures and what Pillow makes of them.
#[test]
fn unusual_formats_are_read_as_by_pillow() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/data/image_file/fixtures/pillow");
    let expected: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("pillow.json")).unwrap()).unwrap();
    let pictures = expected["pictures"].as_object().unwrap();
    assert!(pictures.len() > 25);
    let mut wrong = Vec::new();
    for (name, pillow) in pictures {
        let read = decode(&folder.join(name), DecodeOptions::default());
        if name == "group3.tif" {
            let reason = read.unwrap_err().reason;
            assert!(reason.contains("group 3") && reason.contains("save it as"), "{reason}");
            continue;
        }
        let size: Vec<u32> = serde_json::from_value(pillow["size"].clone()).unwrap();
        let digits = pillow["rgb"].as_str().unwrap();
        let bytes = (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap());
        let bytes: Vec<u8> = bytes.collect();
        match read {
            Ok(ours) => {
                let far = ours
                    .as_raw()
                    .iter()
                    .zip(&bytes)
                    .map(|(ours, pillow)| ours.abs_diff(*pillow))
                    .max();
                let near = if name == "cmyk.tif" { 2 } else { 0 };
                if [ours.width(), ours.height()] != size[..] || ours.as_raw().len() != bytes.len() || far > Some(near) {
                    wrong.push(format!("{name}: {:?}, off by {far:?}", ours.dimensions()));
                }
            }
            Err(error) => wrong.push(format!("{name}: {}", error.reason)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_tiffs_orientation_is_applied_once() {
    let turned = include_bytes!("fixtures/pillow/turned_6.tif");
    for exif_orientation in [false, true] {
        let picture = decode_bytes(turned, DecodeOptions { exif_orientation }).unwrap();
        assert_eq!(picture.dimensions(), (5, 7));
    }
}

#[test]
fn a_picture_of_thousands_of_scans_is_refused_at_once() {
    let picture = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * 3) as u8, (y * 3) as u8, 9]));
    let mut jpeg = encoded(&picture.into(), ImageFormat::Jpeg);
    let scan = jpeg.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let end = jpeg.len() - 2;
    let again = jpeg[scan..end].repeat(5000);
    jpeg.splice(end..end, again);
    let reason = decode_bytes(&jpeg, DecodeOptions::default()).unwrap_err();
    assert!(reason.contains("5001 scans"), "{reason}");
}
