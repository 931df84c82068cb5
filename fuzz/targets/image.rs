//! Image files of all formats that are read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use masp::data::image_file::{DecodeOptions, MAX_PIXELS, decode, probe};
use masp_fuzz::{on_file, sentence};

fuzz_target!(|bytes: &[u8]| {
    on_file("image", bytes, |path| {
        let _ = probe(path);
        match decode(path, DecodeOptions { exif_orientation: true }) {
            Err(error) => sentence(&error),
            Ok(picture) => {
                assert!(u64::from(picture.width()) * u64::from(picture.height()) <= MAX_PIXELS);
            }
        }
    });
});
