//! Text files as other systems, spreadsheets and unpackers write them.

/// The text of a file: UTF-8 or UTF-16, with a byte order mark or without. Bytes that are neither are read as Latin-1,
/// one character each, so that no file is without a text.
pub(super) fn decode(bytes: Vec<u8>) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        // The files that are read begin with two ASCII characters.
        [a, 0, b, 0, ..] if *a > 0 && *b > 0 => return utf16(&bytes, u16::from_le_bytes),
        [0, a, 0, b, ..] if *a > 0 && *b > 0 => return utf16(&bytes, u16::from_be_bytes),
        _ => {}
    }
    match String::from_utf8(bytes) {
        Ok(text) => match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        },
        Err(error) => error.as_bytes().iter().map(|&byte| char::from(byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn every_encoding_that_spreadsheets_write_gives_the_same_text() {
        let text = "\"café\";1\r\n";
        let utf16 = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            [b"\xFF\xFE".as_slice(), &little].concat(),
            [b"\xFE\xFF".as_slice(), &big].concat(),
            little,
            big,
            b"\"caf\xE9\";1\r\n".to_vec(),
        ] {
            assert_eq!(decode(bytes), text);
        }
        for short in [b"".as_slice(), b"\xFF\xFE", b"\xFF\xFE\x00", b"\x00"] {
            decode(short.to_vec());
        }
    }
}
