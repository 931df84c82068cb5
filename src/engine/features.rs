//! Images as the vision tower's merged tokens, kept in a bounded cache.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use candle_core::Tensor;
use rayon::prelude::*;

use super::error::EngineError;
use crate::data::image_file::{DecodeOptions, decode};
use crate::printable::printable_path;
use crate::vlm::base::BaseModel;
use crate::vlm::qwen2_vl::processor::Patches;

/// An image's merged tokens.
#[derive(Debug, Clone)]
pub struct Features {
    /// `[height * width, hidden]` in the base model's dtype.
    pub tokens: Tensor,
    /// Height and width in merged patches.
    pub grid: (usize, usize),
}

/// Runs the vision tower once an image; what fits the bound is kept.
///
/// Each image passes the tower alone, so that its tokens do not depend on what was cached or came along.
pub struct FeatureStore<'a> {
    base: &'a BaseModel,
    decode: DecodeOptions,
    kept: HashMap<PathBuf, Features>,
    bytes: u64,
    limit: u64,
    /// What each file was when it was first read.
    stamps: HashMap<PathBuf, Stamp>,
    notes: Vec<String>,
}

/// Bytes, and the time of the last change.
type Stamp = (u64, Option<SystemTime>);

impl<'a> FeatureStore<'a> {
    /// A store that keeps at most `limit` bytes.
    #[must_use]
    pub fn new(base: &'a BaseModel, decode: DecodeOptions, limit: u64) -> Self {
        Self {
            base,
            decode,
            kept: HashMap::new(),
            bytes: 0,
            limit,
            stamps: HashMap::new(),
            notes: Vec::new(),
        }
    }

    /// Sentences on files that have changed since they were first read, each told once.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
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
        missing.sort_unstable();
        missing.dedup();
        let mut fresh: HashMap<&Path, Result<Features, EngineError>> = HashMap::new();
        let decoded: Vec<_> = missing.par_iter().map(|path| (*path, self.patches(path))).collect();
        for (path, patches) in decoded {
            self.note_change(path);
            let features = match patches {
                Ok(patches) => {
                    let features = match self.look(&patches) {
                        Err(error) if error.is_out_of_memory() && !self.kept.is_empty() => {
                            self.make_room();
                            self.look(&patches)
                        }
                        looked => looked,
                    }?;
                    self.keep(path, &features);
                    Ok(features)
                }
                Err(error) => Err(error),
            };
            fresh.insert(path, features);
        }
        let mut found = Vec::with_capacity(paths.len());
        for path in paths {
            found.push(match (self.kept.get(*path), fresh.get(path)) {
                (Some(features), _) | (None, Some(Ok(features))) => Ok(features.clone()),
                (None, Some(Err(error))) => Err(EngineError::Failed(error.to_string())),
                (None, None) => Err(EngineError::Failed(format!("{} was not looked at", path.display()))),
            });
        }
        Ok(found)
    }

    /// Features of the image at `path` with some merged patches (row by row) blanked: their pixels become the
    /// normalisation's mean, a middling grey. Not kept.
    ///
    /// # Errors
    /// Where the image cannot be read or the device fails.
    pub fn blanked(&self, path: &Path, blanked: &[usize]) -> Result<Features, EngineError> {
        let mut patches = self.patches(path)?;
        let merged = self.base.merge() * self.base.merge();
        let width = patches.values.len() / patches.grid.patches().max(1) * merged;
        for &patch in blanked {
            if let Some(values) = patches.values.chunks_mut(width.max(1)).nth(patch) {
                values.fill(0.0);
            }
        }
        self.look(&patches)
    }

    fn note_change(&mut self, path: &Path) {
        let Ok(file) = path.metadata() else { return };
        let stamp = (file.len(), file.modified().ok());
        if self
            .stamps
            .insert(path.to_owned(), stamp)
            .is_some_and(|first| first != stamp)
        {
            let path = printable_path(path);
            self.notes.push(format!(
                "{path} has changed since it was first read; from here on it is taken as it is now"
            ));
        }
    }

    fn patches(&self, path: &Path) -> Result<Patches, EngineError> {
        Ok(self.base.processor.process(&decode(path, self.decode)?)?)
    }

    /// The tower's tokens of one image.
    fn look(&self, patches: &Patches) -> Result<Features, EngineError> {
        let grid = patches.grid;
        let rows = grid.patches();
        let pixels = Tensor::from_slice(
            &patches.values,
            (1, rows, patches.values.len() / rows.max(1)),
            &self.base.device,
        )?
        .to_dtype(self.base.dtype)?;
        let tokens = self
            .base
            .qwen
            .vision
            .forward(&pixels, (grid.t, grid.h, grid.w))?
            .squeeze(0)?
            .detach();
        let merge = self.base.merge();
        Ok(Features {
            tokens,
            grid: (grid.merged_h(merge), grid.merged_w(merge)),
        })
    }

    /// The cache gives half of its place to what the device computes.
    fn make_room(&mut self) {
        self.kept.clear();
        self.limit = self.bytes / 2;
        self.bytes = 0;
    }

    fn keep(&mut self, path: &Path, features: &Features) {
        let bytes = (features.tokens.elem_count() * features.tokens.dtype().size_in_bytes()) as u64;
        if self.bytes + bytes <= self.limit {
            self.bytes += bytes;
            self.kept.insert(path.to_owned(), features.clone());
        }
    }
}
