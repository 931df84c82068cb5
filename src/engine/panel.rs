//! The panel: a few validation images that are looked at again at every evaluation.

use std::io::Write;
use std::path::Path;

use image::imageops::FilterType;

use super::error::EngineError;
use super::features::FeatureStore;
use super::generate::Decoding;
use super::learner::Learner;
use super::predictor::predict;
use super::reporter::Reporter;
use crate::data::Sample;
use crate::data::image_file::{DecodeOptions, decode};
use crate::session::{Event, Prediction, SampleSeen, SessionFolder, Stage};

/// Longest side of a stored picture, in pixels.
const THUMBNAIL: u32 = 224;

/// Predicts each of `samples` and reports the result, or why it cannot be predicted or kept. Returns the predictions.
///
/// # Errors
/// Where the journal cannot be written, the device is lost, or the process is about to exit.
pub fn look(
    learner: &Learner,
    store: &mut FeatureStore,
    samples: &[&Sample],
    folder: &SessionFolder,
    reporter: &mut Reporter,
    (stage, step): (Stage, u64),
    decoding: &Decoding,
) -> Result<Vec<Prediction>, EngineError> {
    let mut seen = Vec::with_capacity(samples.len());
    for (slot, sample) in samples.iter().enumerate() {
        reporter.unless_interrupted()?;
        let prediction = match predict(learner, store, (&sample.path, sample.id.clone()), &[], decoding) {
            Ok(prediction) => prediction,
            Err(EngineError::Interrupted) => return Err(EngineError::Interrupted),
            Err(error) if error.is_lost_device() => return Err(error),
            Err(error) => {
                reporter.warn(
                    format!("cannot predict {} for the panel: {error}", sample.id),
                    Some(step),
                )?;
                continue;
            }
        };
        let file = folder.samples().join(format!("{}-{step:06}-{slot}.json", stage.name()));
        let thumbnail = folder.thumbnails().join(format!("{slot}.png"));
        if let Err(error) = keep(folder, &prediction, &file, (sample, &thumbnail)) {
            reporter.warn(
                format!("the panel's prediction of {} was not saved: {error}", sample.id),
                Some(step),
            )?;
            seen.push(prediction);
            continue;
        }
        reporter.report(Event::Sample(Box::new(SampleSeen {
            stage,
            step,
            slot,
            image: sample.id.clone(),
            gold: learner.classes.get(sample.label).cloned().unwrap_or_default(),
            prediction: prediction.prediction.clone(),
            file: folder.relative(&file),
            thumbnail: folder.relative(&thumbnail),
        })))?;
        seen.push(prediction);
    }
    Ok(seen)
}

fn keep(
    folder: &SessionFolder,
    prediction: &Prediction,
    file: &Path,
    (sample, thumbnail): (&Sample, &Path),
) -> Result<(), EngineError> {
    let json = serde_json::to_vec(prediction).map_err(|error| EngineError::Failed(error.to_string()))?;
    let kept = folder.write(file, |file| file.write_all(&json));
    kept.map_err(|source| written(file, source))?;
    if folder.is_file(thumbnail) {
        return Ok(());
    }
    store_thumbnail(folder, sample, thumbnail)
}

fn store_thumbnail(folder: &SessionFolder, sample: &Sample, path: &Path) -> Result<(), EngineError> {
    let picture = decode(&sample.path, DecodeOptions::default())?;
    let longest = picture.width().max(picture.height());
    let picture = if longest > THUMBNAIL {
        let side = |pixels: u32| (pixels * THUMBNAIL / longest).max(1);
        image::imageops::resize(
            &picture,
            side(picture.width()),
            side(picture.height()),
            FilterType::Triangle,
        )
    } else {
        picture
    };
    let write = |file: &mut std::fs::File| {
        picture
            .write_to(file, image::ImageFormat::Png)
            .map_err(std::io::Error::other)
    };
    folder.write(path, write).map_err(|source| written(path, source))
}

fn written(path: &Path, source: std::io::Error) -> EngineError {
    EngineError::Write {
        path: path.display().to_string(),
        source,
    }
}
