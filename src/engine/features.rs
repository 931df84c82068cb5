//! Vision-tower features of images, cached in memory and on disk within limits.

mod files;
mod loader;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::DType;

pub(super) use self::files::CHECKSUM;
use self::files::{FeatureFiles, Stamp};
use self::loader::{Found, ImageRead, ImageReader, Loader};
use super::error::EngineError;
use crate::config::Settings;
use crate::data::image_file::DecodeOptions;
use crate::printable::printable_path;
use crate::vlm::base::BaseModel;
pub use crate::vlm::vision::Features;
use crate::vlm::vision::Picture;

/// Runs the vision tower once per image and caches the result while it fits: in memory and, if the settings ask, on disk.
///
/// Each image passes the tower alone, so that its tokens depend neither on the cache nor on other images of the batch.
pub struct FeatureStore<'a> {
    base: &'a BaseModel,
    loader: Loader,
    kept: HashMap<PathBuf, Features>,
    bytes: u64,
    limit: u64,
    files: Option<FeatureFiles>,
    /// Each file's size and modification time when it was last read.
    stamps: HashMap<PathBuf, Stamp>,
    uses: CacheUse,
    notes: Vec<String>,
    told_full: bool,
}

/// Features requested, and tower passes that they needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheUse {
    pub asked: usize,
    pub passed: usize,
}

impl CacheUse {
    /// The share of requests that the cache served, in `[0, 1]`; `None` without requests.
    #[must_use]
    pub fn hit_rate(self) -> Option<f64> {
        (self.asked > 0).then(|| 1.0 - self.passed as f64 / self.asked as f64)
    }
}

impl<'a> FeatureStore<'a> {
    /// A store that keeps at most `memory_mb` MiB in memory, and on disk as `settings` say. If the cache folder cannot be used,
    /// the store adds a note and caches in memory alone.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn of(base: &'a BaseModel, settings: &Settings, memory_mb: u64) -> Result<Self, EngineError> {
        let data = &settings.data;
        let bytes = |mb: u64| mb.saturating_mul(1 << 20);
        let decode = DecodeOptions {
            exif_orientation: data.exif_orientation,
        };
        let (mut files, mut notes) = (None, Vec::new());
        if data.disk_cache_mb > 0 {
            let folder = data.cache_dir.clone();
            let folder = folder.unwrap_or_else(|| settings.session.root.join(".features"));
            match FeatureFiles::open(&folder, &signature(base, decode)?, bytes(data.disk_cache_mb)) {
                Ok(opened) => files = Some(opened),
                Err(error) => notes.push(format!(
                    "features cannot be cached in {} ({error}); set data.cache_dir to a folder that can be written",
                    printable_path(&folder)
                )),
            }
        }
        Ok(Self {
            base,
            loader: Loader::new(ImageReader {
                pictures: Arc::clone(&base.vision.pictures),
                decode,
                cache: files.as_ref().map(|files| files.folder().clone()),
            }),
            kept: HashMap::new(),
            bytes: 0,
            limit: bytes(memory_mb),
            files,
            stamps: HashMap::new(),
            uses: CacheUse::default(),
            notes,
            told_full: memory_mb == 0,
        })
    }

    /// Sentences on files that changed between two reads, on damaged cache files, and on features that are not
    /// cached (any more).
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The cache use since the last call.
    pub fn take_uses(&mut self) -> CacheUse {
        std::mem::take(&mut self.uses)
    }

    /// Features of the images at `paths`; an image that cannot be read gives its own error.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn get(&mut self, paths: &[&Path]) -> Result<Vec<Result<Features, EngineError>>, EngineError> {
        let mut missing: Vec<&Path> = paths
            .iter()
            .copied()
            .filter(|path| !self.kept.contains_key(*path))
            .collect();
        self.uses.asked += paths.len();
        missing.sort_unstable();
        missing.dedup();
        let mut fresh: HashMap<&Path, Result<Features, EngineError>> = HashMap::new();
        for (path, ImageRead { stamp, note, found }) in self.loader.read(&missing) {
            self.note_change(path, stamp);
            self.notes.extend(note);
            let features = match found {
                Ok(found) => Ok(self.features(path, stamp, found)?),
                Err(error) => Err(error),
            };
            fresh.insert(path, features);
        }
        let mut found = Vec::with_capacity(paths.len());
        for path in paths {
            found.push(match (self.kept.get(*path), fresh.get(path)) {
                (Some(features), _) | (None, Some(Ok(features))) => Ok(features.clone()),
                (None, Some(Err(error))) => Err(EngineError::Failed(error.to_string())),
                (None, None) => Err(EngineError::Failed(format!(
                    "no features were computed for {}",
                    path.display()
                ))),
            });
        }
        Ok(found)
    }

    /// Begins to read the images of the next step or batch, so that they are ready when [`Self::get`] asks for them.
    pub fn ahead<'p>(&mut self, paths: impl Iterator<Item = &'p Path>) {
        self.loader.ahead(paths.filter(|path| !self.kept.contains_key(*path)));
    }

    /// The features of the image at `path` on the device; they are added to the cache.
    fn features(&mut self, path: &Path, stamp: Option<Stamp>, found: Found) -> Result<Features, EngineError> {
        let features = match found {
            Found::Features(features) => features.to_device(&self.base.device)?,
            Found::Picture(picture) => {
                self.uses.passed += 1;
                let features = match self.look(&picture) {
                    Err(error) if error.is_out_of_memory() && self.relieve() => self.look(&picture),
                    looked => looked,
                }?;
                if let (Some(files), Some(stamp)) = (&mut self.files, stamp)
                    && let Err(error) = files.keep(path, stamp, &features)
                {
                    self.files = None;
                    self.notes.push(format!(
                        "features are no longer cached on disk ({error}); training goes on without the disk cache"
                    ));
                }
                features
            }
        };
        self.keep(path, &features);
        Ok(features)
    }

    /// Features of the image at `path` with some of the tokens that aspects attend to (row by row) blanked: their pixels
    /// become the normalisation's mean, a middling grey. The result is not cached.
    ///
    /// # Errors
    /// Where the image cannot be read or the device fails.
    pub fn blanked(&self, path: &Path, blanked: &[usize]) -> Result<Features, EngineError> {
        let mut picture = self.loader.reader.picture(path)?;
        self.base.vision.pictures.blank(&mut picture, blanked);
        self.look(&picture)
    }

    fn note_change(&mut self, path: &Path, stamp: Option<Stamp>) {
        let Some(stamp) = stamp else { return };
        if self
            .stamps
            .insert(path.to_owned(), stamp)
            .is_some_and(|first| first != stamp)
        {
            let path = printable_path(path);
            self.notes.push(format!(
                "{path} has changed since it was first read; its new content is used from here on"
            ));
        }
    }

    fn look(&self, picture: &Picture) -> Result<Features, EngineError> {
        Ok(self.base.vision.look(picture)?)
    }

    /// After the device's memory ran out: frees the features cached there, and from then on keeps at most half as many bytes.
    /// False if there was nothing to free.
    pub fn relieve(&mut self) -> bool {
        if self.kept.is_empty() {
            return false;
        }
        self.notes.push(format!(
            "the device's memory ran out; the cached features of {} images were dropped to make room",
            self.kept.len()
        ));
        self.kept.clear();
        self.limit = self.bytes / 2;
        self.bytes = 0;
        true
    }

    fn keep(&mut self, path: &Path, features: &Features) {
        let bytes = features.bytes();
        if self.bytes + bytes <= self.limit {
            self.bytes += bytes;
            self.kept.insert(path.to_owned(), features.clone());
        } else if self.files.is_none() && !std::mem::replace(&mut self.told_full, true) {
            self.notes.push(format!(
                "the features of {} images fill the cache; other images pass the vision tower each time they are \
                 drawn: raise data.cache_mb, or set data.disk_cache_mb",
                self.kept.len()
            ));
        }
    }
}

/// A checksum of everything but the image that features depend on: how pictures are prepared and decoded, the dtype, the
/// tower's exact output for a fixed probe picture, and the tower settings that the probe cannot show. Other weights, types,
/// devices and programs so get another name.
fn signature(base: &BaseModel, decode: DecodeOptions) -> Result<String, EngineError> {
    let vision = &base.vision;
    let features = vision.look(&vision.pictures.probe())?;
    let mut digest = CHECKSUM.digest();
    let [pictures, tower] = vision.settings()?;
    digest.update(format!("{pictures} {:?} {:?}", decode, base.dtype).as_bytes());
    // A tower without settings adds nothing, so that caches from before towers had settings are still found.
    if !tower.is_empty() {
        digest.update(format!(" {tower}").as_bytes());
    }
    for tensor in [&features.run].into_iter().chain(&features.deep) {
        let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        values.iter().for_each(|value| digest.update(&value.to_le_bytes()));
    }
    Ok(format!("{:016x}", digest.finalize()))
}

#[cfg(test)]
mod signature_tests;
#[cfg(test)]
mod tests;
