//! The pickle of a PyTorch file, in an archive whose checksums are right.

#![no_main]

use std::io::{Cursor, Write};

use libfuzzer_sys::fuzz_target;
use masp::aspects::torch::read_torch;
use masp_fuzz::{on_file, sentence};
use zip::{CompressionMethod, ZipWriter, result::ZipResult, write::SimpleFileOptions};

/// The layout of torch.save, with storages of 64 f32.
fn archive(pickle: &[u8]) -> ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    archive.start_file("archive/data.pkl", options)?;
    archive.write_all(pickle)?;
    for storage in 0..3 {
        archive.start_file(format!("archive/data/{storage}"), options)?;
        archive.write_all(&[0x3F; 256])?;
    }
    Ok(archive.finish()?.into_inner())
}

fuzz_target!(|pickle: &[u8]| {
    let file = archive(pickle).expect("an archive in memory");
    match on_file("a.pth", &file, read_torch) {
        Err(error) => sentence(&error),
        Ok(tensors) => {
            let values: usize = tensors.values().map(|tensor| tensor.data.len()).sum();
            assert!(values <= file.len(), "{values} values of {} bytes", file.len());
        }
    }
});
