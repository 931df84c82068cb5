//! The limit of a picture's size, which all families have in common.

/// Pictures are shrunk until their longest side has at most this many pixels.
pub const LONGEST_SIDE: u32 = 1024;

/// Width and height, scaled so that the longest side is at most [`LONGEST_SIDE`]; the other side is truncated, perhaps
/// to 0.
#[must_use]
pub fn limited_size(width: u32, height: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= LONGEST_SIDE {
        return (width, height);
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(LONGEST_SIDE) / u64::from(longest)) as u32;
    (scaled(width), scaled(height))
}
