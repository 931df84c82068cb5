//! Recognises quantised weights, and their method, by the names and formats of their tensors.

use safetensors::Dtype;

use super::mapped::Weights;
use crate::printable::printable;

/// Tensor names that replace `X.weight` or accompany it, and the method that uses them.
const QUANTISED_NAMES: [(&str, &str); 16] = [
    ("g_idx", "GPTQ"),
    ("qweight", "AWQ or GPTQ"),
    ("weight.absmax", "bitsandbytes with 4 bits"),
    ("weight.quant_map", "bitsandbytes with 4 bits"),
    ("weight.quant_state.bitsandbytes__nf4", "bitsandbytes with 4 bits"),
    ("weight.quant_state.bitsandbytes__fp4", "bitsandbytes with 4 bits"),
    ("SCB", "bitsandbytes with 8 bits"),
    ("weight_packed", "compressed-tensors"),
    ("q_weight", "EXL2"),
    ("trellis", "EXL3"),
    ("codes", "AQLM"),
    ("W_q", "HQQ"),
    ("weight._data", "quanto"),
    ("weight._packed", "quanto"),
    ("weight_blocks", "MXFP4"),
    ("weight_scale_2", "NVFP4"),
];

impl Weights {
    /// Whether the weight is stored in a form other than numbers under its own name.
    #[must_use]
    pub fn is_packed(&self, name: &str) -> bool {
        let base = name.strip_suffix("weight").unwrap_or(name);
        QUANTISED_NAMES
            .iter()
            .any(|(trace, _)| self.contains(&format!("{base}{trace}")))
    }

    /// The method's common name: from config.json, or otherwise from the tensors' names.
    pub(super) fn method(&self, name: &str) -> String {
        if let Some(method) = &self.quantisation.method {
            return method.clone();
        }
        let base = name.strip_suffix("weight").unwrap_or(name);
        let has = |trace: &str| self.contains(&format!("{base}{trace}"));
        let by_trace = QUANTISED_NAMES
            .iter()
            .find(|(trace, _)| has(trace))
            .map(|(_, method)| *method);
        let known = match by_trace {
            Some(method) => method,
            None if has("biases") && has("scales") => "MLX",
            None if has("weight_scale") || has("weight_scale_inv") => "integers with scales",
            None => "in a form that its config.json does not name",
        };
        known.to_owned()
    }
}

/// A weight's storage format, for messages.
pub(super) fn stored(dtype: Dtype) -> String {
    match dtype {
        Dtype::F8_E4M3 => "FP8 without its scales".to_owned(),
        Dtype::F8_E5M2 => "FP8 (E5M2)".to_owned(),
        dtype => printable(&format!("{dtype:?}")).into_owned(),
    }
}
