//! Describes a model folder without loading its weights.

use std::{collections::BTreeMap, fmt, path::Path};

use super::base::ModelError;
use super::config_file::{ConfigFile, Family};
use super::decoder::DecoderConfig;
use super::model_config::ModelConfig;
use super::plan;
use super::text::Text;
use super::vision::PixelLimits;
use super::weights::{Weights, packing};

/// A description of a model that can be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    pub family: Family,
    pub decoder: DecoderConfig,
    /// The number of the vision tower's blocks, and their width.
    pub vision: (usize, usize),
    /// The number of parameters in the files, and the most frequent storage format.
    pub parameters: u64,
    /// Those of them that `model.quantize` quantises: the language model's matrices.
    pub quantisable: u64,
    pub dtype: String,
    pub tokens: usize,
    /// Whether the folder has settings for its image processor.
    pub has_processor: bool,
}

/// Reads everything in a folder but the numbers of its weights.
///
/// # Errors
/// What would prevent opening the model.
pub fn inspect(folder: &Path) -> Result<Description, ModelError> {
    let file = ConfigFile::read(folder)?;
    let read = ModelConfig::of(&file)?;
    let text = Text::open(folder, read.family.template())?;
    let (_, has_processor) = read.tower.pictures(folder, PixelLimits::default())?;
    let weights = Weights::open(folder)?.quantised(file.quantisation);
    let config = plan::settle(read, &weights)?;
    let (_, _, blocks) = config.tower.blocks();
    let mut stored: BTreeMap<String, u64> = BTreeMap::new();
    let mut quantisable = 0_u64;
    for name in weights.names() {
        if let (Some(shape), Some(dtype)) = (weights.shape(name), weights.dtype(name)) {
            let count = shape.iter().fold(1u64, |all, &size| all.saturating_mul(size as u64));
            if shape.len() == 2 && packing::is_of_language(name) {
                quantisable = quantisable.saturating_add(count);
            }
            *stored.entry(format!("{dtype:?}").to_lowercase()).or_default() += count;
        }
    }
    Ok(Description {
        family: config.family,
        vision: (blocks, config.tower.width()),
        decoder: config.decoder,
        parameters: stored.values().sum(),
        quantisable,
        dtype: stored
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .map_or_else(|| "nothing".to_owned(), |(dtype, _)| dtype),
        tokens: text.vocab_len(),
        has_processor,
    })
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (c, (blocks, vision_width)) = (&self.decoder, self.vision);
        let millions = self.parameters as f64 / 1e6;
        write!(
            f,
            "{}, {millions:.1} million parameters in {}; {} layers of width {}, {} vision blocks of width {}, {} of {} \
             rows are tokens, {} head",
            self.family.name(),
            self.dtype,
            c.num_hidden_layers,
            c.hidden_size,
            blocks,
            vision_width,
            self.tokens,
            c.vocab_size,
            if c.tie_word_embeddings { "tied" } else { "own" }
        )?;
        if !self.has_processor {
            write!(
                f,
                "; without preprocessor_config.json, pictures are prepared as for all {} models",
                self.family.name()
            )?;
        }
        Ok(())
    }
}
