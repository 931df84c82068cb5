//! Reads images ahead of the step that needs them: while the device works on this step, a thread decodes and prepares the
//! next step's pictures, or finds their features on disk. Results and their order do not depend on it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use rayon::prelude::*;

use super::Features;
use super::files::{FeatureFolder, Stamp};
use crate::data::image_file::{DecodeOptions, decode};
use crate::engine::error::EngineError;
use crate::vlm::vision::{Picture, Pictures};

/// What an image gives before the tower runs.
pub enum Found {
    /// Features from the disk cache, on the CPU.
    Features(Features),
    Picture(Picture),
}

/// An image as it was read.
pub struct ImageRead {
    /// Taken before the file was read: if the file changed meanwhile, its features must not be cached under the new stamp.
    pub stamp: Option<Stamp>,
    /// A sentence if its file in the disk cache is damaged.
    pub note: Option<String>,
    pub found: Result<Found, EngineError>,
}

/// Reads and prepares images; needs neither the tower nor the device.
pub struct ImageReader {
    pub pictures: Arc<dyn Pictures>,
    pub decode: DecodeOptions,
    pub cache: Option<FeatureFolder>,
}

impl ImageReader {
    /// The prepared picture.
    ///
    /// # Errors
    /// Where the image cannot be read.
    pub fn picture(&self, path: &Path) -> Result<Picture, EngineError> {
        Ok(self.pictures.prepare(&decode(path, self.decode)?)?)
    }

    /// The image's cached features, or else its prepared picture.
    #[must_use]
    pub fn read(&self, path: &Path) -> ImageRead {
        let stamp = path.metadata().ok().map(|file| (file.len(), file.modified().ok()));
        let cached = match (&self.cache, stamp) {
            (Some(cache), Some(stamp)) => cache.find(path, stamp),
            _ => Ok(None),
        };
        let (cached, note) = match cached {
            Ok(cached) => (cached, None),
            Err(reason) => (None, Some(format!("{reason}; its image passes the vision tower again"))),
        };
        let found = match cached {
            Some(features) => Ok(Found::Features(features)),
            None => self.picture(path).map(Found::Picture),
        };
        ImageRead { stamp, note, found }
    }
}

/// Reads images, at best before they are needed.
pub struct Loader {
    pub reader: Arc<ImageReader>,
    /// The thread, once something was asked for ahead.
    thread: Option<ReadAhead>,
}

/// The thread's channels, and what it was asked for.
struct ReadAhead {
    wanted: Sender<PathBuf>,
    read: Receiver<(PathBuf, ImageRead)>,
    /// Asked for and not used yet; None while the thread has not read it.
    asked: HashMap<PathBuf, Option<ImageRead>>,
}

impl Loader {
    /// A loader whose thread is not started yet.
    #[must_use]
    pub fn new(reader: ImageReader) -> Self {
        Self {
            reader: Arc::new(reader),
            thread: None,
        }
    }

    /// Begins to read these images, which the next step or batch needs. What was asked for before and is not among them is
    /// dropped: so at most one step's images wait in memory.
    pub fn ahead<'p>(&mut self, paths: impl Iterator<Item = &'p Path>) {
        let mut asked = HashMap::new();
        for path in paths {
            if asked.contains_key(path) {
                continue;
            }
            if self.thread.is_none() {
                self.thread = ReadAhead::start(&self.reader);
            }
            let Some(thread) = &mut self.thread else { return };
            let before = thread.asked.remove(path);
            if before.is_some() || thread.wanted.send(path.to_owned()).is_ok() {
                asked.insert(path.to_owned(), before.flatten());
            }
        }
        if let Some(thread) = &mut self.thread {
            thread.asked = asked;
        }
    }

    /// The images at `paths`, in this order.
    pub fn read<'p>(&mut self, paths: &[&'p Path]) -> Vec<(&'p Path, ImageRead)> {
        let mut early: Vec<Option<ImageRead>> = paths.iter().map(|path| self.take(path)).collect();
        let reader = &self.reader;
        let now = paths.par_iter().zip(&mut early);
        now.map(|(path, early)| (*path, early.take().unwrap_or_else(|| reader.read(path))))
            .collect()
    }

    /// The image, if it was asked for ahead; waits for the thread if it is not done.
    fn take(&mut self, path: &Path) -> Option<ImageRead> {
        let ahead = self.thread.as_mut()?;
        if let Some(read) = ahead.asked.remove(path)? {
            return Some(read);
        }
        // An error means that the thread died; the image is then read here.
        while let Ok((of, read)) = ahead.read.recv() {
            if of == path {
                return Some(read);
            }
            if let Some(asked) = ahead.asked.get_mut(&of) {
                *asked = Some(read);
            }
        }
        None
    }
}

impl ReadAhead {
    /// Starts the thread; None if the system refuses it, and images are then read when they are needed.
    fn start(reader: &Arc<ImageReader>) -> Option<Self> {
        let ((wanted, todo), (done, read)) = (unbounded::<PathBuf>(), unbounded());
        let reader = Arc::clone(reader);
        let work = move || {
            while let Ok(first) = todo.recv() {
                let batch: Vec<PathBuf> = std::iter::once(first).chain(todo.try_iter()).collect();
                let read = batch.into_par_iter().map(|path| (reader.read(&path), path));
                for (read, path) in read.collect::<Vec<_>>() {
                    if done.send((path, read)).is_err() {
                        return;
                    }
                }
            }
        };
        std::thread::Builder::new().name("loader".to_owned()).spawn(work).ok()?;
        Some(Self {
            wanted,
            read,
            asked: HashMap::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::engine::device::DeviceChoice;
    use crate::engine::{device, model};

    /// A loader for the tiny model without a cache.
    fn loader() -> Loader {
        let settings = crate::config::Settings::default();
        let compute = device::open(DeviceChoice::Cpu, settings.model.dtype).unwrap();
        let base = model::open(&settings, &compute, |_, _, _| ()).unwrap();
        Loader::new(ImageReader {
            pictures: Arc::clone(&base.vision.pictures),
            decode: DecodeOptions { exif_orientation: true },
            cache: None,
        })
    }

    fn pictures(folder: &Path) -> Vec<PathBuf> {
        let save = |shade: u8| {
            let path = folder.join(format!("{shade}.png"));
            RgbImage::from_pixel(56, 56, Rgb([shade, 7, 7])).save(&path).unwrap();
            path
        };
        (0..6).map(save).collect()
    }

    fn prepared(loader: &mut Loader, paths: &[&Path]) -> Vec<Option<Picture>> {
        let read = loader.read(paths).into_iter().zip(paths);
        read.map(|((of, read), path)| {
            assert_eq!(of, *path);
            match read.found {
                Ok(Found::Picture(picture)) => Some(picture),
                _ => None,
            }
        })
        .collect()
    }

    #[test]
    fn pictures_read_ahead_are_those_read_when_needed_in_the_order_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let files = pictures(folder.path());
        let mut paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let missing = folder.path().join("missing.png");
        paths.insert(2, &missing);
        let expected = prepared(&mut loader(), &paths);
        assert!(expected[2].is_none() && expected.iter().flatten().count() == 6);

        let mut ahead = loader();
        // Twice the same, and in another order.
        ahead.ahead(paths.iter().rev().chain(&paths).copied());
        assert_eq!(prepared(&mut ahead, &paths), expected);
        ahead.ahead(paths[..3].iter().copied());
        assert_eq!(prepared(&mut ahead, &paths), expected, "some of them ahead");
    }

    #[test]
    fn a_picture_that_was_read_ahead_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let files = pictures(folder.path());
        let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let mut loader = loader();
        let expected = prepared(&mut loader, &paths);
        loader.ahead(paths.iter().copied());
        // Waits until all of them have been read.
        assert!(loader.take(paths[5]).is_some());
        while loader.thread.as_ref().unwrap().asked.values().any(Option::is_none) {
            let ahead = loader.thread.as_mut().unwrap();
            let (of, read) = ahead.read.recv().unwrap();
            ahead.asked.insert(of, Some(read));
        }
        files.iter().for_each(|file| fs::remove_file(file).unwrap());
        assert_eq!(prepared(&mut loader, &paths[..5]), expected[..5]);
        assert!(prepared(&mut loader, &paths[..1])[0].is_none(), "used once");
    }

    #[test]
    fn pictures_no_longer_wanted_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let files = pictures(folder.path());
        let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let mut loader = loader();
        loader.ahead(paths[..4].iter().copied());
        loader.ahead(paths[3..].iter().copied());
        let asked = &loader.thread.as_ref().unwrap().asked;
        assert!(asked.len() == 3 && !asked.contains_key(paths[0]));
        assert!(prepared(&mut loader, &paths).iter().all(Option::is_some));
        loader.ahead(std::iter::empty());
        assert!(loader.thread.as_ref().unwrap().asked.is_empty());
    }
}
