//! The model as a folder in Hugging Face layout.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};
use tokenizers::Tokenizer;

use super::params::{self, Params};
use super::shape::Shape;
use super::tokenizer::SPECIAL;

/// `config.json`.
pub fn config(shape: &Shape, tokenizer: &Tokenizer) -> Value {
    let id = |token: &str| tokenizer.token_to_id(token);
    let half = shape.hidden / shape.heads / 2;
    let time = half / 4;
    let height = (half - time) / 2;
    json!({
        "architectures": ["Qwen2VLForConditionalGeneration"],
        "attention_dropout": 0.0,
        "bos_token_id": id("<|endoftext|>"),
        "eos_token_id": id("<|im_end|>"),
        "vision_start_token_id": id("<|vision_start|>"),
        "vision_end_token_id": id("<|vision_end|>"),
        "vision_token_id": id("<|vision_pad|>"),
        "image_token_id": id("<|image_pad|>"),
        "video_token_id": id("<|video_pad|>"),
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.intermediate,
        "max_position_embeddings": 2048,
        "model_type": "qwen2_vl",
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.kv_heads,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [time, height, half - time - height]},
        "tie_word_embeddings": false,
        "torch_dtype": "bfloat16",
        "use_cache": true,
        "use_sliding_window": false,
        "vision_config": {
            "depth": shape.vision_blocks,
            "embed_dim": shape.vision_width,
            "num_heads": shape.vision_heads,
            "mlp_ratio": shape.vision_mlp / shape.vision_width,
            "in_chans": 3,
            "hidden_size": shape.hidden,
            "patch_size": shape.patch,
            "spatial_merge_size": shape.merge,
            "spatial_patch_size": shape.patch,
            "temporal_patch_size": 2
        },
        "vocab_size": vocabulary(shape, tokenizer),
    })
}

/// Rows of the embedding matrix and of the head.
pub fn vocabulary(shape: &Shape, tokenizer: &Tokenizer) -> usize {
    tokenizer.get_vocab_size(true) + shape.spare
}

/// Writes the model to `folder`: its settings, its tokenizer, and its weights in bf16. The rows behind the tokenizer's
/// last token become `spare`, as far as it goes: a soft prompt starts from them.
///
/// # Errors
/// Where a file cannot be written.
pub fn write(
    folder: &Path,
    shape: &Shape,
    tokenizer: &Tokenizer,
    vision: &Params,
    language: &Params,
    spare: &Tensor,
) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let id = |token: &str| tokenizer.token_to_id(token);
    let pixels = shape.image * shape.image;
    write_json(folder, "config.json", &config(shape, tokenizer))?;
    write_json(
        folder,
        "preprocessor_config.json",
        &json!({
            "min_pixels": pixels,
            "max_pixels": pixels,
            "patch_size": shape.patch,
            "temporal_patch_size": 2,
            "merge_size": shape.merge,
            "image_mean": [0.481_454_66, 0.457_827_5, 0.408_210_73],
            "image_std": [0.268_629_54, 0.261_302_58, 0.275_777_11],
            "image_processor_type": "Qwen2VLImageProcessor",
            "processor_class": "Qwen2VLProcessor"
        }),
    )?;
    write_json(
        folder,
        "generation_config.json",
        &json!({
            "bos_token_id": id("<|endoftext|>"),
            "pad_token_id": id("<|endoftext|>"),
            "do_sample": false,
            "eos_token_id": [id("<|im_end|>"), id("<|endoftext|>")]
        }),
    )?;
    write_json(
        folder,
        "tokenizer_config.json",
        &json!({
            "add_prefix_space": false,
            "additional_special_tokens": SPECIAL[1..],
            "bos_token": null,
            "clean_up_tokenization_spaces": false,
            "eos_token": "<|im_end|>",
            "errors": "replace",
            "model_max_length": 2048,
            "pad_token": "<|endoftext|>",
            "split_special_tokens": false,
            "tokenizer_class": "Qwen2Tokenizer",
            "unk_token": null
        }),
    )?;
    let text = serde_json::to_string(tokenizer).context("writing the tokenizer as JSON")?;
    std::fs::write(folder.join("tokenizer.json"), text).context("writing tokenizer.json")?;
    params::save(
        &weights(shape, tokenizer, vision, language, spare)?,
        &folder.join("model.safetensors"),
    )
}

fn weights(
    shape: &Shape,
    tokenizer: &Tokenizer,
    vision: &Params,
    language: &Params,
    spare: &Tensor,
) -> Result<HashMap<String, Tensor>> {
    let mut tensors = language.tensors();
    let name = "model.embed_tokens.weight";
    let embeddings = tensors.remove(name).with_context(|| format!("no tensor `{name}`"))?;
    let (first, count) = (tokenizer.get_vocab_size(true), spare.dim(0)?);
    let behind = embeddings.narrow(0, first + count, embeddings.dim(0)? - first - count)?;
    tensors.insert(
        name.to_owned(),
        Tensor::cat(&[&embeddings.narrow(0, 0, first)?, spare, &behind], 0)?,
    );
    tensors.extend(
        vision
            .tensors()
            .into_iter()
            .filter(|(name, _)| name.starts_with("visual.")),
    );
    let name = "visual.patch_embed.proj.weight";
    let patch = tensors.remove(name).with_context(|| format!("no tensor `{name}`"))?;
    // Both temporal slots hold the same picture: each gets half.
    let half = (patch.reshape((shape.vision_width, 3, 1, shape.patch, shape.patch))? * 0.5)?;
    tensors.insert(name.to_owned(), Tensor::cat(&[&half, &half], 2)?);
    tensors
        .into_iter()
        .map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::BF16)?.to_device(&Device::Cpu)?)))
        .collect()
}

fn write_json(folder: &Path, name: &str, value: &Value) -> Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, serde_json::to_string_pretty(value)? + "\n")
        .with_context(|| format!("writing {}", path.display()))
}
