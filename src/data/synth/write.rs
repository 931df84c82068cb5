//! Writes the drawn dataset in EmoSet's layout.

use std::{
    ffi::OsString,
    fs, io,
    path::{self, Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use image::{
    ExtendedColorType, ImageEncoder, ImageError,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    annotation::AnnotationFile,
    draw,
    info::Info,
    plan::{self, Planned},
    rule::{self, NOISE},
};
use crate::data::classes::MIKELS;

/// The picture sizes that can be drawn: below, faces are a few pixels; above, a dataset fills a disk.
const SIZES: std::ops::RangeInclusive<u32> = 56..=1024;

/// EmoSet numbers its pictures with five digits.
const MOST_PICTURES: usize = 100_000;

/// What to draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Pictures in each split.
    pub train: usize,
    pub val: usize,
    pub test: usize,
    /// Width and height in pixels.
    pub size: u32,
    pub seed: u64,
    /// The share of wrong labels.
    pub noise: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            train: 2000,
            val: 400,
            test: 600,
            size: 112,
            seed: 3407,
            noise: NOISE,
        }
    }
}

impl Options {
    /// As many `images` in all, split as by default: 2 in 3 to train, 2 in 15 to validate, the rest to test.
    #[must_use]
    pub fn with_images(self, images: usize) -> Self {
        let (train, val) = (images * 2 / 3, images * 2 / 15);
        Self {
            train,
            val,
            test: images - train - val,
            ..self
        }
    }

    /// Pictures in all.
    #[must_use]
    pub fn images(&self) -> usize {
        self.train.saturating_add(self.val).saturating_add(self.test)
    }

    fn check(&self) -> Result<(), SynthError> {
        let problem = if !SIZES.contains(&self.size) {
            format!(
                "pictures of {0} x {0} pixels: choose a size from {1} to {2}",
                self.size,
                SIZES.start(),
                SIZES.end()
            )
        } else if !(1..=MOST_PICTURES).contains(&self.images()) {
            format!("{} pictures: choose 1 to {MOST_PICTURES} in all", self.images())
        } else if !(0.0..=1.0).contains(&self.noise) {
            format!("a share of label noise of {}: choose 0 to 1", self.noise)
        } else {
            return Ok(());
        };
        Err(SynthError::Options { problem })
    }
}

/// Why a dataset could not be drawn. Nothing is left half-written.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    #[error("Cannot draw {problem}.")]
    Options { problem: String },
    #[error("{} is not an empty folder: name a new folder for the drawn dataset, or remove what is there first.", path.display())]
    Occupied { path: PathBuf },
    #[error("Cannot write {}: {source}. Check the free space and that the folder may be written to.", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("Cannot encode the picture {image_id}: {source}.")]
    Encode { image_id: String, source: ImageError },
}

/// Draws a dataset into `dir`, which must be absent or empty, and returns what its `info.json` says.
///
/// The same options give the same bytes, with any number of threads. It is drawn in a folder beside `dir` that takes its name only when it
/// is whole. `progress` is called after each picture with the number done and the number in all, from several threads.
///
/// # Errors
/// Options out of range, an occupied `dir`, or what the file system says.
pub fn synthesise(dir: &Path, options: &Options, progress: impl Fn(usize, usize) + Sync) -> Result<Info, SynthError> {
    options.check()?;
    let dir = path::absolute(dir).map_err(failed(dir))?;
    let occupied = || SynthError::Occupied { path: dir.clone() };
    let (Some(parent), Some(name)) = (dir.parent(), dir.file_name()) else {
        return Err(occupied());
    };
    match fs::read_dir(&dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) => return Err(occupied()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(occupied()),
        Err(error) => return Err(failed(&dir)(error)),
    }
    fs::create_dir_all(parent).map_err(failed(parent))?;
    let mut prefix = OsString::from(".");
    prefix.push(name);
    let partial = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".partial")
        .tempdir_in(parent)
        .map_err(failed(parent))?;
    // A folder within it, for the temporary one itself is closed to other users.
    let root = partial.path().join("dataset");
    for emotion in MIKELS {
        for kind in ["image", "annotation"] {
            let folder = root.join(kind).join(emotion);
            fs::create_dir_all(&folder).map_err(failed(&folder))?;
        }
    }

    let splits = plan::plan(&[options.train, options.val, options.test], options.noise, options.seed);
    let done = AtomicUsize::new(0);
    let mut clear = 0;
    for (split, name) in splits.iter().zip(["train", "val", "test"]) {
        let drawn: Vec<Drawn> = split
            .par_iter()
            .map(|planned| {
                let drawn = write_picture(&root, planned, options)?;
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, options.images());
                Ok(drawn)
            })
            .collect::<Result<_, SynthError>>()?;
        clear += drawn.iter().filter(|drawn| drawn.clear).count();
        let rows: Vec<&[String; 3]> = drawn.iter().map(|drawn| &drawn.row).collect();
        write_json(&root.join(format!("{name}.json")), &rows)?;
    }
    let info = Info::new(options, clear as f64 / options.images() as f64);
    write_json(&root.join("info.json"), &info)?;
    fs::rename(&root, &dir).map_err(failed(&dir))?;
    Ok(info)
}

/// A picture that was written.
struct Drawn {
    /// Emotion, image, annotation: a row of the split's file.
    row: [String; 3],
    clear: bool,
}

fn write_picture(root: &Path, planned: &Planned, options: &Options) -> Result<Drawn, SynthError> {
    let label = MIKELS[planned.label];
    let image_id = format!("{label}_{:05}", planned.number);
    let row = [
        label.to_owned(),
        format!("image/{label}/{image_id}.png"),
        format!("annotation/{label}/{image_id}.json"),
    ];
    let scene = plan::scene(planned, options.size, options.seed);

    let mut png = Vec::new();
    let picture = draw::render(&scene);
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive)
        .write_image(&picture, picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .map_err(|source| SynthError::Encode {
            image_id: image_id.clone(),
            source,
        })?;
    let [_, image, annotation] = &row;
    fs::write(root.join(image), png).map_err(failed(&root.join(image)))?;
    let text = json(&AnnotationFile::new(&scene, &image_id, label)).map_err(failed(&root.join(annotation)))?;
    fs::write(root.join(annotation), text).map_err(failed(&root.join(annotation)))?;
    Ok(Drawn {
        row,
        clear: rule::verdict(&scene).clear(),
    })
}

/// Writes a file that says what the dataset holds, down to the disk.
fn write_json(path: &Path, value: &impl Serialize) -> Result<(), SynthError> {
    let write = || {
        let mut file = fs::File::create(path)?;
        io::Write::write_all(&mut file, &json(value)?)?;
        file.sync_all()
    };
    write().map_err(failed(path))
}

fn json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> SynthError {
    let path = path.to_owned();
    move |source| SynthError::Write { path, source }
}
