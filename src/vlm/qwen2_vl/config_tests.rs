use serde_json::{Map, Value, json};

use super::{GridSizes, Parsed, VisionConfig, parse};
use crate::vlm::decoder::Axes;

/// As the hub has it: flat, with all keys.
fn hub() -> Map<String, Value> {
    let value: Value = serde_json::from_str(include_str!("../../../assets/tiny/config.json")).unwrap();
    value.as_object().unwrap().clone()
}

fn read(config: &Value) -> Result<Parsed<VisionConfig>, String> {
    parse(config.as_object().unwrap())
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut config = Value::Object(hub());
    let (place, key) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(place).unwrap()[key] = value;
    config
}

const TEXT: [&str; 11] = [
    "attention_dropout",
    "bos_token_id",
    "eos_token_id",
    "hidden_act",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "rms_norm_eps",
    "vocab_size",
];

/// As transformers 4.57 writes it: the language model's keys at the top and in `text_config`.
fn twice() -> Value {
    let mut config = hub();
    let mut text: Map<String, Value> = TEXT
        .iter()
        .map(|key| ((*key).to_owned(), config[*key].clone()))
        .collect();
    let scaling = json!({"mrope_section": [4, 6, 6], "rope_type": "default", "type": "default"});
    for keys in [&mut text, &mut config] {
        keys.insert("rope_scaling".to_owned(), scaling.clone());
        keys.insert("rope_theta".to_owned(), json!(10_000));
    }
    text.insert("sliding_window".to_owned(), Value::Null);
    text.insert("model_type".to_owned(), json!("qwen2_vl_text"));
    config.insert("text_config".to_owned(), Value::Object(text));
    config["vision_config"]["in_channels"] = json!(3);
    config["vision_config"]["hidden_act"] = json!("quick_gelu");
    config.remove("torch_dtype");
    config.insert("dtype".to_owned(), json!("bfloat16"));
    Value::Object(config)
}

/// As transformers 5 writes it: in `text_config` alone, with `rope_parameters`.
fn nested() -> Value {
    let mut config = twice();
    let top = config.as_object_mut().unwrap();
    for key in TEXT.iter().chain(&["rope_scaling", "rope_theta"]) {
        top.remove(*key);
    }
    let text = top["text_config"].as_object_mut().unwrap();
    text.remove("rope_scaling");
    text.remove("rope_theta");
    text.insert(
        "rope_parameters".to_owned(),
        json!({"mrope_section": [4, 6, 6], "rope_theta": 10_000.0, "rope_type": "default", "type": "mrope"}),
    );
    config
}

#[test]
fn all_forms_of_the_file_give_the_same_model() {
    let wanted = read(&Value::Object(hub())).unwrap();
    assert_eq!(
        (wanted.decoder.num_hidden_layers, wanted.vision.sizes.patch_size),
        (4, 8)
    );
    for form in [twice(), nested()] {
        let found = read(&form).unwrap();
        assert_eq!(
            (found.decoder, found.vision),
            (wanted.decoder.clone(), wanted.vision.clone()),
            "{form}"
        );
    }
    // transformers 4.49 does not save keys that equal its defaults.
    let mut sparse = hub();
    for key in [
        "depth",
        "mlp_ratio",
        "spatial_merge_size",
        "temporal_patch_size",
        "in_chans",
        "hidden_size",
    ] {
        sparse["vision_config"].as_object_mut().unwrap().remove(key);
    }
    let sparse = parse(&sparse).unwrap().vision;
    assert_eq!(
        sparse,
        VisionConfig {
            sizes: GridSizes {
                depth: 32,
                ..wanted.vision.sizes
            },
            ..wanted.vision
        }
    );
}

/// The 7B model's config as 4.49 saves it.
#[test]
fn missing_keys_have_the_defaults_of_transformers() {
    let sparse = json!({
        "model_type": "qwen2_vl", "hidden_size": 3584, "intermediate_size": 18944, "num_attention_heads": 28,
        "num_hidden_layers": 28, "num_key_value_heads": 4, "rope_scaling": null,
        "vision_config": {"in_chans": 3, "model_type": "qwen2_vl", "spatial_patch_size": 14}
    });
    let Parsed {
        decoder: config,
        vision: v,
        ties,
        left_out,
    } = read(&sparse).unwrap();
    let v = v.sizes;
    assert_eq!(
        (v.depth, v.width, v.num_heads, v.out_hidden_size, v.patch_size),
        (32, 1280, 16, 3584, 14)
    );
    assert_eq!(config.axes, Axes::Blocks([16, 24, 24]));
    assert_eq!(config.vocab_size, 152_064);
    assert_eq!(
        [config.rms_norm_eps, config.rope_theta].map(f64::to_bits),
        [1e-5f64, 1e6].map(f64::to_bits)
    );
    assert!(ties.is_empty() && left_out.contains(&"vocab_size") && !left_out.contains(&"hidden_size"));
}

#[test]
fn tied_embeddings_are_read_from_either_place() {
    let mut form = nested();
    assert_eq!(read(&form).unwrap().ties, [false]);
    form["text_config"]["tie_word_embeddings"] = json!(true);
    let found = read(&form).unwrap();
    assert_eq!(
        (found.ties.as_slice(), found.decoder.tie_word_embeddings),
        ([true, false].as_slice(), true)
    );
    form.as_object_mut().unwrap().remove("tie_word_embeddings");
    assert_eq!(read(&form).unwrap().ties, [true]);
}

#[test]
fn absurd_and_unsupported_values_are_refused_by_their_key() {
    for (pointer, value, said) in [
        ("/hidden_act", json!("relu"), "`hidden_act` is relu, but only `silu`"),
        ("/vision_config/hidden_act", json!("gelu"), "only `quick_gelu`"),
        ("/rms_norm_eps", json!(-1), "`rms_norm_eps` is -1"),
        ("/rms_norm_eps", json!(0), "`rms_norm_eps` is 0"),
        ("/rms_norm_eps", json!(1e9), "`rms_norm_eps` is 1000000000"),
        ("/rope_theta", json!(0), "`rope_theta` is 0"),
        ("/rope_theta", json!(-10_000.0), "`rope_theta` is -10000"),
        (
            "/rope_scaling",
            json!({"type": "yarn", "mrope_section": [4, 6, 6]}),
            "yarn",
        ),
        (
            "/rope_scaling",
            json!({"mrope_section": [4, 6, 7]}),
            "`mrope_section` does not add up",
        ),
        ("/rope_scaling", Value::Null, "`rope_scaling.mrope_section` is missing"),
        ("/head_dim", json!(64), "`head_dim` is 64"),
        ("/num_hidden_layers", json!(0), "`num_hidden_layers` is 0"),
        ("/num_hidden_layers", json!("four"), "`num_hidden_layers` is \"four\""),
        (
            "/vision_config/in_channels",
            json!(4),
            "`vision_config.in_channels` is 4 and",
        ),
        ("/vision_config/mlp_ratio", json!(-4), "`vision_config.mlp_ratio` is -4"),
        ("/vision_config/patch_size", json!(0), "`vision_config.patch_size` is 0"),
        ("/vision_config", json!(3), "`vision_config` is not an object"),
        ("/tie_word_embeddings", json!("no"), "`tie_word_embeddings` is \"no\""),
        (
            "/text_config",
            json!({"rms_norm_eps": 1e-5}),
            "`text_config.rms_norm_eps` is",
        ),
    ] {
        let error = read(&changed(pointer, value)).unwrap_err();
        assert!(error.contains(said), "{pointer}: {error}");
    }
}

#[test]
fn a_window_longer_than_any_sequence_is_accepted() {
    let window = |size: u64, from: u64| {
        let mut form = hub();
        form.insert("use_sliding_window".to_owned(), json!(true));
        form.insert("sliding_window".to_owned(), json!(size));
        form.insert("max_window_layers".to_owned(), json!(from));
        parse(&form).map(drop)
    };
    assert_eq!((window(32_768, 0), window(100, 4)), (Ok(()), Ok(())));
    assert!(window(4096, 3).unwrap_err().contains("sliding window of 4096"));
}
