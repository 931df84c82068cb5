//! Which family of models a config.json is of, and what to call those that are not run.

use serde_json::{Map, Value};

use crate::printable::printable;

/// The families that are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Qwen2Vl,
}

impl Family {
    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Qwen2Vl => "Qwen2-VL",
        }
    }

    /// By `model_type`, or by `architectures` where it is left out.
    ///
    /// # Errors
    /// A sentence that says what other model it is.
    pub fn of(config: &Map<String, Value>) -> Result<Self, String> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let architecture = text(config.get("architectures").and_then(|all| all.get(0)));
        let kind = text(config.get("model_type"));
        let is_ours = kind == "qwen2_vl" || kind.is_empty() && architecture.starts_with("Qwen2VL");
        if !is_ours {
            let what = foreign(config, &kind, &architecture);
            return Err(format!(
                "it is {what}; this program runs Qwen2-VL, for example Qwen/Qwen2-VL-2B-Instruct"
            ));
        }
        if has_experts(config) {
            return Err(
                "it is a mixture of experts made of Qwen2-VL; this program runs Qwen2-VL with one feed-forward network a layer".to_owned(),
            );
        }
        Ok(Self::Qwen2Vl)
    }
}

/// `model_type` of vision-language models, and their names.
const VISION_LANGUAGE: [(&str, &str); 24] = [
    ("qwen2_5_vl", "Qwen2.5-VL"),
    ("qwen3_vl", "Qwen3-VL"),
    ("qwen3_vl_moe", "Qwen3-VL"),
    ("qwen2_5_omni", "Qwen2.5-Omni"),
    ("qwen", "Qwen or Qwen-VL"),
    ("llava", "LLaVA"),
    ("llava_next", "LLaVA-NeXT"),
    ("llava_llama", "LLaVA of its authors' layout"),
    ("llava_mistral", "LLaVA of its authors' layout"),
    ("llava_onevision", "LLaVA-OneVision"),
    ("idefics2", "Idefics2"),
    ("idefics3", "Idefics3"),
    ("smolvlm", "SmolVLM"),
    ("mllama", "Llama Vision"),
    ("paligemma", "PaliGemma"),
    ("gemma3", "Gemma 3"),
    ("internvl", "InternVL"),
    ("internvl_chat", "InternVL"),
    ("minicpmv", "MiniCPM-V"),
    ("phi3_v", "Phi-3 Vision"),
    ("phi4mm", "Phi-4 multimodal"),
    ("blip-2", "BLIP-2"),
    ("instructblip", "InstructBLIP"),
    ("molmo", "Molmo"),
];

/// Encoders of pictures and texts, which say nothing.
const ENCODERS: [&str; 7] = [
    "clip",
    "siglip",
    "siglip2",
    "align",
    "vit",
    "dinov2",
    "clip_vision_model",
];

fn foreign(config: &Map<String, Value>, kind: &str, architecture: &str) -> String {
    let known = VISION_LANGUAGE.iter().find(|(known, _)| *known == kind);
    let name = match (known, kind.is_empty(), architecture.is_empty()) {
        (Some((_, name)), ..) => format!("{name} (model_type `{kind}`)"),
        (None, false, _) => format!("`{}`", short(kind)),
        (None, true, false) => format!("`{}`", short(architecture)),
        (None, true, true) => return "a model that names neither model_type nor architectures".to_owned(),
    };
    let looks = known.is_some() || config.contains_key("vision_config") || config.contains_key("mm_vision_tower");
    let what = if ENCODERS.contains(&kind) {
        "an encoder of pictures without a language model"
    } else if kind == "qwen2_vl_text" {
        "the language model of Qwen2-VL alone, without its vision tower"
    } else {
        match (looks, has_experts(config)) {
            (true, true) => "a vision-language model of another family, and a mixture of experts",
            (true, false) => "a vision-language model of another family",
            (false, true) => "a text-only mixture of experts",
            (false, false) if architecture.contains("CausalLM") => "a text-only language model",
            (false, false) => "a model of another kind",
        }
    };
    format!("{name}, {what}")
}

fn has_experts(config: &Map<String, Value>) -> bool {
    let nested = config.get("text_config").and_then(Value::as_object);
    let of = |keys: &Map<String, Value>| {
        ["num_experts", "num_local_experts", "n_routed_experts"]
            .iter()
            .any(|key| {
                keys.get(*key)
                    .and_then(Value::as_u64)
                    .is_some_and(|experts| experts > 1)
            })
    };
    of(config) || nested.is_some_and(of)
}

fn short(name: &str) -> String {
    printable(&name.chars().take(60).collect::<String>()).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Family;

    fn family(value: &Value) -> Result<Family, String> {
        Family::of(value.as_object().unwrap())
    }

    #[test]
    fn others_are_called_by_their_names() {
        for ours in [
            json!({"model_type": "qwen2_vl"}),
            json!({"architectures": ["Qwen2VLForConditionalGeneration"]}),
        ] {
            assert_eq!(family(&ours), Ok(Family::Qwen2Vl));
        }
        for (value, said) in [
            (
                json!({"model_type": "qwen2_5_vl"}),
                "Qwen2.5-VL (model_type `qwen2_5_vl`), a vision-language",
            ),
            (
                json!({"model_type": "qwen3_vl_moe", "text_config": {"num_experts": 128}}),
                "Qwen3-VL (model_type `qwen3_vl_moe`), a vision-language model of another family, and a mixture",
            ),
            (
                json!({"model_type": "new_vl", "vision_config": {}}),
                "`new_vl`, a vision-language model",
            ),
            (
                json!({"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}),
                "`qwen2`, a text-only language model",
            ),
            (
                json!({"model_type": "mixtral", "num_local_experts": 8}),
                "text-only mixture of experts",
            ),
            (
                json!({"model_type": "qwen2_vl", "num_experts": 4}),
                "mixture of experts made of Qwen2-VL",
            ),
            (
                json!({"model_type": "clip", "vision_config": {}}),
                "encoder of pictures",
            ),
            (json!({"model_type": "qwen2_vl_text"}), "without its vision tower"),
            (json!({"architectures": ["BertModel\u{1b}"]}), "BertModel\u{fffd}"),
            (json!({}), "neither model_type nor architectures"),
        ] {
            let error = family(&value).unwrap_err();
            assert!(error.contains(said), "{value}: {error}");
        }
    }
}
