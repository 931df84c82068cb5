//! The embedded tiny model: compiled into the program and unpacked once, because weights are memory-mapped from files.

use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::atomic_file::write_bytes_atomically;
use crate::user_cache;

/// Its name in records.
pub const NAME: &str = "tiny";

const FILES: [(&str, &[u8]); 5] = [
    ("config.json", include_bytes!("../../assets/tiny/config.json")),
    (
        "generation_config.json",
        include_bytes!("../../assets/tiny/generation_config.json"),
    ),
    (
        "preprocessor_config.json",
        include_bytes!("../../assets/tiny/preprocessor_config.json"),
    ),
    ("tokenizer.json", include_bytes!("../../assets/tiny/tokenizer.json")),
    (
        "model.safetensors",
        include_bytes!("../../assets/tiny/model.safetensors"),
    ),
];

/// The folder of the unpacked model, in the user's cache, or otherwise among the temporary files. Each version of the
/// model has its own folder.
///
/// # Errors
/// If it cannot be written.
pub fn folder() -> io::Result<PathBuf> {
    let mut hash = Sha256::new();
    FILES.iter().for_each(|(_, bytes)| hash.update(bytes));
    let version: String = hash
        .finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let folder = user_cache::folder().join(format!("tiny-{version}"));
    std::fs::create_dir_all(&folder)?;
    for (name, bytes) in FILES {
        let path = folder.join(name);
        let whole = std::fs::metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64);
        if !whole {
            write_bytes_atomically(&path, bytes)?;
        }
    }
    Ok(folder)
}
