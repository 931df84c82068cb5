//! Reads an image's picture and the model's prediction from the session's folder or the dataset.

use std::{
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
};

use image::{ImageReader, Limits, RgbImage};

use crate::{
    bounded_file::{open_regular, read_bounded},
    data::image_file::{DecodeOptions, decode},
    inside::{inside, inside_links_too},
    printable::printable_path,
    session::{Answer, Found, Prediction, SampleSeen},
};

/// The largest file of a prediction.
const LARGEST_FILE: u64 = 64 << 20;
/// The largest side of a thumbnail in pixels.
const LARGEST_SIDE: u32 = 4096;
/// A dataset's picture is scaled down to this size in pixels; no terminal shows more detail.
const SHOWN_SIDE: u32 = 1024;

/// The files of an image; each is an error message if reading it failed.
#[derive(Debug)]
pub struct Look {
    /// `None` if the model has not been asked.
    pub prediction: Option<Result<Prediction, String>>,
    pub picture: Result<RgbImage, String>,
}

/// Where an image and its prediction are.
#[derive(Debug, Clone)]
pub struct Source {
    /// Equal for the same picture and prediction.
    pub id: String,
    files: Files,
}

#[derive(Debug, Clone)]
enum Files {
    /// In the session's folder.
    Seen { file: PathBuf, thumbnail: PathBuf },
    /// A picture of the dataset, with the model's answer, if it was asked.
    Image {
        root: PathBuf,
        path: PathBuf,
        answer: Option<Arc<Answer>>,
    },
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

    /// Image `id` of a dataset, with a model's answer; `by` distinguishes models.
    #[must_use]
    pub fn image(root: &Path, id: &str, answer: Option<Arc<Answer>>, by: &str) -> Self {
        let asked = answer
            .as_ref()
            .map(|answer| format!("{by} {:?} {} {:?}", answer.stage, answer.step, answer.request));
        Self {
            id: format!("{} {id} {}", root.display(), asked.unwrap_or_default()),
            files: Files::Image {
                root: root.to_owned(),
                path: inside(root, Path::new(id)).unwrap_or_default(),
                answer,
            },
        }
    }

    /// Reads the files; those of a session lie under `folder`.
    #[must_use]
    pub fn read(&self, folder: &Path) -> Look {
        match &self.files {
            Files::Seen { file, thumbnail } => Look {
                prediction: Some(read_prediction(folder, file)),
                picture: read_picture(folder, thumbnail),
            },
            Files::Image { root, path, answer } => Look {
                prediction: answer.as_ref().and_then(|answer| match &answer.found {
                    Found::Prediction(prediction) => Some(Ok(prediction.as_ref().clone())),
                    _ => None,
                }),
                picture: decode(path, DecodeOptions::default()).map(shrunk).map_err(|error| {
                    if root.is_dir() {
                        return error.to_string();
                    }
                    let root = printable_path(root);
                    format!("the session's pictures are not here: there is no folder {root}")
                }),
            },
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

/// Resolves a file name from a journal, which must stay inside the session's folder.
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
