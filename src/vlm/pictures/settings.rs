//! The settings of the Qwen families' image processor: `preprocessor_config.json`, or a part of `processor_config.json`.

use std::path::Path;

use serde::{Deserialize, Deserializer};

use super::{Normalisation, PictureError, ProcessorFile};

/// The largest number of pixels that settings may request for a picture (the hub's own maximum is 12,845,056).
pub const MAX_TARGET_PIXELS: usize = 50_000_000;

/// The settings. Missing keys and nulls take the family's values; unknown keys are ignored.
#[derive(Debug, Clone, PartialEq)]
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
    /// Reads a model folder's settings. Without a file they are `defaults`; the second value says whether there was a
    /// file.
    ///
    /// # Errors
    /// If the file cannot be read or does not hold such keys, or if the values are invalid.
    pub fn of_folder(folder: &Path, defaults: &Defaults) -> Result<(Self, bool), PictureError> {
        let file = ProcessorFile::of(folder)?;
        let config = Self::of(file.as_ref(), defaults)?;
        config.validate()?;
        Ok((config, file.is_some()))
    }

    fn of(file: Option<&ProcessorFile>, defaults: &Defaults) -> Result<Self, PictureError> {
        let normalisation = Normalisation::of(file, defaults.image_mean, defaults.image_std)?;
        Ok(ProcessorFile::read::<Keys>(file)?.or(defaults, normalisation))
    }

    /// The same settings with other limits; `None` keeps a limit.
    ///
    /// # Errors
    /// If the limits contradict each other or are out of range.
    pub fn with_pixel_limits(mut self, min: Option<usize>, max: Option<usize>) -> Result<Self, PictureError> {
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

    pub(super) const fn normalisation(&self) -> Normalisation {
        Normalisation {
            mean: self.image_mean,
            std: self.image_std,
            rescale_factor: self.rescale_factor,
        }
    }

    pub(super) fn validate(&self) -> Result<(), PictureError> {
        let wrong = |key, reason: String| Err(PictureError::Setting { key, reason });
        for (key, value, most) in [
            ("patch_size", self.patch_size, 256),
            ("temporal_patch_size", self.temporal_patch_size, 16),
            ("merge_size", self.merge_size, 16),
        ] {
            if !(1..=most).contains(&value) {
                return wrong(key, format!("is {value}, not between 1 and {most}"));
            }
        }
        self.normalisation().check()?;
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

/// The family's values for missing keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Defaults {
    pub patch_size: usize,
    pub temporal_patch_size: usize,
    pub merge_size: usize,
    pub image_mean: [f32; 3],
    pub image_std: [f32; 3],
    pub min_pixels: usize,
    pub max_pixels: usize,
    pub sides: Sides,
}

/// The rounded size of a side that is less than half a merged patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// One merged patch: `smart_resize` of `qwen_vl_utils`, which the reference calls first.
    AtLeastOne,
    /// Zero. The picture is then too small, so both sides are scaled up: `smart_resize` of transformers.
    Nearest,
}

/// The keys of all versions of the file.
#[derive(Default, Deserialize)]
struct Keys {
    #[serde(default, deserialize_with = "whole")]
    patch_size: Option<usize>,
    #[serde(default, deserialize_with = "whole")]
    temporal_patch_size: Option<usize>,
    #[serde(default, deserialize_with = "whole")]
    merge_size: Option<usize>,
    #[serde(default, deserialize_with = "whole")]
    min_pixels: Option<usize>,
    #[serde(default, deserialize_with = "whole")]
    max_pixels: Option<usize>,
    size: Option<Size>,
}

/// Newer files put the limits here, either named as edges (although they count pixels) or by their old names.
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

/// An integer, which may be written as a float.
fn whole<'de, D: Deserializer<'de>>(source: D) -> Result<Option<usize>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(source)? else {
        return Ok(None);
    };
    let float = || number.as_f64().filter(|x| x.fract() == 0.0 && (0.0..1e15).contains(x));
    let whole = number.as_u64().or_else(|| float().map(|x| x as u64));
    let whole = whole.ok_or_else(|| serde::de::Error::custom(format!("{number} is not a whole number")))?;
    Ok(Some(usize::try_from(whole).unwrap_or(usize::MAX)))
}

impl Keys {
    fn or(self, defaults: &Defaults, normalisation: Normalisation) -> ProcessorConfig {
        let size = self.size.unwrap_or_default();
        let min = self.min_pixels.or(size.shortest_edge).or(size.min_pixels);
        let max = self.max_pixels.or(size.longest_edge).or(size.max_pixels);
        ProcessorConfig {
            patch_size: self.patch_size.unwrap_or(defaults.patch_size),
            temporal_patch_size: self.temporal_patch_size.unwrap_or(defaults.temporal_patch_size),
            merge_size: self.merge_size.unwrap_or(defaults.merge_size),
            image_mean: normalisation.mean,
            image_std: normalisation.std,
            rescale_factor: normalisation.rescale_factor,
            min_pixels: min.unwrap_or(defaults.min_pixels),
            max_pixels: max.unwrap_or(defaults.max_pixels),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vlm::pictures::{CLIP_MEAN, CLIP_STD};

    const QWEN2: Defaults = Defaults {
        patch_size: 14,
        temporal_patch_size: 2,
        merge_size: 2,
        image_mean: CLIP_MEAN,
        image_std: CLIP_STD,
        min_pixels: 3136,
        max_pixels: 12_845_056,
        sides: Sides::AtLeastOne,
    };

    fn parse(text: &str) -> ProcessorConfig {
        let file = ProcessorFile {
            path: "preprocessor_config.json".into(),
            keys: serde_json::from_str(text).unwrap(),
        };
        ProcessorConfig::of(Some(&file), &QWEN2).unwrap()
    }

    #[test]
    fn limits_are_read_from_old_and_new_keys() {
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
            (r#"{"temporal_patch_size": 17}"#, "temporal_patch_size"),
            (r#"{"patch_size": 257}"#, "patch_size"),
            (r#"{"image_std": [0.2, 0.0, 0.2]}"#, "image_std"),
            (r#"{"image_mean": [0.2, 1e39, 0.2]}"#, "image_mean"),
            (r#"{"rescale_factor": 0}"#, "rescale_factor"),
            (
                r#"{"min_pixels": 1000000000000, "max_pixels": 2000000000000}"#,
                "min_pixels",
            ),
            (r#"{"min_pixels": 5000, "max_pixels": 4000}"#, "max_pixels"),
            (r#"{"min_pixels": 0, "max_pixels": 100}"#, "max_pixels"),
        ] {
            let error = parse(text).with_pixel_limits(None, None).unwrap_err();
            assert!(
                matches!(error, PictureError::Setting { key: found, .. } if found == key),
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
    fn settings_are_read_from_either_file_or_the_familys_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let read = || {
            let defaults = Defaults { patch_size: 8, ..QWEN2 };
            ProcessorConfig::of_folder(folder, &defaults).unwrap()
        };
        let (none, found) = read();
        assert_eq!((none.patch_size, none.max_pixels, found), (8, 12_845_056, false));
        // LLaVA's files and those of 4.49 have only other keys.
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
        let error = || {
            ProcessorConfig::of_folder(folder.path(), &QWEN2)
                .unwrap_err()
                .to_string()
        };
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
