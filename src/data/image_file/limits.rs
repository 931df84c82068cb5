//! How large files and pictures may be.

/// Larger pictures are refused before memory is taken for them.
pub const MAX_PIXELS: u64 = 200_000_000;

/// What a decoder may take beside the picture itself: colour profiles, texts, tables.
pub(super) const MAX_ANCILLARY_BYTES: u64 = 64 << 20;
/// The most bytes that a pixel can take: four samples of 32 bits. A picture as a whole may not take as many.
pub(super) const MAX_PIXEL_BYTES: u64 = 16;
pub(super) const MAX_DECODED_BYTES: u64 = MAX_PIXELS * 8;

/// Larger files are refused before they are read.
pub(super) const MAX_FILE_BYTES: u64 = 1 << 30;
