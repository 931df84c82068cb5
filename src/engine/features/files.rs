//! Features on disk, for what does not fit in memory and for later runs: a bounded folder, one safetensors file an image.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf, absolute};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use candle_core::{DType, Device, Tensor};
use crc::{CRC_64_XZ, Crc, Table};
use safetensors::{SafeTensors, View};

use super::Features;
use crate::atomic_file::PARTIAL;
use crate::bounded_file::read_bounded;

/// Checks a file's contents, and derives its name from the image's path.
pub(in crate::engine) const CHECKSUM: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// The age at which an unfinished file, left by a process that ended, is removed.
const STALE_AGE: Duration = Duration::from_secs(3600);

/// An image file's size in bytes, and its modification time.
pub type Stamp = (u64, Option<SystemTime>);

/// Where the features of images as one model sees them are found.
#[derive(Debug, Clone)]
pub struct FeatureFolder {
    path: PathBuf,
    limit: u64,
}

/// Keeps the features of images as one model sees them.
pub struct FeatureFiles {
    root: PathBuf,
    folder: FeatureFolder,
    /// Bytes of all models' files at the last count, plus what this process has added since.
    bytes: u64,
    /// Bytes that this process may add before it must count again, because other processes write here too.
    allowance: u64,
    full: bool,
}

/// A process adds at most one 16th of the free bytes before it counts again, so that up to 16 processes together stay within
/// the limit.
const PROCESSES: u64 = 16;

impl FeatureFolder {
    /// The cached features of the image at `path` as it was at `stamp`, on the CPU; `None` if there are none.
    ///
    /// # Errors
    /// A sentence on a file that is damaged or cannot be read.
    pub fn find(&self, path: &Path, stamp: Stamp) -> Result<Option<Features>, String> {
        let file = self.file(path);
        let bytes = match read_bounded(&file, self.limit) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| format!("{} cannot be read: {error}", file.display()))?,
        };
        parse(&bytes, path, stamp).map_err(|reason| format!("{} is damaged ({reason})", file.display()))
    }

    fn file(&self, path: &Path) -> PathBuf {
        let whole = absolute(path).unwrap_or_else(|_| path.to_owned());
        let name = CHECKSUM.checksum(whole.as_os_str().as_bytes());
        self.path.join(format!("{name:016x}.safetensors"))
    }
}

impl FeatureFiles {
    /// Opens `root/<model>`, where `model` names everything but the image that features depend on. While `root` holds `limit`
    /// bytes or more, removes other models' features, the oldest first.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn open(root: &Path, model: &str, limit: u64) -> io::Result<Self> {
        let folder = root.join(model);
        fs::create_dir_all(&folder)?;
        let mut others = Vec::new();
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            let path = entry.path();
            // The folder may be a person's own, with other things in it.
            if path != folder && entry.file_type()?.is_dir() && is_name(&entry.file_name()) {
                let changed = path.metadata()?.modified()?;
                others.push((changed, size(&path)?, path));
            }
        }
        others.sort();
        let bytes = size(&folder)?;
        let mut all = bytes + others.iter().map(|(_, bytes, _)| bytes).sum::<u64>();
        for (_, bytes, path) in others {
            if all < limit {
                break;
            }
            remove(&path)?;
            all -= bytes;
        }
        Ok(Self {
            root: root.to_owned(),
            folder: FeatureFolder { path: folder, limit },
            // The remaining files of other models count, too.
            bytes: all,
            allowance: limit.saturating_sub(all) / PROCESSES,
            full: false,
        })
    }

    /// Where the features are found again.
    #[must_use]
    pub const fn folder(&self) -> &FeatureFolder {
        &self.folder
    }

    /// Keeps the features of the image at `path` as it was at `stamp`; does nothing if the folder is full.
    ///
    /// # Errors
    /// What the device or the file system reports.
    pub fn keep(&mut self, path: &Path, stamp: Stamp, features: &Features) -> io::Result<()> {
        let file = self.folder.file(path);
        let old = file.metadata().map_or(0, |old| old.len());
        if self.full && old == 0 {
            return Ok(());
        }
        let bytes = serialize(path, stamp, features).map_err(io::Error::other)?;
        let added = (bytes.len() as u64).saturating_sub(old);
        let is_tight = added > self.allowance;
        if is_tight {
            self.bytes = self.count()?;
            self.allowance = self.folder.limit.saturating_sub(self.bytes) / PROCESSES;
        }
        if self.bytes + added > self.folder.limit {
            self.full = true;
            return Ok(());
        }
        // No sync to the disk: if a power cut damages the file, the checksum shows it, and the features are computed again.
        let mut partial = tempfile::Builder::new()
            .suffix(PARTIAL)
            .tempfile_in(&self.folder.path)?;
        partial.write_all(&bytes)?;
        partial.persist(&file).map_err(|failed| failed.error)?;
        if is_tight && self.count()? > self.folder.limit {
            // Another process counted at the same time and took the last space.
            self.full = true;
            return fs::remove_file(&file);
        }
        self.bytes += added;
        self.allowance = self.allowance.saturating_sub(added);
        Ok(())
    }

    /// Counts the bytes of all models' files.
    fn count(&self) -> io::Result<u64> {
        let mut all = 0;
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() && is_name(&entry.file_name()) {
                all += match size(&entry.path()) {
                    // Another process has removed it.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
                    counted => counted?,
                };
            }
        }
        Ok(all)
    }
}

/// Whether this cache could have given the name: 16 hexadecimal digits of a checksum.
fn is_name(name: &OsStr) -> bool {
    let digits = name.as_bytes();
    digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// Removes a model's features. Other files in its folder stay, and so does the folder then.
fn remove(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let features = path.extension().is_some_and(|ending| ending == "safetensors");
        if features && path.file_stem().is_some_and(is_name) {
            fs::remove_file(path)?;
        }
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => removed,
    }
}

/// Bytes of the files in `folder`; removes old unfinished files rather than counting them.
fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = match entry.metadata() {
            // Another run has renamed or removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            about => about?,
        };
        let unfinished = entry.file_name().as_bytes().ends_with(PARTIAL.as_bytes());
        let age = about.modified()?.elapsed().unwrap_or_default();
        if unfinished && age > STALE_AGE {
            fs::remove_file(entry.path())?;
        } else {
            bytes += about.len();
        }
    }
    Ok(bytes)
}

/// Identifies the image version: absolute path, bytes and time of change.
fn source(path: &Path, (bytes, changed): Stamp) -> String {
    let whole = absolute(path).unwrap_or_else(|_| path.to_owned());
    let changed = changed.and_then(|time: SystemTime| time.duration_since(UNIX_EPOCH).ok());
    format!("{} {bytes} {}", whole.display(), changed.unwrap_or_default().as_nanos())
}

/// The run's tensor in a file; deeper levels have names of their own.
const RUN: &str = "tokens";

fn level_name(level: usize) -> String {
    format!("deep.{level}")
}

fn serialize(path: &Path, stamp: Stamp, features: &Features) -> candle_core::Result<Vec<u8>> {
    let whole = |tensor: &Tensor| tensor.to_device(&Device::Cpu)?.contiguous();
    let mut tensors = vec![(RUN.to_owned(), whole(&features.run)?)];
    for (level, tensor) in features.deep.iter().enumerate() {
        tensors.push((level_name(level), whole(tensor)?));
    }
    let numbers: Vec<_> = tensors.iter().map(|(_, tensor)| tensor.data()).collect();
    let about = HashMap::from([
        ("source".to_owned(), source(path, stamp)),
        ("grid".to_owned(), format!("{} {}", features.grid.0, features.grid.1)),
        (
            "checksum".to_owned(),
            checksum(numbers.iter().map(|numbers| &numbers[..])),
        ),
    ]);
    let tensors = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
    Ok(safetensors::serialize(tensors, Some(about))?)
}

/// The checksum of the tensors' bytes as stored, the run's first.
fn checksum<'a>(numbers: impl Iterator<Item = &'a [u8]>) -> String {
    let mut digest = CHECKSUM.digest();
    numbers.for_each(|numbers| digest.update(numbers));
    format!("{:016x}", digest.finalize())
}

/// The features in a file's bytes; `None` if they are of another version of the image, an error if the bytes are damaged.
fn parse(bytes: &[u8], path: &Path, stamp: Stamp) -> Result<Option<Features>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string().escape_debug().to_string();
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| said(&error))?;
    let about = header.metadata().clone().unwrap_or_default();
    let about = |key: &str| about.get(key).cloned().ok_or_else(|| format!("it has no {key}"));
    let file = SafeTensors::deserialize(bytes).map_err(|error| said(&error))?;
    let levels = file.len().saturating_sub(1);
    let names: Vec<String> = std::iter::once(RUN.to_owned())
        .chain((0..levels).map(level_name))
        .collect();
    let numbers = names
        .iter()
        .map(|name| file.tensor(name))
        .collect::<Result<Vec<_>, _>>();
    let numbers = numbers.map_err(|error| said(&error))?;
    if about("checksum")? != checksum(numbers.iter().map(safetensors::tensor::TensorView::data)) {
        return Err("its checksum does not match its numbers".to_owned());
    }
    if about("source")? != source(path, stamp) {
        return Ok(None);
    }
    let grid = about("grid")?;
    let grid = grid
        .split_once(' ')
        .and_then(|(height, width)| Some((height.parse::<usize>().ok()?, width.parse::<usize>().ok()?)));
    let mut tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).map_err(|error| said(&error))?;
    let run = tensors.remove(RUN);
    let deep: Option<Vec<Tensor>> = names[1..].iter().map(|name| tensors.remove(name)).collect();
    let (Some(run), Some(deep), Some(grid)) = (run, deep, grid) else {
        return Err("it has no tokens or no grid".to_owned());
    };
    // The run may have rows beyond the grid; deeper levels have one row for each of its rows.
    let tokens = grid.0.checked_mul(grid.1);
    let is_run = run
        .dims2()
        .is_ok_and(|(rows, _)| tokens.is_some_and(|tokens| tokens <= rows))
        && run.dtype() != DType::U8;
    if is_run
        && deep
            .iter()
            .all(|level| level.dims() == run.dims() && level.dtype() == run.dtype())
    {
        Ok(Some(Features { run, grid, deep }))
    } else {
        Err("its grid does not match its tokens".to_owned())
    }
}
