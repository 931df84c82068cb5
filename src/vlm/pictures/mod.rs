//! Prepares pictures for vision towers: resized as Pillow does, normalised, cut into patches.

mod error;
mod image_processor;
mod limited_size;
mod normalisation;
mod patches;
mod processor_file;
mod resample;
mod settings;
mod tiles;

pub use error::PictureError;
pub use image_processor::{ImageProcessor, of_grid};
pub use limited_size::{LONGEST_SIDE, limited_size};
pub use normalisation::{CLIP_MEAN, CLIP_STD, Normalisation, Table};
pub use patches::{Grid, Patches};
pub use processor_file::ProcessorFile;
pub use resample::{Filter, resize};
pub use settings::{Defaults, MAX_TARGET_PIXELS, ProcessorConfig, Sides};
pub use tiles::Tiles;
