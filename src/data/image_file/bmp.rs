//! BMP files of 16 bits a pixel: Pillow rounds a sample of 5 or 6 bits down where the `image` crate rounds to the
//! nearest.

use image::RgbImage;

const BITFIELDS: u32 = 3;
const GREEN_OF_SIX_BITS: u32 = 0x7E0;

/// Makes a decoded picture's samples Pillow's.
pub(super) fn round_as_pillow(bytes: &[u8], picture: &mut RgbImage) {
    let word = |at: usize| {
        bytes
            .get(at..at + 4)
            .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
    };
    if bytes.get(28..30) != Some(&[16, 0]) || word(14).is_none_or(|header| header < 40) {
        return;
    }
    let six = word(30) == Some(BITFIELDS) && word(58) == Some(GREEN_OF_SIX_BITS);
    let most = [31, if six { 63 } else { 31 }, 31];
    for pixel in picture.pixels_mut() {
        for (sample, most) in pixel.0.iter_mut().zip(most) {
            let short = (u32::from(*sample) * most + 127) / 255;
            *sample = (short * 255 / most) as u8;
        }
    }
}
