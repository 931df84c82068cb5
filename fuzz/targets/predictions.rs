//! The predictions of an evaluation, one line per image.

#![no_main]

use libfuzzer_sys::fuzz_target;
use masp::session::read_results;
use masp_fuzz::{on_file, sentence};

fuzz_target!(|bytes: &[u8]| {
    match on_file("rows.jsonl", bytes, read_results) {
        Err(error) => sentence(&error),
        Ok(rows) => rows.iter().for_each(|row| {
            let _ = (row.is_right(), row.confidence(), row.margin());
        }),
    }
});
