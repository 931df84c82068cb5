//! Keeps quantised weights in the user's cache, so that a model is quantised once: a file of blocks for each weight, with a
//! checksum behind them.

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crc::{CRC_64_XZ, Crc, Table};
use sha2::{Digest, Sha256};

use super::Weights;
use crate::atomic_file::write_atomically;
use crate::nn::weight::Format;

/// Weights of fewer bytes are quantised sooner than read; the tests' are small.
const LEAST: usize = if cfg!(test) { 1 << 12 } else { 1 << 18 };
/// Raised if the same weights would give other blocks.
const VERSION: u8 = 1;

pub(super) static CHECKSUM: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// The quantised weights of one model, in one folder.
#[derive(Debug)]
pub struct PackedFiles {
    folder: PathBuf,
    /// The first reason why a file could not be written.
    fault: RefCell<Option<String>>,
}

impl PackedFiles {
    /// Those of `weights` in the cache `folder`. Weights whose files have the same sizes, times and headers are taken for the
    /// same.
    #[must_use]
    pub fn of(weights: &Weights, folder: &Path) -> Self {
        let mut hash = Sha256::new();
        hash.update([VERSION]);
        for shard in &weights.shards {
            let about = fs::metadata(&shard.path).ok();
            let size = about.as_ref().map_or(0, fs::Metadata::len);
            let changed = about.and_then(|about| about.modified().ok()?.duration_since(UNIX_EPOCH).ok());
            hash.update(size.to_le_bytes());
            hash.update(changed.map_or(0, |time| time.as_nanos()).to_le_bytes());
        }
        for (name, place) in &weights.places {
            hash.update(format!("{name} {:?} {:?}\n", place.dtype, place.shape));
        }
        let digest: String = hash
            .finalize()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            folder: folder.join(digest),
            fault: RefCell::default(),
        }
    }

    /// The weight's `size` bytes, if they were kept and are whole.
    pub(super) fn read(&self, name: &str, format: Format, size: usize) -> Option<Vec<u8>> {
        let path = self.path(name, format);
        if size < LEAST || fs::metadata(&path).ok()?.len() != size as u64 + 8 {
            return None;
        }
        let mut bytes = fs::read(path).ok()?;
        let sum = bytes.split_off(size.min(bytes.len()));
        (sum == CHECKSUM.checksum(&bytes).to_le_bytes()).then_some(bytes)
    }

    /// Keeps the weight's bytes. A failure costs time at the next opening, and nothing else: see [`Self::notice`].
    pub(super) fn write(&self, name: &str, format: Format, bytes: &[u8]) {
        if bytes.len() < LEAST || self.fault.borrow().is_some() {
            return;
        }
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.folder)?;
            write_atomically(&self.path(name, format), |file| {
                file.write_all(bytes)?;
                file.write_all(&CHECKSUM.checksum(bytes).to_le_bytes())
            })
        };
        if let Err(error) = write() {
            *self.fault.borrow_mut() = Some(error.to_string());
        }
    }

    /// A sentence for the user if something could not be kept.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        self.fault.borrow().as_ref().map(|error| {
            format!(
                "the quantised weights cannot be kept in {} ({error}), so they are quantised again each time the model is \
                 opened",
                self.folder.display()
            )
        })
    }

    fn path(&self, name: &str, format: Format) -> PathBuf {
        // Names come from the program, not from the files, and have no separators.
        self.folder.join(format!("{name}.{}", format.name()))
    }
}
