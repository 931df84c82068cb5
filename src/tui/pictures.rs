//! Pictures and what the model says of them: read, decoded and encoded by a thread of their own, kept for the panes.

use std::{
    collections::HashMap,
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use crossbeam_channel::{Receiver, Sender, never, unbounded};
use image::{ImageReader, Limits, RgbImage};
use ratatui::layout::Size;

use super::{
    heatmap::{self, AttentionMap},
    surface::{Painter, Surface},
};
use crate::{
    bounded_file::{open_regular, read_bounded},
    data::View,
    data::image_file::{DecodeOptions, decode},
    inside::{inside, inside_links_too},
    session::{Answer, Found, Prediction, SampleSeen},
};

/// A prediction's file is at most so large.
const LARGEST_FILE: u64 = 64 << 20;
/// A thumbnail has at most so many pixels a side.
const LARGEST_SIDE: u32 = 4096;
/// So many surfaces are kept before the old ones go.
const KEPT: usize = 512;
/// So many pictures are kept before the old ones go.
const LOOKS: usize = 128;
/// A dataset's picture is kept with at most so many pixels a side: no terminal shows more of it.
const SHOWN_SIDE: u32 = 1024;

/// What was read of an image; a sentence where that failed.
#[derive(Debug)]
pub struct Look {
    /// Nothing where the model has not been asked.
    pub prediction: Option<Result<Prediction, String>>,
    pub picture: Result<RgbImage, String>,
}

/// Where an image and its prediction are.
#[derive(Debug, Clone)]
pub struct Source {
    /// The same for the same picture and prediction.
    id: String,
    files: Files,
}

#[derive(Debug, Clone)]
enum Files {
    /// In the session's folder.
    Seen { file: PathBuf, thumbnail: PathBuf },
    /// A picture of the dataset, with what the model said when it was asked.
    Image { path: PathBuf, answer: Option<Arc<Answer>> },
}

impl Source {
    /// A look of the panel.
    #[must_use]
    pub fn seen(sample: &SampleSeen) -> Self {
        Self {
            id: format!("seen {}", sample.file.display()),
            files: Files::Seen {
                file: sample.file.clone(),
                thumbnail: sample.thumbnail.clone(),
            },
        }
    }

    /// The image `id` of a dataset, and an answer on it by a model, which `by` tells from others.
    #[must_use]
    pub fn image(root: &Path, id: &str, answer: Option<Arc<Answer>>, by: &str) -> Self {
        let asked = answer
            .as_ref()
            .map(|answer| format!("{by} {:?} {} {:?}", answer.stage, answer.step, answer.request));
        Self {
            id: format!("{} {id} {}", root.display(), asked.unwrap_or_default()),
            files: Files::Image {
                path: inside(root, Path::new(id)).unwrap_or_default(),
                answer,
            },
        }
    }
}

/// What is painted of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    Picture,
    Attention(View, heatmap::Look),
}

/// A surface: of which source, what, how large.
type Key = (String, Subject, Size);

enum Request {
    Read(Source),
    Paint { key: Key, look: Arc<Look> },
}

/// What the thread has done.
#[derive(Debug)]
pub enum Done {
    Read(String, Arc<Look>),
    Painted((String, Subject, Size), Result<Arc<Surface>, String>),
}

/// The samples' pictures that are there, and a way to ask for more.
#[derive(Debug)]
pub struct Pictures {
    requests: Sender<Request>,
    done: Receiver<Done>,
    looks: HashMap<String, Option<Arc<Look>>>,
    surfaces: HashMap<Key, Option<Result<Arc<Surface>, String>>>,
    /// The last surface of a subject and size: shown until the one that follows it is there.
    latest: HashMap<(Subject, Size), Arc<Surface>>,
}

impl Pictures {
    /// Starts the thread; the files lie under `folder` and are painted by `painter`.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn start(folder: PathBuf, painter: Painter) -> std::io::Result<Self> {
        let ((requests, todo), (finished, done)) = (unbounded(), unbounded());
        thread::Builder::new().name("pictures".to_owned()).spawn(move || {
            for request in todo {
                let answer = match request {
                    Request::Read(source) => {
                        let look = match source.files {
                            Files::Seen { file, thumbnail } => Look {
                                prediction: Some(read_prediction(&folder, &file)),
                                picture: read_picture(&folder, &thumbnail),
                            },
                            Files::Image { path, answer } => Look {
                                prediction: answer.and_then(|answer| match &answer.found {
                                    Found::Prediction(prediction) => Some(Ok(prediction.as_ref().clone())),
                                    _ => None,
                                }),
                                picture: decode(&path, DecodeOptions::default())
                                    .map(shrunk)
                                    .map_err(|error| error.to_string()),
                            },
                        };
                        Done::Read(source.id, Arc::new(look))
                    }
                    Request::Paint { key, look } => {
                        let surface = paint(&look, key.1, key.2, &painter).map(Arc::new);
                        Done::Painted(key, surface)
                    }
                };
                if finished.send(answer).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self {
            requests,
            done,
            looks: HashMap::new(),
            surfaces: HashMap::new(),
            latest: HashMap::new(),
        })
    }

    /// Where answers arrive; each belongs to [`Pictures::accept`].
    #[must_use]
    pub const fn done(&self) -> &Receiver<Done> {
        &self.done
    }

    /// The thread is gone: nothing comes any more.
    pub fn lost(&mut self) {
        self.done = never();
    }

    /// Keeps an answer.
    pub fn accept(&mut self, done: Done) {
        match done {
            Done::Read(id, look) => {
                self.looks.insert(id, Some(look));
            }
            Done::Painted(key, surface) => {
                if let Ok(surface) = &surface {
                    self.latest.insert((key.1, key.2), Arc::clone(surface));
                }
                self.surfaces.insert(key, Some(surface));
            }
        }
    }

    /// What is in a source's files; nothing while they are being read.
    pub fn look(&mut self, source: &Source) -> Option<Arc<Look>> {
        if let Some(look) = self.looks.get(&source.id) {
            return look.clone();
        }
        self.shrink();
        self.looks.insert(source.id.clone(), None);
        // The thread is gone only where the program is ending; then nothing is shown.
        let _ = self.requests.send(Request::Read(source.clone()));
        None
    }

    /// A source's picture or map at `size`; while it is being painted the last one of its kind, if there is one.
    pub fn surface(&mut self, source: &Source, subject: Subject, size: Size) -> Option<Result<Arc<Surface>, String>> {
        if size.width == 0 || size.height == 0 {
            return None;
        }
        let look = self.look(source);
        let key = (source.id.clone(), subject, size);
        match self.surfaces.get(&key) {
            Some(Some(surface)) => return Some(surface.clone()),
            Some(None) => {}
            None => {
                if let Some(look) = look {
                    self.surfaces.insert(key.clone(), None);
                    let _ = self.requests.send(Request::Paint { key, look });
                }
            }
        }
        self.latest.get(&(subject, size)).cloned().map(Ok)
    }

    /// Forgets all, so that all is read again.
    pub fn forget(&mut self) {
        self.looks.clear();
        self.surfaces.clear();
        self.latest.clear();
    }

    /// Whether an answer is still to come.
    #[cfg(test)]
    pub fn wanted(&self) -> bool {
        self.looks.values().any(Option::is_none) || self.surfaces.values().any(Option::is_none)
    }

    fn shrink(&mut self) {
        if self.surfaces.len() > KEPT || self.looks.len() > LOOKS {
            self.forget();
        }
    }
}

fn paint(look: &Look, subject: Subject, size: Size, painter: &Painter) -> Result<Surface, String> {
    let picture = look.picture.as_ref().map_err(Clone::clone)?;
    match subject {
        Subject::Picture => painter.picture(picture.clone(), size),
        Subject::Attention(view, shown) => {
            let prediction = look.prediction.as_ref().ok_or("not looked at yet")?;
            let prediction = prediction.as_ref().map_err(Clone::clone)?;
            let aspect = prediction.aspects.get(&view).ok_or("no map")?;
            painter.attention(&AttentionMap::of(aspect, shown.query)?, picture, shown.strength(), size)
        }
    }
}

fn shrunk(picture: RgbImage) -> RgbImage {
    if picture.width().max(picture.height()) <= SHOWN_SIDE {
        return picture;
    }
    image::DynamicImage::ImageRgb8(picture)
        .thumbnail(SHOWN_SIDE, SHOWN_SIDE)
        .into_rgb8()
}

fn read_prediction(folder: &Path, file: &Path) -> Result<Prediction, String> {
    let path = in_session(folder, file)?;
    let text = read_bounded(&path, LARGEST_FILE).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: not a prediction: {error}", path.display()))
}

fn read_picture(folder: &Path, file: &Path) -> Result<RgbImage, String> {
    let path = in_session(folder, file)?;
    let says = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = open_regular(&path).map_err(|error| says(&error))?;
    let mut reader = ImageReader::new(BufReader::new(file))
        .with_guessed_format()
        .map_err(|error| says(&error))?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LARGEST_SIDE), Some(LARGEST_SIDE));
    reader.limits(limits);
    Ok(reader.decode().map_err(|error| says(&error))?.into_rgb8())
}

/// A name from a journal stays inside the session's folder.
fn in_session(folder: &Path, file: &Path) -> Result<PathBuf, String> {
    inside_links_too(folder, file).ok_or_else(|| format!("{}: not a path inside the session's folder", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_cannot_point_outside_its_folder() {
        let folder = Path::new("/s");
        assert_eq!(
            in_session(folder, Path::new("samples/a.json")),
            Ok(PathBuf::from("/s/samples/a.json"))
        );
        assert!(in_session(folder, Path::new("../a")).is_err());
        assert!(in_session(folder, Path::new("/etc/passwd")).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_a_sentence_with_the_path() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bad.json"), "{").unwrap();
        std::fs::write(folder.path().join("bad.png"), "no picture").unwrap();
        assert!(
            read_prediction(folder.path(), Path::new("bad.json"))
                .unwrap_err()
                .contains("bad.json: not a prediction")
        );
        assert!(
            read_picture(folder.path(), Path::new("bad.png"))
                .unwrap_err()
                .contains("bad.png")
        );
        assert!(
            read_picture(folder.path(), Path::new("none.png"))
                .unwrap_err()
                .contains("none.png")
        );
    }
}
