//! Complete PyTorch files: the zip archive around the pickle.

#![no_main]

use libfuzzer_sys::fuzz_target;
use masp::aspects::torch::read_torch;
use masp_fuzz::{on_file, sentence};

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = on_file("a.pth", bytes, read_torch) {
        sentence(&error);
    }
});
