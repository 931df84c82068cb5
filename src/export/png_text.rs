//! Text in a PNG that says what the picture shows, for a file outside its session.
//!
//! Uncompressed `iTXt` chunks (PNG specification, 11.3.3.4), which hold UTF-8; image viewers and `exiftool` show them.

use crc::{CRC_32_ISO_HDLC, Crc};

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Bytes of the signature and of the header chunk, the first in every file: length, type, 13 bytes, checksum.
const HEAD: usize = 8 + 4 + 4 + 13 + 4;

/// The PNG with `words` (keyword of at most 79 ASCII characters, and text) inserted after its header. Empty texts are left
/// out.
pub fn with_words(png: &[u8], words: &[(&str, String)]) -> Vec<u8> {
    let (head, rest) = png.split_at(HEAD.min(png.len()));
    let mut bytes = head.to_vec();
    for (keyword, text) in words.iter().filter(|(_, text)| !text.is_empty()) {
        // After the keyword: not compressed, no language, no translated keyword.
        let data = [b"iTXt", keyword.as_bytes(), &[0; 5], text.as_bytes()].concat();
        let Ok(length) = u32::try_from(data.len() - 4) else {
            continue;
        };
        bytes.extend(length.to_be_bytes());
        bytes.extend(&data);
        bytes.extend(CRC.checksum(&data).to_be_bytes());
    }
    bytes.extend(rest);
    bytes
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The words of a file, every chunk's checksum checked.
    pub fn words(png: &[u8]) -> Vec<(String, String)> {
        let (mut rest, mut found) = (&png[8..], Vec::new());
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            let (data, after) = rest[4..].split_at(4 + length);
            assert_eq!(after[..4], CRC.checksum(data).to_be_bytes());
            if let Some(text) = data.strip_prefix(b"iTXt") {
                let end = text.iter().position(|byte| *byte == 0).unwrap();
                let text = (text[..end].to_vec(), text[end + 5..].to_vec());
                found.push((String::from_utf8(text.0).unwrap(), String::from_utf8(text.1).unwrap()));
            }
            rest = &after[4..];
        }
        found
    }

    #[test]
    fn added_text_leaves_the_picture_unchanged() {
        let picture = image::RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let mut png = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
        let said = [
            ("Title", "Bäume".to_owned()),
            ("split", String::new()),
            ("step", "120".to_owned()),
        ];
        let with = with_words(png.get_ref(), &said);
        assert_eq!(image::load_from_memory(&with).unwrap().into_rgb8(), picture);
        let expected = [("Title", "Bäume"), ("step", "120")].map(|(key, text)| (key.to_owned(), text.to_owned()));
        assert_eq!(words(&with), expected);
        assert_eq!(with_words(b"no picture", &said[..0]), b"no picture");
    }
}
