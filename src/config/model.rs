//! `model:` — the frozen base model.

use serde::{Deserialize, Serialize};

use super::section::section;
use crate::data::image_file;

/// As many as the largest picture has.
const PIXELS: u64 = image_file::MAX_PIXELS;

section! {
    ModelSettings {
        /// A folder in Hugging Face layout or a hub id (`Qwen/Qwen2-VL-7B-Instruct`); `None`: the embedded tiny model.
        path: Option<String> = None, Model;
        dtype: Dtype = Dtype::Auto, OneOf(&["auto", "f32", "bf16", "f16"]);
        /// How the language model's frozen matrices are stored; gradients are those of what is stored.
        quantize: Quantize = Quantize::None, OneOf(&["none", "q8_0", "q4_k"]);
        /// Fewest pixels after the resize; `None`: as the model's preprocessor_config.json says.
        min_pixels: Option<u64> = None, Count(1, PIXELS);
        /// Most pixels after the resize; `None`: as the model's preprocessor_config.json says.
        max_pixels: Option<u64> = None, Count(1, PIXELS);
        positions: Positions = Positions::Paper, OneOf(&["paper", "mrope"]);
        /// Also train the token that ends the answer (`<|im_end|>`, Mistral's `</s>`); the reference does not. Wanted where answers are longer than a word.
        supervise_im_end: bool = false, Switch;
    }
}

/// The number format that the base model computes in; what is trained is kept in f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// bf16 on a GPU, f32 on a CPU.
    Auto,
    F32,
    Bf16,
    F16,
}

impl Dtype {
    /// The format used on the device (never `Auto`), and a notice where it is not the one asked for.
    #[must_use]
    pub fn on(self, cuda: bool) -> (Self, Option<String>) {
        match (self, cuda) {
            (Self::Auto, true) => (Self::Bf16, None),
            (Self::Auto | Self::F32, _) => (Self::F32, None),
            (Self::Bf16 | Self::F16, true) => (self, None),
            (Self::Bf16 | Self::F16, false) => {
                let asked = if self == Self::Bf16 { "bf16" } else { "f16" };
                let notice = format!("model.dtype: {asked} is slow on a CPU; the model computes in f32 instead");
                (Self::F32, Some(notice))
            }
        }
    }
}

/// How the language model's frozen matrices are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantize {
    /// In the number format that the model computes in.
    None,
    /// In ggml's blocks of 8-bit numbers (8.5 bits a weight).
    #[serde(rename = "q8_0")]
    Q8_0,
    /// In ggml's blocks of 4-bit numbers (4.5 bits a weight).
    #[serde(rename = "q4_k")]
    Q4K,
}

impl Quantize {
    /// Its name in the settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Q8_0 => "q8_0",
            Self::Q4K => "q4_k",
        }
    }

    /// Bits that a weight takes with its share of the scales; `None`: as many as the number format has.
    #[must_use]
    pub const fn bits(self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Q8_0 => Some(8.5),
            Self::Q4K => Some(4.5),
        }
    }
}

/// The positions that the language model's rotary embedding sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Positions {
    /// 0, 1, 2, ... on all three axes, as in the reference.
    Paper,
    /// The model's own, where it has M-RoPE: time, row and column of each vision token.
    Mrope,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_computes_in_f32_and_says_so_where_something_else_was_asked_for() {
        assert_eq!(Dtype::Auto.on(false), (Dtype::F32, None));
        assert_eq!(Dtype::Auto.on(true), (Dtype::Bf16, None));
        assert_eq!(Dtype::F16.on(true), (Dtype::F16, None));
        let (dtype, notice) = Dtype::F16.on(false);
        assert_eq!(dtype, Dtype::F32);
        assert!(notice.is_some_and(|notice| notice.contains("f16") && notice.contains("f32")));
    }
}
