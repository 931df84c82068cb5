//! The image processor's settings: `preprocessor_config.json`, or a part of `processor_config.json`.

use std::path::Path;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::ProcessorError;
use crate::printable::printable;
use crate::vlm::config_file::document;

/// No setting may ask for a picture of more pixels than this (the hub's own maximum is 12,845,056).
const MAX_TARGET_PIXELS: usize = 50_000_000;

/// The settings; keys that are missing or null have Qwen2-VL's values, unknown keys are ignored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "ConfigFile")]
pub struct ProcessorConfig {
    pub patch_size: usize,
    pub temporal_patch_size: usize,
    pub merge_size: usize,
    pub image_mean: [f32; 3],
    pub image_std: [f32; 3],
    /// Factor from bytes to `[0, 1]`.
    pub rescale_factor: f64,
    /// Pixels of the resized picture.
    pub min_pixels: usize,
    /// Pixels of the resized picture.
    pub max_pixels: usize,
}

impl ProcessorConfig {
    /// Reads the settings of a model folder: `image_processor` of `processor_config.json`, where transformers 5 puts them,
    /// else `preprocessor_config.json`. Without either they are those of all Qwen2-VL models, with patches of
    /// `patch_size`; the second value says whether there was a file.
    ///
    /// # Errors
    /// A file that cannot be read or holds other JSON, or values that no processor can work with.
    pub fn of_folder(folder: &Path, patch_size: usize) -> Result<(Self, bool), ProcessorError> {
        const PLACES: [(&str, Option<&str>); 2] = [
            ("processor_config.json", Some("image_processor")),
            ("preprocessor_config.json", None),
        ];
        for (name, within) in PLACES {
            let path = folder.join(name);
            if !path.exists() {
                continue;
            }
            let mut keys = document::read(&path)?;
            let keys = match within {
                None => Some(Value::Object(keys)),
                Some(within) => keys.remove(within).filter(|keys| !keys.is_null()),
            };
            if let Some(keys) = keys {
                return Ok((Self::of_keys(&path, keys)?, true));
            }
        }
        let none = Value::Object(serde_json::Map::from_iter([(
            "patch_size".to_owned(),
            patch_size.into(),
        )]));
        Ok((Self::of_keys(&folder.join("config.json"), none)?, false))
    }

    fn of_keys(path: &Path, keys: Value) -> Result<Self, ProcessorError> {
        let config: Self = serde_json::from_value(keys).map_err(|error| ProcessorError::File {
            path: path.to_owned(),
            reason: printable(&error.to_string()).into_owned(),
        })?;
        config.validate()?;
        Ok(config)
    }

    /// The same settings with other limits; `None` keeps a limit.
    ///
    /// # Errors
    /// Limits that exclude each other or are out of range.
    pub fn with_pixel_limits(mut self, min: Option<usize>, max: Option<usize>) -> Result<Self, ProcessorError> {
        self.min_pixels = min.unwrap_or(self.min_pixels);
        self.max_pixels = max.unwrap_or(self.max_pixels);
        self.validate()?;
        Ok(self)
    }

    /// Side of a merged patch in pixels: both sides of a resized picture are multiples of it.
    #[must_use]
    pub const fn factor(&self) -> usize {
        self.patch_size * self.merge_size
    }

    pub(super) fn validate(&self) -> Result<(), ProcessorError> {
        let wrong = |key, reason: String| Err(ProcessorError::Setting { key, reason });
        for (key, value, most) in [
            ("patch_size", self.patch_size, 256),
            ("temporal_patch_size", self.temporal_patch_size, 16),
            ("merge_size", self.merge_size, 16),
        ] {
            if !(1..=most).contains(&value) {
                return wrong(key, format!("is {value}, not between 1 and {most}"));
            }
        }
        if let Some(std) = self.image_std.iter().find(|std| !(std.is_finite() && **std > 0.0)) {
            return wrong("image_std", format!("holds {std}, not a number above 0"));
        }
        if self.min_pixels > MAX_TARGET_PIXELS {
            return wrong(
                "min_pixels",
                format!("is {}, above {MAX_TARGET_PIXELS}", self.min_pixels),
            );
        }
        if self.max_pixels < self.min_pixels.max(self.factor() * self.factor()) {
            return wrong(
                "max_pixels",
                format!(
                    "is {}, less than min_pixels ({}) or one merged patch ({} x {} pixels)",
                    self.max_pixels,
                    self.min_pixels,
                    self.factor(),
                    self.factor()
                ),
            );
        }
        Ok(())
    }
}

/// The keys as they stand in files of all generations.
#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default, deserialize_with = "whole")]
    patch_size: Option<usize>,
    #[serde(default, deserialize_with = "whole")]
    temporal_patch_size: Option<usize>,
    #[serde(default, deserialize_with = "whole")]
    merge_size: Option<usize>,
    image_mean: Option<[f32; 3]>,
    image_std: Option<[f32; 3]>,
    rescale_factor: Option<f64>,
    do_rescale: Option<bool>,
    do_normalize: Option<bool>,
    #[serde(default, deserialize_with = "whole")]
    min_pixels: Option<usize>,
    #[serde(default, deserialize_with = "whole")]
    max_pixels: Option<usize>,
    size: Option<Size>,
}

/// Newer files name the limits here, as edges (though they count pixels) or by their names.
#[derive(Default, Deserialize)]
struct Size {
    #[serde(default, deserialize_with = "whole")]
    shortest_edge: Option<usize>,
    #[serde(default, deserialize_with = "whole")]
    longest_edge: Option<usize>,
    #[serde(default, deserialize_with = "whole")]
    min_pixels: Option<usize>,
    #[serde(default, deserialize_with = "whole")]
    max_pixels: Option<usize>,
}

/// A whole number, perhaps written as a float.
fn whole<'de, D: Deserializer<'de>>(source: D) -> Result<Option<usize>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(source)? else {
        return Ok(None);
    };
    let float = || number.as_f64().filter(|x| x.fract() == 0.0 && (0.0..1e15).contains(x));
    let whole = number.as_u64().or_else(|| float().map(|x| x as u64));
    let whole = whole.ok_or_else(|| serde::de::Error::custom(format!("{number} is no whole number")))?;
    Ok(Some(usize::try_from(whole).unwrap_or(usize::MAX)))
}

const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];

const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

impl From<ConfigFile> for ProcessorConfig {
    fn from(file: ConfigFile) -> Self {
        let size = file.size.unwrap_or_default();
        let (mean, std) = if file.do_normalize == Some(false) {
            ([0.0; 3], [1.0; 3])
        } else {
            (file.image_mean.unwrap_or(CLIP_MEAN), file.image_std.unwrap_or(CLIP_STD))
        };
        Self {
            patch_size: file.patch_size.unwrap_or(14),
            temporal_patch_size: file.temporal_patch_size.unwrap_or(2),
            merge_size: file.merge_size.unwrap_or(2),
            image_mean: mean,
            image_std: std,
            rescale_factor: if file.do_rescale == Some(false) {
                1.0
            } else {
                file.rescale_factor.unwrap_or(1.0 / 255.0)
            },
            min_pixels: file
                .min_pixels
                .or(size.shortest_edge)
                .or(size.min_pixels)
                .unwrap_or(4 * 28 * 28),
            max_pixels: file
                .max_pixels
                .or(size.longest_edge)
                .or(size.max_pixels)
                .unwrap_or(16384 * 28 * 28),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ProcessorConfig {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn limits_stand_in_old_and_new_places() {
        let limits = |text| {
            let config = parse(text);
            (config.min_pixels, config.max_pixels)
        };
        assert_eq!(limits("{}"), (3136, 12_845_056));
        assert_eq!(limits(r#"{"min_pixels": 100, "max_pixels": 2000}"#), (100, 2000));
        assert_eq!(
            limits(r#"{"size": {"shortest_edge": 100, "longest_edge": 2000}}"#),
            (100, 2000)
        );
        assert_eq!(
            limits(r#"{"size": {"min_pixels": 100, "max_pixels": 2000}}"#),
            (100, 2000)
        );
        assert_eq!(
            limits(r#"{"min_pixels": 7, "max_pixels": null, "size": {"shortest_edge": 100, "longest_edge": 2000}}"#),
            (7, 2000)
        );
    }

    #[test]
    fn impossible_settings_are_named() {
        for (text, key) in [
            (r#"{"patch_size": 0}"#, "patch_size"),
            (r#"{"merge_size": 17}"#, "merge_size"),
            (r#"{"temporal_patch_size": 0}"#, "temporal_patch_size"),
            (r#"{"image_std": [0.2, 0.0, 0.2]}"#, "image_std"),
            (
                r#"{"min_pixels": 1000000000000, "max_pixels": 2000000000000}"#,
                "min_pixels",
            ),
            (r#"{"min_pixels": 5000, "max_pixels": 4000}"#, "max_pixels"),
            (r#"{"min_pixels": 0, "max_pixels": 100}"#, "max_pixels"),
        ] {
            let error = parse(text).with_pixel_limits(None, None).unwrap_err();
            assert!(
                matches!(error, ProcessorError::Setting { key: found, .. } if found == key),
                "{text}: {error}"
            );
        }
        let config = parse("{}").with_pixel_limits(Some(28 * 28), Some(56 * 56)).unwrap();
        assert_eq!((config.min_pixels, config.max_pixels), (784, 3136));
    }

    #[test]
    fn steps_that_are_switched_off_are_left_out() {
        let config = parse(r#"{"do_rescale": false, "do_normalize": false, "patch_size": 14.0, "merge_size": null}"#);
        assert_eq!((config.image_mean, config.image_std), ([0.0; 3], [1.0; 3]));
        assert_eq!(config.rescale_factor.to_bits(), 1f64.to_bits());
        assert_eq!((config.patch_size, config.merge_size), (14, 2));
    }

    #[test]
    fn the_settings_stand_in_either_file_or_are_the_familys() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let read = || ProcessorConfig::of_folder(folder, 8).unwrap();
        let (none, found) = read();
        assert_eq!((none.patch_size, none.max_pixels, found), (8, 12_845_056, false));
        // LLaVA's and 4.49's have other keys alone.
        let nested = folder.join("processor_config.json");
        std::fs::write(&nested, r#"{"processor_class": "Qwen2VLProcessor"}"#).unwrap();
        std::fs::write(folder.join("preprocessor_config.json"), r#"{"min_pixels": 5000}"#).unwrap();
        assert_eq!((read().0.min_pixels, read().1), (5000, true));
        std::fs::write(
            &nested,
            r#"{"image_processor": {"size": {"shortest_edge": 6000, "longest_edge": 7000}}, "processor_class": "Qwen2VLProcessor"}"#,
        )
        .unwrap();
        assert_eq!((read().0.min_pixels, read().0.max_pixels), (6000, 7000));
    }

    #[test]
    fn a_bad_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("preprocessor_config.json");
        let error = || ProcessorConfig::of_folder(folder.path(), 14).unwrap_err().to_string();
        std::fs::write(&path, "{\"image_mean\": [0.5]}").unwrap();
        let wrong = error();
        assert!(
            wrong.contains("length") && wrong.contains("preprocessor_config.json"),
            "{wrong}"
        );
        std::fs::write(&path, "version https://git-lfs.github.com/spec/v1\n").unwrap();
        assert!(error().contains("Git LFS"), "{}", error());
        std::fs::write(&path, "{\"min_pixels\": 1.5}").unwrap();
        assert!(error().contains("1.5"), "{}", error());
    }
}
