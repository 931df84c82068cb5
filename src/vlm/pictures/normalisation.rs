//! How a picture's bytes are normalised. All families' image processors use the same keys for it.

use image::RgbImage;
use serde::Deserialize;

use super::{PictureError, ProcessorFile};

/// CLIP's mean per channel.
pub const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];

/// CLIP's standard deviation per channel.
pub const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// Bytes are multiplied by a factor; then each channel is normalised by a mean and a standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalisation {
    pub mean: [f32; 3],
    pub std: [f32; 3],
    /// Factor from bytes to `[0, 1]`.
    pub rescale_factor: f64,
}

/// The keys as they occur in a file.
#[derive(Default, Deserialize)]
struct Keys {
    image_mean: Option<[f32; 3]>,
    image_std: Option<[f32; 3]>,
    rescale_factor: Option<f64>,
    do_rescale: Option<bool>,
    do_normalize: Option<bool>,
}

impl Normalisation {
    /// The normalisation in a folder's settings; `mean` and `std` are the family's defaults. A step that is switched
    /// off becomes the identity.
    ///
    /// # Errors
    /// If keys hold another type of value. [`Self::check`] checks the numbers.
    pub fn of(file: Option<&ProcessorFile>, mean: [f32; 3], std: [f32; 3]) -> Result<Self, PictureError> {
        let keys: Keys = ProcessorFile::read(file)?;
        let (mean, std) = if keys.do_normalize == Some(false) {
            ([0.0; 3], [1.0; 3])
        } else {
            (keys.image_mean.unwrap_or(mean), keys.image_std.unwrap_or(std))
        };
        let rescale_factor = if keys.do_rescale == Some(false) {
            1.0
        } else {
            keys.rescale_factor.unwrap_or(1.0 / 255.0)
        };
        Ok(Self {
            mean,
            std,
            rescale_factor,
        })
    }

    /// # Errors
    /// If the numbers would not give finite values.
    pub fn check(&self) -> Result<(), PictureError> {
        let wrong = |key, reason: String| Err(PictureError::Setting { key, reason });
        if let Some(mean) = self.mean.iter().find(|mean| !mean.is_finite()) {
            return wrong("image_mean", format!("holds {mean}, not a finite number"));
        }
        if let Some(std) = self.std.iter().find(|std| !(std.is_finite() && **std > 0.0)) {
            return wrong("image_std", format!("holds {std}, not a number above 0"));
        }
        if !(self.rescale_factor.is_finite() && self.rescale_factor > 0.0) {
            return wrong(
                "rescale_factor",
                format!("is {}, not a number above 0", self.rescale_factor),
            );
        }
        // Each number may be finite while their quotient is not.
        if self.table().0.as_flattened().iter().any(|value| !value.is_finite()) {
            return wrong(
                "rescale_factor",
                format!(
                    "({:e}), with `image_mean` and `image_std`, makes pixels infinite",
                    self.rescale_factor
                ),
            );
        }
        Ok(())
    }

    /// `[channel][byte]`: scaled and normalised bytes. Like the reference it scales in f64, stores f32 and normalises
    /// in f32.
    #[must_use]
    pub fn table(&self) -> Table {
        Table(std::array::from_fn(|channel| {
            std::array::from_fn(|byte| {
                let scaled = (byte as f64 * self.rescale_factor) as f32;
                (scaled - self.mean[channel]) / self.std[channel]
            })
        }))
    }
}

/// `[channel][byte]`: each byte's normalised value.
#[derive(Debug, Clone)]
pub struct Table([[f32; 256]; 3]);

impl Table {
    /// Appends to `values` the patch of `side` x `side` pixels whose corner is at (row, column), in the order channel,
    /// frame, y, x. All `frames` of a still picture are equal.
    pub fn patch(
        &self,
        picture: &RgbImage,
        (top, left): (usize, usize),
        (side, frames): (usize, usize),
        values: &mut Vec<f32>,
    ) {
        let row = picture.width() as usize * 3;
        let bytes = picture.as_raw();
        for (channel, of_byte) in self.0.iter().enumerate() {
            let frame = values.len();
            for y in top..top + side {
                let start = y * row + left * 3;
                let samples = bytes[start..start + side * 3].iter().skip(channel).step_by(3);
                values.extend(samples.map(|byte| of_byte[usize::from(*byte)]));
            }
            for _ in 1..frames {
                values.extend_from_within(frame..frame + side * side);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(keys: &serde_json::Value) -> Result<Normalisation, PictureError> {
        let file = ProcessorFile {
            path: "preprocessor_config.json".into(),
            keys: keys.as_object().unwrap().clone(),
        };
        let found = Normalisation::of(Some(&file), CLIP_MEAN, CLIP_STD)?;
        found.check()?;
        Ok(found)
    }

    #[test]
    fn steps_that_are_switched_off_are_left_out() {
        let off = json!({
            "do_rescale": false, "do_normalize": false, "image_mean": [1, 2, 3], "image_std": [0, 0, 0], "rescale_factor": -1,
        });
        let bytes = Normalisation {
            mean: [0.0; 3],
            std: [1.0; 3],
            rescale_factor: 1.0,
        };
        assert_eq!(read(&off).unwrap(), bytes);
        let clip = Normalisation {
            mean: CLIP_MEAN,
            std: CLIP_STD,
            rescale_factor: 1.0 / 255.0,
        };
        assert_eq!(read(&json!({})).unwrap(), clip);
        let on = json!({"do_rescale": true, "do_normalize": true, "image_mean": null});
        assert_eq!(read(&on).unwrap(), clip);
    }

    #[test]
    fn invalid_normalisation_is_named_by_its_key() {
        for (keys, named) in [
            (json!({"image_mean": [0.5, 1e300, 0.5]}), "image_mean"),
            (json!({"image_std": [0.2, 0.0, 0.2]}), "image_std"),
            (json!({"image_std": [0.2, -0.1, 0.2]}), "image_std"),
            (json!({"image_std": [1e300, 0.1, 0.2]}), "image_std"),
            (json!({"rescale_factor": 0}), "rescale_factor"),
            (json!({"rescale_factor": -0.1}), "rescale_factor"),
            (json!({"rescale_factor": 1e300}), "rescale_factor"),
            (json!({"image_std": [1e-44, 0.2, 0.2]}), "rescale_factor"),
        ] {
            let error = read(&keys).unwrap_err();
            assert!(
                matches!(error, PictureError::Setting { key, .. } if key == named),
                "{keys}: {error}"
            );
        }
        let error = read(&json!({"image_mean": "grey"})).unwrap_err().to_string();
        assert!(error.contains("preprocessor_config.json"), "{error}");
    }
}
