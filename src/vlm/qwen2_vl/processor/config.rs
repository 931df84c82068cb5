//! The image processor's settings: `preprocessor_config.json`.

use std::path::Path;

use serde::Deserialize;

use super::ProcessorError;
use crate::bounded_file::read_text;
use crate::printable::printable;
use crate::vlm::LONGEST_CONFIG;

/// No setting may ask for a picture of more pixels than this (the hub's own maximum is 12,845,056).
const MAX_TARGET_PIXELS: usize = 50_000_000;

/// `preprocessor_config.json`; keys that are missing have Qwen2-VL's values, unknown keys are ignored.
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
    /// Reads `preprocessor_config.json`.
    ///
    /// # Errors
    /// A file that is missing or holds other JSON, or values that no processor can work with.
    pub fn from_file(path: &Path) -> Result<Self, ProcessorError> {
        let file_error = |reason: String| ProcessorError::File {
            path: path.to_owned(),
            reason,
        };
        let text = read_text(path, LONGEST_CONFIG).map_err(|error| file_error(error.to_string()))?;
        let config: Self =
            serde_json::from_str(&text).map_err(|error| file_error(printable(&error.to_string()).into_owned()))?;
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
    #[serde(default = "default_patch_size")]
    patch_size: usize,
    #[serde(default = "default_pair")]
    temporal_patch_size: usize,
    #[serde(default = "default_pair")]
    merge_size: usize,
    #[serde(default = "clip_mean")]
    image_mean: [f32; 3],
    #[serde(default = "clip_std")]
    image_std: [f32; 3],
    #[serde(default = "default_rescale_factor")]
    rescale_factor: f64,
    min_pixels: Option<usize>,
    max_pixels: Option<usize>,
    size: Option<Size>,
}

/// Newer files name the limits here, as edges (though they count pixels) or by their names.
#[derive(Default, Deserialize)]
struct Size {
    #[serde(alias = "min_pixels")]
    shortest_edge: Option<usize>,
    #[serde(alias = "max_pixels")]
    longest_edge: Option<usize>,
}

fn default_patch_size() -> usize {
    14
}

fn default_pair() -> usize {
    2
}

fn clip_mean() -> [f32; 3] {
    [0.481_454_66, 0.457_827_5, 0.408_210_73]
}

fn clip_std() -> [f32; 3] {
    [0.268_629_54, 0.261_302_6, 0.275_777_1]
}

fn default_rescale_factor() -> f64 {
    1.0 / 255.0
}

impl From<ConfigFile> for ProcessorConfig {
    fn from(file: ConfigFile) -> Self {
        let size = file.size.unwrap_or_default();
        Self {
            patch_size: file.patch_size,
            temporal_patch_size: file.temporal_patch_size,
            merge_size: file.merge_size,
            image_mean: file.image_mean,
            image_std: file.image_std,
            rescale_factor: file.rescale_factor,
            min_pixels: file.min_pixels.or(size.shortest_edge).unwrap_or(4 * 28 * 28),
            max_pixels: file.max_pixels.or(size.longest_edge).unwrap_or(16384 * 28 * 28),
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
    fn a_bad_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("preprocessor_config.json");
        let missing = ProcessorConfig::from_file(&path).unwrap_err().to_string();
        assert!(missing.contains("preprocessor_config.json"), "{missing}");
        std::fs::write(&path, "{\"image_mean\": [0.5]}").unwrap();
        let wrong = ProcessorConfig::from_file(&path).unwrap_err().to_string();
        assert!(wrong.contains("length") && wrong.contains("line 1"), "{wrong}");
    }
}
