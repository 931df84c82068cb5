//! The quantisation that a config.json states for its weights.

use serde_json::{Map, Value};

use crate::printable::printable;

/// The content of `quantization_config`, or of its equivalents in other tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quantisation {
    /// The method's name for people: `AWQ`, `compressed-tensors (pack-quantized)`.
    pub method: Option<String>,
    /// Rows and columns that share a scale.
    pub block: Option<[usize; 2]>,
}

/// Values of `quant_method`, and the methods' common names.
const METHODS: [(&str, &str); 11] = [
    ("awq", "AWQ"),
    ("gptq", "GPTQ"),
    ("fp8", "FP8"),
    ("fbgemm_fp8", "FBGEMM FP8"),
    ("hqq", "HQQ"),
    ("aqlm", "AQLM"),
    ("eetq", "EETQ"),
    ("exl2", "EXL2"),
    ("mxfp4", "MXFP4"),
    ("torchao", "torchao"),
    ("auto-round", "AutoRound"),
];

impl Quantisation {
    /// Reads the quantisation settings; all of them are optional.
    #[must_use]
    pub fn of(config: &Map<String, Value>) -> Self {
        let nested = config.get("text_config").and_then(Value::as_object);
        let mut places = [Some(config), nested].into_iter().flatten().flat_map(|keys| {
            ["quantization_config", "compression_config", "quantization"]
                .into_iter()
                .filter_map(|name| Some((name, keys.get(name)?.as_object()?)))
        });
        let Some((place, said)) = places.next() else {
            return Self::default();
        };
        let text = |key: &str| said.get(key).and_then(Value::as_str).map(short);
        let switched = |key: &str| said.get(key).and_then(Value::as_bool) == Some(true);
        let method = match text("quant_method").as_deref() {
            Some("bitsandbytes") if switched("load_in_8bit") => Some("bitsandbytes with 8 bits".to_owned()),
            Some("bitsandbytes") => Some("bitsandbytes with 4 bits".to_owned()),
            Some(method) => {
                let known = METHODS.iter().find(|(key, _)| *key == method);
                let name = known.map_or(method, |(_, name)| *name);
                let details = [
                    said.get("bits")
                        .and_then(Value::as_u64)
                        .map(|bits| format!(" with {bits} bits")),
                    text("format").map(|format| format!(" ({format})")),
                ];
                Some(
                    details
                        .into_iter()
                        .flatten()
                        .fold(name.to_owned(), |all, one| all + &one),
                )
            }
            None if place == "quantization" => Some("MLX".to_owned()),
            None => None,
        };
        let group = said
            .get("config_groups")
            .and_then(|groups| groups.as_object()?.values().next());
        let block = said
            .get("weight_block_size")
            .or_else(|| group?.get("weights")?.get("block_structure"))
            .and_then(|block| serde_json::from_value(block.clone()).ok());
        Self { method, block }
    }
}

fn short(text: &str) -> String {
    printable(&text.chars().take(40).collect::<String>()).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Quantisation;

    #[test]
    fn quantisation_methods_have_their_usual_names() {
        for (value, method, block) in [
            (json!({}), None, None),
            (
                json!({"quantization_config": {"quant_method": "awq", "bits": 4}}),
                Some("AWQ with 4 bits"),
                None,
            ),
            (
                json!({"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": true}}),
                Some("bitsandbytes with 8 bits"),
                None,
            ),
            (
                json!({"quantization_config": {"quant_method": "compressed-tensors", "format": "pack-quantized"}}),
                Some("compressed-tensors (pack-quantized)"),
                None,
            ),
            (
                json!({"text_config": {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 64]}}}),
                Some("FP8"),
                Some([128, 64]),
            ),
            (
                json!({"quantization_config": {"quant_method": "x", "config_groups": {"group_0": {"weights": {"block_structure": [2, 4]}}}}}),
                Some("x"),
                Some([2, 4]),
            ),
            (
                json!({"quantization": {"group_size": 64, "bits": 4}}),
                Some("MLX"),
                None,
            ),
            (json!({"quantization_config": "yes"}), None, None),
        ] {
            let found = Quantisation::of(value.as_object().unwrap());
            assert_eq!((found.method.as_deref(), found.block), (method, block), "{value}");
        }
    }
}
