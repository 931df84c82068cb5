//! Forms that open, and whose results are bit-identical to the model's own.

use std::fs;

use safetensors::Dtype;
use serde_json::{Value, json};

use super::{Form, Stored, is_projection, newer, outcome, save};
use crate::vlm::weights::fp8;

fn own() -> Vec<u32> {
    Form::own().outcome().unwrap()
}

/// config.json as transformers 5 writes it.
fn nested(mut form: Form) -> Form {
    const TOP: [&str; 7] = [
        "architectures",
        "model_type",
        "vision_config",
        "tie_word_embeddings",
        "image_token_id",
        "video_token_id",
        "vision_start_token_id",
    ];
    let (top, mut text): (serde_json::Map<_, _>, serde_json::Map<_, _>) = form
        .config
        .into_iter()
        .partition(|(key, _)| TOP.contains(&key.as_str()));
    let mut rope = text.remove("rope_scaling").unwrap();
    rope["rope_theta"] = text.remove("rope_theta").unwrap();
    text.insert("rope_parameters".to_owned(), rope);
    form.config = top;
    form.with("text_config", Value::Object(text))
}

#[test]
fn new_names_and_settings_in_new_places() {
    let mut form = nested(Form::own()).renamed(newer);
    let settings: Value = serde_json::from_slice(&form.files.remove("preprocessor_config.json").unwrap()).unwrap();
    let settings = json!({"image_processor": settings, "processor_class": "Qwen2VLProcessor"});
    form.files
        .insert("processor_config.json".to_owned(), settings.to_string().into_bytes());
    form.files.remove("generation_config.json");
    assert_eq!(form.outcome().unwrap(), own());
}

#[test]
fn a_model_with_wrapped_names_and_extra_files() {
    let mut form = Form::own().renamed(|name| format!("module._orig_mod.{name}"));
    let buffer = Stored::f32(&[2], &[1.0, f32::NAN]);
    for beside in [
        "model.layers.0.self_attn.rotary_emb.inv_freq",
        "v_head.summary.weight",
        "score.weight",
        "model.layers.0.mlp.up_proj.input_scale",
    ] {
        form.tensors.insert(beside.to_owned(), buffer.clone());
    }
    let config = serde_json::to_vec(&form.config).unwrap();
    let folder = form.write();
    fs::write(
        folder.path().join("config.json"),
        [b"\xEF\xBB\xBF".as_slice(), &config].concat(),
    )
    .unwrap();
    assert_eq!(outcome(folder.path()).unwrap(), own());
}

#[test]
fn shards_with_an_index_of_odd_names_or_without_one() {
    let form = Form::own().renamed(newer);
    let half = form.tensors.len() / 2;
    let first = form
        .tensors
        .iter()
        .take(half)
        .map(|(name, stored)| (name.clone(), stored.clone()))
        .collect();
    let second = form
        .tensors
        .iter()
        .skip(half)
        .map(|(name, stored)| (name.clone(), stored.clone()))
        .collect();
    let folder = form.write_settings();
    let at = |name: &str| folder.path().join(name);
    save(&first, &at("model-00001-of-00002.safetensors"));
    save(&second, &at("model-00002-of-00002.safetensors"));
    let own = own();
    assert_eq!(outcome(folder.path()).unwrap(), own);
    // The index names a weight that exists nowhere, and a shard under the path where it was saved.
    let index = json!({"metadata": {}, "weight_map": {
        "lm_head.weight": "./model-00001-of-00002.safetensors",
        "lost.weight": "/scratch/out/model-00002-of-00002.safetensors",
    }});
    fs::write(at("model.safetensors.index.json"), index.to_string()).unwrap();
    assert_eq!(outcome(folder.path()).unwrap(), own);
    fs::remove_file(at("model-00002-of-00002.safetensors")).unwrap();
    let error = outcome(folder.path()).unwrap_err();
    assert!(
        error.contains("names the shards model-00002-of-00002.safetensors"),
        "{error}"
    );
}

#[test]
fn tied_embeddings_in_every_notation() {
    const HEAD: &str = "lm_head.weight";
    let mut form = Form::own();
    let embedding = form.tensors["model.embed_tokens.weight"].clone();
    let mut equal = form.clone();
    equal.tensors.insert(HEAD.to_owned(), embedding);
    let tied = equal.outcome().unwrap();
    form.tensors.remove(HEAD);
    let text = |tied: bool| json!({"tie_word_embeddings": tied});
    let is_tied = |form: &Form| {
        super::open(form.write().path(), candle_core::DType::F32)
            .unwrap()
            .decoder
            .config()
            .tie_word_embeddings
    };
    for form in [
        form.clone().with("tie_word_embeddings", json!(true)),
        form.clone().without("tie_word_embeddings"),
        form.clone().with("text_config", text(true)),
        form.clone()
            .without("tie_word_embeddings")
            .with("text_config", text(true)),
        equal.clone().with("tie_word_embeddings", json!(true)),
    ] {
        assert!(is_tied(&form));
        assert_eq!(form.outcome().unwrap(), tied);
    }
    let error = form.outcome().unwrap_err();
    assert!(error.contains("has no lm_head.weight"), "{error}");
    // If two places disagree, an lm_head of its own is used, and it is never dropped silently.
    let other = Form::own().with("text_config", text(true));
    assert_eq!(other.outcome().unwrap(), own());
    let error = Form::own()
        .with("tie_word_embeddings", json!(true))
        .outcome()
        .unwrap_err();
    assert!(error.contains("not equal"), "{error}");
}

#[test]
fn a_dequantised_model_is_accepted() {
    let form = Form::own().with(
        "quantization_config",
        json!({"quant_method": "bitsandbytes", "load_in_4bit": true}),
    );
    assert_eq!(form.outcome().unwrap(), own());
}

/// FP8 weights with scales of each kind give the same numbers as f32.
#[test]
fn fp8_weights_are_codes_times_scales() {
    for (block, end) in [(None, "_scale"), (Some([16, 32]), "_scale_inv")] {
        let (mut quantised, mut control) = (Form::own(), Form::own());
        for (number, (name, stored)) in Form::own()
            .tensors
            .iter()
            .filter(|(name, _)| is_projection(name))
            .enumerate()
        {
            let (rows, columns) = (stored.shape[0], stored.shape[1]);
            let scales = match (block, number % 2) {
                (Some([high, wide]), _) => vec![rows.div_ceil(high), columns.div_ceil(wide)],
                (None, 0) => vec![1],
                (None, _) => vec![rows, 1],
            };
            let values: Vec<f32> = (0..scales.iter().product())
                .map(|i| 3e-4 * (1.0 + i as f32 / 100.0))
                .collect();
            let codes: Vec<u8> = stored.bytes.iter().step_by(2).map(|byte| byte & 0xBF).collect();
            let shared = fp8::shared(&stored.shape, &scales, block).unwrap();
            let numbers = fp8::numbers(&codes, columns, &values, shared);
            quantised
                .tensors
                .insert(name.clone(), Stored::bytes(Dtype::F8_E4M3, &stored.shape, codes));
            quantised
                .tensors
                .insert(format!("{name}{end}"), Stored::f32(&scales, &values));
            control
                .tensors
                .insert(name.clone(), Stored::f32(&stored.shape, &numbers));
        }
        let said = block.map_or(
            json!({"quant_method": "compressed-tensors"}),
            |block| json!({"quant_method": "fp8", "weight_block_size": block}),
        );
        let found = quantised.clone().with("quantization_config", said).outcome().unwrap();
        assert_eq!(found, control.outcome().unwrap());
        assert_ne!(found, own());
        if block.is_some() {
            let error = quantised.outcome().unwrap_err();
            assert!(error.contains("weight_block_size"), "{error}");
        }
    }
}
