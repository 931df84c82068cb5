//! Any keys on the workbench at any size, two bytes per key or size. Each input starts in the state after the previous
//! one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use masp_fuzz::{key, printable, with_screens};

fuzz_target!(|bytes: &[u8]| {
    with_screens(|screens| {
        for pair in bytes.chunks_exact(2).take(16) {
            match pair {
                [0xFF, size] => screens.resize(20 + u16::from(*size) % 180, 5 + u16::from(*size) / 5),
                [code, modifiers] => _ = screens.press(key(*code, *modifiers)),
                _ => {}
            }
        }
        screens.frame().lines().for_each(printable);
    });
});
