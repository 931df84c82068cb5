//! The model family of a config.json, and the names of known models that are not supported.

use serde_json::{Map, Value};

use crate::printable::printable;
use crate::vlm::template::Template;

/// The supported families. Outside the families' own folders only this file, `model_config.rs` (their readers), the
/// self-test's slices and the tests list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Qwen2Vl,
    Qwen25Vl,
    Qwen3Vl,
    LlavaNext,
}

/// ChatML's system turn for chats that have none of their own.
const SYSTEM: &str = "You are a helpful assistant.";

impl Family {
    pub const ALL: [Self; 4] = [Self::Qwen2Vl, Self::Qwen25Vl, Self::Qwen3Vl, Self::LlavaNext];

    /// The family of checkpoints that do not state one: they were written when only this one was supported.
    pub const OF_OLD_CHECKPOINTS: Self = Self::Qwen2Vl;

    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Qwen2Vl => "Qwen2-VL",
            Self::Qwen25Vl => "Qwen2.5-VL",
            Self::Qwen3Vl => "Qwen3-VL",
            Self::LlavaNext => "LLaVA-NeXT",
        }
    }

    /// Its `model_type`, and the prefix of its class name in `architectures`, which is long enough that no other family
    /// shares it.
    const fn signs(self) -> (&'static str, &'static str) {
        match self {
            Self::Qwen2Vl => ("qwen2_vl", "Qwen2VLFor"),
            Self::Qwen25Vl => ("qwen2_5_vl", "Qwen2_5_VLFor"),
            Self::Qwen3Vl => ("qwen3_vl", "Qwen3VLFor"),
            Self::LlavaNext => ("llava_next", "LlavaNextFor"),
        }
    }

    /// How it writes a chat.
    #[must_use]
    pub const fn template(self) -> Template {
        match self {
            Self::Qwen2Vl | Self::Qwen25Vl => Template::ChatMl { system: Some(SYSTEM) },
            Self::Qwen3Vl => Template::ChatMl { system: None },
            Self::LlavaNext => Template::Instruct,
        }
    }

    /// Finds the family by `model_type`, or by `architectures` if that is missing.
    ///
    /// # Errors
    /// A message that names the other model.
    pub fn of(config: &Map<String, Value>) -> Result<Self, String> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let architecture = text(config.get("architectures").and_then(|all| all.get(0)));
        let kind = text(config.get("model_type"));
        let is_ours = |family: &Self| {
            let (model_type, class) = family.signs();
            kind == model_type || kind.is_empty() && architecture.starts_with(class)
        };
        let Some(family) = Self::ALL.into_iter().find(is_ours) else {
            let what = foreign(config, &kind, &architecture);
            return Err(format!(
                "it is {what}; this program runs {}, for example Qwen/Qwen2-VL-2B-Instruct",
                all_names()
            ));
        };
        if has_experts(config) {
            return Err(format!(
                "it is a mixture of experts made of {0}; this program runs {0} with one feed-forward network a layer",
                family.name()
            ));
        }
        Ok(family)
    }
}

fn all_names() -> String {
    let [names @ .., last] = Family::ALL.map(Family::name);
    format!("{} and {last}", names.join(", "))
}

/// The `model_type` of other vision-language models, and their names.
const VISION_LANGUAGE: [(&str, &str); 22] = [
    ("qwen3_vl_moe", "Qwen3-VL"),
    ("qwen2_5_omni", "Qwen2.5-Omni"),
    ("qwen", "Qwen or Qwen-VL"),
    ("llava", "LLaVA"),
    ("llava_next_video", "LLaVA-NeXT-Video"),
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

/// Encoders of pictures and texts, which generate no text.
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
    } else if Family::ALL
        .iter()
        .any(|family| kind == format!("{}_text", family.signs().0))
    {
        "the language model of one of the families that are run, without its vision tower"
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
    fn unsupported_models_are_called_by_their_names() {
        for ours in [
            json!({"model_type": "qwen2_vl"}),
            json!({"architectures": ["Qwen2VLForConditionalGeneration"]}),
        ] {
            assert_eq!(family(&ours), Ok(Family::Qwen2Vl));
        }
        for (class, ours) in [
            ("Qwen2_5_VLForConditionalGeneration", Family::Qwen25Vl),
            ("Qwen3VLForConditionalGeneration", Family::Qwen3Vl),
            ("LlavaNextForConditionalGeneration", Family::LlavaNext),
        ] {
            assert_eq!(family(&json!({"architectures": [class]})), Ok(ours));
            assert_eq!(family(&json!({"model_type": ours.signs().0})), Ok(ours));
        }
        for (value, said) in [
            (
                json!({"model_type": "qwen2_5_omni"}),
                "Qwen2.5-Omni (model_type `qwen2_5_omni`), a vision-language",
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
