//! The weights as they lie in a model folder's files, mapped into memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use candle_core::safetensors::MmapedSafetensors;
use safetensors::Dtype;

use super::{WeightsError, files, names};
use crate::{
    bounded_file::open_regular,
    printable::printable,
    safetensors_header::check_header,
    vlm::{config_file::Quantisation, placeholder::Placeholder},
};

/// The weights of a folder, mapped into memory. They are known by the hub's older names (`visual.*`, `model.*`,
/// `lm_head.weight`), to which newer and wrapped names are converted.
pub struct Weights {
    pub(super) folder: PathBuf,
    pub(super) shards: Vec<Shard>,
    /// By the hub's older name.
    pub(super) places: BTreeMap<String, Place>,
    pub(super) quantisation: Quantisation,
}

/// One of the folder's files.
pub(super) struct Shard {
    pub path: PathBuf,
    pub file: MmapedSafetensors,
}

/// Where a weight stands in them, and its form.
pub(super) struct Place {
    pub shard: usize,
    /// The name in the shard.
    pub name: String,
    pub shape: Vec<usize>,
    pub dtype: Dtype,
}

impl Weights {
    /// Maps `model.safetensors`, the shards of `model.safetensors.index.json`, or their unambiguous equivalents.
    ///
    /// # Errors
    /// [`WeightsError`]: the folder does not exist or has no weights, a shard is missing, or an index or a shard is
    /// damaged.
    pub fn open(folder: &Path) -> Result<Self, WeightsError> {
        let mut weights = Self {
            folder: folder.to_owned(),
            shards: Vec::new(),
            places: BTreeMap::new(),
            quantisation: Quantisation::default(),
        };
        for file in files::weight_files(folder)? {
            weights.add(file)?;
        }
        Ok(weights)
    }

    /// Adds the quantisation settings of config.json.
    #[must_use]
    pub fn quantised(self, quantisation: Quantisation) -> Self {
        Self { quantisation, ..self }
    }

    /// The folder that contains the weights.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether there is a weight of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// A weight's shape.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.places.get(name).map(|place| place.shape.as_slice())
    }

    /// How a weight is stored.
    #[must_use]
    pub fn dtype(&self, name: &str) -> Option<Dtype> {
        self.places.get(name).map(|place| place.dtype)
    }

    /// All names, in byte order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Whether two weights are stored with the same bytes; reads both.
    #[must_use]
    pub fn are_equal(&self, one: &str, other: &str) -> bool {
        let view = |name: &str| {
            let place = self.places.get(name)?;
            self.shards.get(place.shard)?.file.get(&place.name).ok()
        };
        match (view(one), view(other)) {
            (Some(one), Some(other)) => one.dtype() == other.dtype() && one.data() == other.data(),
            _ => false,
        }
    }

    /// The number of layers below a prefix such as `model.layers.`: the highest index plus one.
    #[must_use]
    pub fn layers(&self, prefix: &str) -> usize {
        let below = self.places.range(prefix.to_owned()..).map(|(name, _)| name);
        let numbers: BTreeSet<usize> = below
            .map_while(|name| name.strip_prefix(prefix))
            .filter_map(|rest| rest.split('.').next()?.parse().ok())
            .collect();
        numbers.last().map_or(0, |last| last.saturating_add(1))
    }

    fn add(&mut self, path: PathBuf) -> Result<(), WeightsError> {
        let opened = open_regular(&path).and_then(|file| check_header(&file));
        opened.map_err(|source| unreadable(&path, source))?;
        // SAFETY: model folders are only read while a model is loaded; a file that another program cuts short
        // meanwhile ends the process, which is the known price of mapping gigabytes instead of copying them.
        #[expect(unsafe_code, reason = "a mapped file")]
        let file = unsafe { MmapedSafetensors::new(&path) }.map_err(|error| unmappable(&path, error))?;
        let shard = self.shards.len();
        for (name, view) in file.tensors() {
            let older = names::older(&name);
            let place = Place {
                shard,
                shape: view.shape().to_vec(),
                dtype: view.dtype(),
                name,
            };
            if self.places.insert(older.clone(), place).is_some() {
                return Err(WeightsError::Twice {
                    folder: self.folder.clone(),
                    name: printable(&older).into_owned(),
                });
            }
        }
        self.shards.push(Shard { path, file });
        Ok(())
    }
}

/// Lets the system take back the memory of a weight that has been read: as long as its pages are mapped they count as this
/// process's, and a model would be in memory twice while it is loaded. They are read from the file again if need be.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a mapped file")]
pub(super) fn release(weight: &[u8]) {
    let page = rustix::param::page_size();
    let begin = weight.as_ptr().addr();
    let (from, to) = (begin.next_multiple_of(page), (begin + weight.len()) / page * page);
    if from < to {
        let pages = weight.as_ptr().wrapping_add(from - begin).cast_mut().cast();
        // SAFETY: these are whole pages of a file that is mapped for reading alone, so they still hold the same bytes when
        // they are next read. A failure leaves them as they are.
        let _ = unsafe { rustix::mm::madvise(pages, to - from, rustix::mm::Advice::LinuxDontNeed) };
    }
}

/// Other systems take the memory of mapped files back by themselves.
#[cfg(not(target_os = "linux"))]
pub(super) const fn release(_: &[u8]) {}

/// The error for a file that cannot be read, or whose header is none.
pub(super) fn unreadable(path: &Path, source: io::Error) -> WeightsError {
    let path = path.to_owned();
    match (source.kind(), Placeholder::at(&path)) {
        (io::ErrorKind::OutOfMemory, _) => WeightsError::NoMemory {
            bytes: std::fs::metadata(&path).map_or(0, |found| found.len()),
            path,
        },
        (_, Some(what)) => WeightsError::Placeholder { path, what },
        (io::ErrorKind::InvalidData, _) => WeightsError::Damaged {
            path,
            reason: source.to_string(),
        },
        _ => WeightsError::Read { path, source },
    }
}

/// A file that the system cannot map may still be intact; one whose header cannot be parsed is damaged.
pub(super) fn unmappable(path: &Path, error: candle_core::Error) -> WeightsError {
    match innermost(error) {
        candle_core::Error::Io(source) => unreadable(path, source),
        other => match Placeholder::at(path) {
            Some(what) => WeightsError::Placeholder {
                path: path.to_owned(),
                what,
            },
            None => WeightsError::Damaged {
                path: path.to_owned(),
                reason: root_cause(&other),
            },
        },
    }
}

/// Removes candle's wrapping, which adds the path, because our message already names it.
fn innermost(error: candle_core::Error) -> candle_core::Error {
    match error {
        candle_core::Error::WithPath { inner, .. } | candle_core::Error::WithBacktrace { inner, .. } => {
            innermost(*inner)
        }
        other => other,
    }
}

/// What candle says at the bottom of its wrapping, printable.
pub(super) fn root_cause(error: &candle_core::Error) -> String {
    let text = match error {
        candle_core::Error::WithPath { inner, .. } | candle_core::Error::WithBacktrace { inner, .. } => {
            return root_cause(inner);
        }
        other => other.to_string(),
    };
    text.escape_debug().to_string()
}
