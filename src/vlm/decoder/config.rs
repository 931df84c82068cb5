//! The sizes of a language model, read from the keys of config.json.

use serde_json::Value;

use crate::vlm::config_file::{Keys, rope};

/// The settings in which the families' language models differ.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderConfig {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_attention_heads: usize,
    pub num_key_value_heads: usize,
    /// The width of one head. All heads together need not be as wide as the model.
    pub head_dim: usize,
    pub num_hidden_layers: usize,
    pub vocab_size: usize,
    pub rms_norm_eps: f64,
    /// Whether queries, keys and values have biases.
    pub qkv_bias: bool,
    /// Whether each head's queries and keys are normed before they are rotated.
    pub qk_norm: bool,
    pub rope_theta: f64,
    pub axes: Axes,
    /// The file's value. If it is missing, or if two places disagree, the weights decide ([`crate::vlm::plan`]).
    pub tie_word_embeddings: bool,
}

/// The position axis that each of a head's rotary angles depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axes {
    /// A single axis: tokens are numbered one after the other.
    One,
    /// M-RoPE in blocks: these numbers of angles for time, then for height, then for width.
    Blocks([usize; 3]),
    /// M-RoPE interleaved: height has every third angle from the second on, width every third from the third on, each
    /// as many as stated; time has the rest.
    Interleaved([usize; 3]),
}

impl Axes {
    /// The axis (time 0, height 1, width 2) of angle `i`.
    #[must_use]
    pub fn of_angle(self, i: usize) -> usize {
        match self {
            Self::One => 0,
            Self::Blocks([time, height, _]) => usize::from(i >= time) + usize::from(i >= time + height),
            Self::Interleaved([_, height, width]) => match i % 3 {
                1 if i < 3 * height => 1,
                2 if i < 3 * width => 2,
                _ => 0,
            },
        }
    }

    /// Whether vision tokens may have positions on a grid of time, height and width.
    #[must_use]
    pub const fn is_grid(self) -> bool {
        !matches!(self, Self::One)
    }
}

/// A family's values for missing keys, and properties that its files cannot state.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_attention_heads: usize,
    pub num_key_value_heads: usize,
    pub num_hidden_layers: usize,
    pub vocab_size: usize,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
    pub head_dim: HeadDim,
    pub qkv_bias: bool,
    pub qk_norm: bool,
    pub rotary: Rotary,
    /// Attention windows at least this wide hide nothing from our sequences.
    pub wide_window: usize,
}

/// Where the width of a head comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadDim {
    /// Always `hidden_size / num_attention_heads`; another value of `head_dim` is refused.
    Divided,
    /// `head_dim`, or else `hidden_size / num_attention_heads`.
    OwnOrDivided,
    /// `head_dim`, or else this value.
    Own(usize),
}

/// How a family distributes angles over the axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotary {
    One,
    /// In blocks; with heads of width 128 the file may leave the sections out.
    Blocks([usize; 3]),
    Interleaved([usize; 3]),
}

/// The upper limit of a norm's epsilon: no model's is larger.
pub const LARGEST_EPS: f64 = 0.1;

impl DecoderConfig {
    /// The language model that `text` describes. Missing keys take the values of `defaults`, because transformers does
    /// not save keys that equal its own defaults.
    ///
    /// # Errors
    /// A sentence for values that are absurd, do not fit one another or ask for what is not computed.
    pub fn of(text: &Keys, defaults: &Defaults) -> Result<Self, String> {
        let num_attention_heads = text.size(&["num_attention_heads"], Some(defaults.num_attention_heads))?;
        let hidden_size = text.size(&["hidden_size"], Some(defaults.hidden_size))?;
        text.computed_as("hidden_act", &["silu", "swish"])?;
        let rope = rope::read(text, defaults.rope_theta)?;
        let head_dim = head_dim(text, defaults.head_dim, hidden_size, num_attention_heads)?;
        let axes = match (defaults.rotary, rope.sections) {
            (Rotary::One, _) => Axes::One,
            (Rotary::Blocks(_), Some(sections)) => Axes::Blocks(sections),
            (Rotary::Interleaved(_), Some(sections)) => Axes::Interleaved(sections),
            // All models on the hub have this width.
            (Rotary::Blocks(sections), None) if head_dim == 128 => Axes::Blocks(sections),
            (Rotary::Interleaved(sections), None) if head_dim == 128 => Axes::Interleaved(sections),
            (_, None) => return Err("`rope_scaling.mrope_section` is missing".to_owned()),
        };
        let num_hidden_layers = text.size(&["num_hidden_layers"], Some(defaults.num_hidden_layers))?;
        no_window(text, num_hidden_layers, defaults)?;
        if !defaults.qkv_bias && text.switches("attention_bias")?.contains(&true) {
            return Err("`attention_bias` is true, but only attention without biases is supported".to_owned());
        }
        let config = Self {
            hidden_size,
            intermediate_size: text.size(&["intermediate_size"], Some(defaults.intermediate_size))?,
            num_attention_heads,
            num_key_value_heads: text.size(&["num_key_value_heads"], Some(defaults.num_key_value_heads))?,
            head_dim,
            num_hidden_layers,
            vocab_size: text.size(&["vocab_size"], Some(defaults.vocab_size))?,
            rms_norm_eps: text.number("rms_norm_eps", (0.0, LARGEST_EPS), defaults.rms_norm_eps)?,
            qkv_bias: defaults.qkv_bias,
            qk_norm: defaults.qk_norm,
            rope_theta: rope.theta,
            axes,
            tie_word_embeddings: text.switches("tie_word_embeddings")?.contains(&true),
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let half = self.head_dim / 2;
        let sections = match self.axes {
            Axes::One => half,
            Axes::Blocks(sections) | Axes::Interleaved(sections) => sections
                .iter()
                .fold(0, |sum: usize, section| sum.saturating_add(*section)),
        };
        let rules = [
            (self.head_dim.is_multiple_of(2), "the width of a head is odd"),
            (
                self.num_attention_heads.is_multiple_of(self.num_key_value_heads),
                "`num_attention_heads` is not a multiple of `num_key_value_heads`",
            ),
            (
                sections == half,
                "`mrope_section` does not add up to half a head's width",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, reason)) => Err((*reason).to_owned()),
            None => Ok(()),
        }
    }
}

fn head_dim(text: &Keys, rule: HeadDim, hidden_size: usize, heads: usize) -> Result<usize, String> {
    let divided = hidden_size / heads;
    let uneven = || "`hidden_size` is not an even multiple of `num_attention_heads`".to_owned();
    match rule {
        HeadDim::Divided => {
            let stated = text.size(&["head_dim"], Some(divided.max(1)))?;
            if stated != divided {
                return Err(format!(
                    "`head_dim` is {stated}, and `hidden_size` / `num_attention_heads` is {divided}"
                ));
            }
            hidden_size
                .is_multiple_of(2 * heads)
                .then_some(divided)
                .ok_or_else(uneven)
        }
        HeadDim::OwnOrDivided if text.value("head_dim").is_none() => hidden_size
            .is_multiple_of(2 * heads)
            .then_some(divided)
            .ok_or_else(uneven),
        HeadDim::OwnOrDivided => text.size(&["head_dim"], None),
        HeadDim::Own(default) => text.size(&["head_dim"], Some(default)),
    }
}

/// Refuses models with sliding-window attention, which is not supported.
fn no_window(keys: &Keys, layers: usize, defaults: &Defaults) -> Result<(), String> {
    // Mistral has neither a switch nor layers without the window: only `null` turns it off.
    let is_mistral = defaults.rotary == Rotary::One;
    let is_on = if is_mistral {
        !keys.is_null("sliding_window")
    } else {
        keys.switches("use_sliding_window")?.first() == Some(&true)
    };
    if !is_on {
        return Ok(());
    }
    let window = keys.size(&["sliding_window"], Some(4096))?;
    if window >= defaults.wide_window {
        return Ok(());
    }
    // In Qwen's models transformers uses the window from this layer on.
    let whole = keys.value("max_window_layers").and_then(Value::as_u64);
    if !is_mistral && whole.unwrap_or(u64::MAX) >= layers as u64 {
        return Ok(());
    }
    Err(format!(
        "some layers have a sliding window of {window} tokens, where sequences may have {}, but only attention to all \
         tokens is supported",
        defaults.wide_window
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_angle_has_its_axis() {
        let axes = |axes: Axes, count| (0..count).map(|i| axes.of_angle(i)).collect::<Vec<_>>();
        assert_eq!(axes(Axes::One, 3), [0, 0, 0]);
        assert_eq!(axes(Axes::Blocks([1, 2, 1]), 4), [0, 1, 1, 2]);
        // A small version of Qwen3-VL's [24, 20, 20]: height has angles 1 and 4, width has 2, time has the rest.
        assert_eq!(axes(Axes::Interleaved([4, 2, 1]), 7), [0, 1, 2, 0, 1, 0, 0]);
    }
}
