use serde_json::{Value, json};

use super::{Parsed, VisionConfig, parse};

/// The least content that is accepted.
fn least() -> Value {
    json!({"model_type": "llava_next", "text_config": {"model_type": "mistral"}})
}

fn read(config: &Value) -> Result<Parsed<VisionConfig>, String> {
    parse(config.as_object().unwrap())
}

fn with(pointer: &str, value: Value) -> Value {
    let mut config = least();
    let (place, key) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(place).unwrap()[key] = value;
    config
}

#[test]
fn a_language_model_without_a_type_is_a_llama() {
    assert!(read(&least()).is_ok());
    let missing = "`text_config.model_type` is missing, which means a Llama";
    for (text, said) in [
        (Value::Null, missing),
        (json!({}), missing),
        (json!({"model_type": null, "hidden_size": 64}), missing),
        (
            json!({"model_type": "llama"}),
            "`model_type` is llama, but only `mistral`",
        ),
        (json!("mistral"), "`text_config` is not an object"),
    ] {
        let error = read(&with("/text_config", text)).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    let error = read(&json!({"model_type": "llava_next"})).unwrap_err();
    assert!(error.contains(missing), "{error}");
}

#[test]
fn a_tower_that_is_null_is_left_out() {
    let tower = |config: &Value| read(config).unwrap().vision;
    let large = tower(&least());
    assert_eq!((large.image_size, large.patch_size, large.hidden_size), (336, 14, 1024));
    assert_eq!(tower(&with("/vision_config", Value::Null)), large);
    let base = json!({"model_type": "llava_next", "text_config": {"model_type": "mistral"}, "vision_config": {},
        "image_grid_pinpoints": [[224, 448]]});
    assert_eq!((tower(&base).image_size, tower(&base).hidden_size), (224, 768));
}

#[test]
fn oversized_picture_settings_are_refused_by_their_key() {
    let sizes = |side: usize, pinpoint: [usize; 2]| {
        let mut config = with("/image_grid_pinpoints", json!([pinpoint]));
        let tower = json!({"image_size": side, "patch_size": 14, "hidden_size": 1024, "num_attention_heads": 16});
        config["vision_config"] = tower;
        config["text_config"]["sliding_window"] = Value::Null;
        read(&config).map(drop)
    };
    assert_eq!(sizes(336, [336 * 10, 336 * 40]), Ok(()));
    // Without the tile, the larger picture would be within the limit.
    assert_eq!(sizes(2800, [2800 * 2, 2800 * 2]), Ok(()));
    for (side, pinpoint, said) in [
        (336, [336 * 48, 336 * 48], "`image_grid_pinpoints` holds 16128 x 16128"),
        (2800, [2800 * 2, 2800 * 3], "`image_grid_pinpoints` holds 5600 x 8400"),
        (14 << 20, [336, 336], "`vision_config.image_size` is 14680064"),
        (4102, [4102, 4102], "`vision_config.image_size` is 4102"),
    ] {
        let error = sizes(side, pinpoint).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn mistrals_window_is_checked_against_the_longest_picture() {
    let read = |pinpoint: Option<[usize; 2]>, window: Option<Value>| {
        let mut config = least();
        if let Some(pinpoint) = pinpoint {
            config["image_grid_pinpoints"] = json!([pinpoint]);
        }
        if let Some(window) = window {
            config["text_config"]["sliding_window"] = window;
        }
        // Qwen's keys, which Mistral ignores.
        config["text_config"]["use_sliding_window"] = json!(false);
        config["text_config"]["max_window_layers"] = json!(32);
        read(&config).map(drop)
    };
    let long = Some([336, 336 * 40]);
    // The hub's pictures have at most 576 + 48 x 49 tokens.
    assert_eq!(read(None, Some(json!(576 + 48 * 49 + 1024))), Ok(()));
    assert_eq!(
        (read(None, Some(Value::Null)), read(long, Some(Value::Null))),
        (Ok(()), Ok(()))
    );
    // The default is 4096.
    assert_eq!(read(None, None), Ok(()));
    for (pinpoint, window, said) in [
        (None, Some(json!(3951)), "window of 3951 tokens"),
        (None, Some(json!(1)), "window of 1 tokens"),
        (long, Some(json!(4096)), "window of 4096 tokens"),
        (long, None, "window of 4096 tokens"),
    ] {
        let error = read(pinpoint, window).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(read(long, Some(json!(32_768))), Ok(()));
}
