//! Forms that are refused, each with a message that says what they are.

use std::fs;

use candle_core::DType;
use safetensors::Dtype;
use serde_json::{Value, json};

use super::{Form, Stored, is_projection, open, outcome};

const WEIGHT: &str = "model.layers.1.mlp.up_proj.weight";

fn says(form: &Form, words: &[&str]) {
    let error = form.outcome().unwrap_err();
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
}

/// The model with its projections in another form.
fn packed(pack: impl Fn(&str, &Stored) -> Vec<(String, Stored)>) -> Form {
    let mut form = Form::own();
    let projections: Vec<String> = form
        .tensors
        .keys()
        .filter(|name| is_projection(name))
        .cloned()
        .collect();
    for name in projections {
        let stored = form.tensors.remove(&name).unwrap();
        form.tensors.extend(pack(name.strip_suffix("weight").unwrap(), &stored));
    }
    form
}

fn zeros(dtype: Dtype, shape: &[usize]) -> Stored {
    Stored::bytes(
        dtype,
        shape,
        vec![0; shape.iter().product::<usize>() * dtype.bitsize() / 8],
    )
}

#[test]
fn integers_and_fp8_without_scales_are_refused() {
    for (dtype, stored) in [
        (Dtype::U8, "is U8"),
        (Dtype::I8, "is I8"),
        (Dtype::I32, "is I32"),
        (Dtype::F8_E4M3, "is FP8 without its scales"),
        (Dtype::F8_E5M2, "is FP8 (E5M2)"),
    ] {
        let form = packed(|base, old| vec![(format!("{base}weight"), zeros(dtype, &old.shape))]);
        says(
            &form,
            &[
                "are quantised",
                "model.layers.0.self_attn.q_proj.weight",
                stored,
                "dequantised",
            ],
        );
    }
    // There are many conventions for integer scales, and the loader does not guess.
    let form = packed(|base, old| {
        let scales = Stored::f32(&[old.shape[0], 1], &vec![1.0; old.shape[0]]);
        vec![
            (format!("{base}weight"), zeros(Dtype::I8, &old.shape)),
            (format!("{base}weight_scale"), scales),
        ]
    });
    says(&form, &["integers with scales", "is I8"]);
}

#[test]
fn quantised_models_are_refused_by_their_method() {
    let four_bits = |base: &str, old: &Stored| {
        let (rows, columns) = (old.shape[0], old.shape[1]);
        vec![
            (format!("{base}qweight"), zeros(Dtype::I32, &[columns, rows / 8])),
            (format!("{base}scales"), zeros(Dtype::F16, &[1, rows])),
            (format!("{base}qzeros"), zeros(Dtype::I32, &[1, rows / 8])),
        ]
    };
    let said = |method: &str| json!({"quant_method": method, "bits": 4});
    says(&packed(four_bits), &["AWQ or GPTQ"]);
    says(
        &packed(four_bits).with("quantization_config", said("awq")),
        &["AWQ with 4 bits"],
    );
    says(
        &packed(four_bits).with("quantization_config", said("gptq")),
        &["GPTQ with 4 bits"],
    );
    let bitsandbytes = packed(|base, old| {
        let n = old.shape.iter().product::<usize>() / 2;
        vec![
            (format!("{base}weight"), zeros(Dtype::U8, &[n, 1])),
            (format!("{base}weight.absmax"), zeros(Dtype::U8, &[n / 32])),
        ]
    });
    says(&bitsandbytes, &["bitsandbytes with 4 bits", "is U8"]);
    let eight = packed(|base, old| {
        vec![
            (format!("{base}weight"), zeros(Dtype::I8, &old.shape)),
            (format!("{base}SCB"), zeros(Dtype::F32, &old.shape[..1])),
        ]
    });
    says(&eight, &["bitsandbytes with 8 bits"]);
    let compressed = packed(|base, old| vec![(format!("{base}weight_packed"), zeros(Dtype::I32, &old.shape))]);
    says(&compressed, &["compressed-tensors", "packed under other names"]);
}

#[test]
fn invalid_scales_are_refused() {
    let with = |scale: Stored| {
        packed(move |base, old| {
            vec![
                (format!("{base}weight"), zeros(Dtype::F8_E4M3, &old.shape)),
                (format!("{base}weight_scale"), scale.clone()),
            ]
        })
    };
    says(&with(Stored::f32(&[1], &[f32::NAN])), &["scales cannot be used", "NaN"]);
    says(
        &with(Stored::f32(&[3], &[1.0; 3])),
        &["scales cannot be used", "shape [3]"],
    );
    says(&with(zeros(Dtype::F8_E8M0, &[1])), &["not bf16, f16 or f32"]);
    let code = packed(|base, old| {
        let mut weight = zeros(Dtype::F8_E4M3, &old.shape);
        weight.bytes[3] = 0x7F;
        vec![
            (format!("{base}weight"), weight),
            (format!("{base}weight_scale"), Stored::f32(&[1], &[1.0])),
        ]
    });
    says(&code, &["holds NaN at [0, 3]"]);
}

#[test]
fn weights_that_are_not_finite_are_named_with_their_position() {
    for (bits, value) in [(0x7FC0u16, "NaN"), (0x7F80, "inf"), (0xFF80, "-inf")] {
        let mut form = Form::own();
        let weight = form.tensors.get_mut(WEIGHT).unwrap();
        let at = 2 * (weight.shape[1] + 5);
        weight.bytes[at..at + 2].copy_from_slice(&bits.to_le_bytes());
        says(
            &form,
            &[
                WEIGHT,
                "model.safetensors",
                &format!("holds {value} at [1, 5]"),
                "not a finite number in f32",
            ],
        );
    }
    let mut form = Form::own();
    let weight = form.tensors.get_mut(WEIGHT).unwrap();
    let values = weight.values();
    *weight = Stored::f32(
        &weight.shape.clone(),
        &values.iter().map(|value| value * 1e6).collect::<Vec<_>>(),
    );
    let folder = form.write();
    assert!(open(folder.path(), DType::F32).is_ok());
    let error = open(folder.path(), DType::F16).err().unwrap().to_string();
    assert!(error.contains("not a finite number in f16"), "{error}");
}

#[test]
fn config_and_weights_of_different_models_are_refused() {
    for (layers, said) in [(3, "num_hidden_layers"), (5, "num_hidden_layers")] {
        let form = Form::own().with("num_hidden_layers", json!(layers));
        says(
            &form,
            &["holds 4 layers `model.layers.*`", &format!("`{said}` is {layers}")],
        );
    }
    let mut vision = Form::own().config["vision_config"].clone();
    vision["depth"] = json!(2);
    says(
        &Form::own().with("vision_config", vision),
        &["holds 4 layers `visual.blocks.*`", "vision_config.depth"],
    );
    says(
        &Form::own().with("intermediate_size", json!(99)),
        &["has shape [384, 128]", "asks for [99, 128]"],
    );
    says(
        &Form::own().without("vocab_size"),
        &["config.json leaves out vocab_size"],
    );

    let more = |name: &str| {
        let mut form = Form::own();
        form.tensors.insert(name.to_owned(), Stored::f32(&[1], &[0.0]));
        form
    };
    says(
        &more("model.layers.0.self_attn.o_proj.bias"),
        &["o_proj.bias", "models of its family do not have"],
    );
    says(
        &more("model.layers.0.self_attn.q_proj.lora_A.weight"),
        &["adapter that was not merged"],
    );
    says(
        &more("model.layers.0.mlp.experts.0.up_proj.weight"),
        &["mixture of experts"],
    );

    let base_layer = packed(|base, old| vec![(format!("{base}base_layer.weight"), old.clone())]);
    says(&base_layer, &["merge it first"]);
    let experts = packed(|base, old| {
        let name = if base.contains(".mlp.") {
            base.replace(".mlp.", ".mlp.experts.0.")
        } else {
            base.to_owned()
        };
        vec![(format!("{name}weight"), old.clone())]
    });
    says(&experts, &["mixture of experts"]);
    let mut text_only = Form::own();
    text_only.tensors.retain(|name, _| !name.starts_with("visual."));
    says(&text_only, &["no vision tower", "text-only"]);
}

#[test]
fn other_families_and_activations_are_named_before_the_weights() {
    says(
        &Form::own().with("model_type", json!("qwen2_5_omni")),
        &["Qwen2.5-Omni (model_type `qwen2_5_omni`)"],
    );
    // One of ours under the name of another.
    says(
        &Form::own().with("model_type", json!("qwen2_5_vl")),
        &["Qwen2.5-VL", "`vision_config.hidden_size`"],
    );
    says(
        &Form::own().with("model_type", json!("llava_next")),
        &["LLaVA-NeXT", "`text_config.model_type` is missing"],
    );
    says(
        &Form::own().with("hidden_act", json!("relu")),
        &["config.json", "`hidden_act` is relu"],
    );
    says(&Form::own().with("rms_norm_eps", json!(-1)), &["`rms_norm_eps` is -1"]);
    says(&Form::own().with("rope_theta", json!(0)), &["`rope_theta` is 0"]);
}

#[test]
fn lfs_pointers_and_web_pages_are_named_in_each_file() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1234567\n";
    for name in [
        "config.json",
        "tokenizer.json",
        "preprocessor_config.json",
        "model.safetensors",
    ] {
        let folder = Form::own().write();
        for (text, said) in [(pointer, "Git LFS"), ("<!DOCTYPE html>\n<html></html>", "a web page")] {
            fs::write(folder.path().join(name), text).unwrap();
            let error = outcome(folder.path()).unwrap_err();
            assert!(error.contains(name) && error.contains(said), "{name}: {error}");
        }
    }
}

#[test]
fn folders_without_a_model_are_described() {
    let folder = tempfile::tempdir().unwrap();
    let error = || outcome(folder.path()).unwrap_err();
    assert!(
        error().contains("A model folder in Hugging Face layout holds"),
        "{}",
        error()
    );
    let adapter = json!({"peft_type": "LORA", "base_model_name_or_path": "org/base"});
    fs::write(folder.path().join("adapter_config.json"), adapter.to_string()).unwrap();
    fs::write(folder.path().join("adapter_model.safetensors"), "").unwrap();
    assert!(
        error().contains("it is an adapter") && error().contains("org/base"),
        "{}",
        error()
    );
    // Some fine-tuners store the base model's settings next to the adapter.
    let form = Form::own();
    fs::write(
        folder.path().join("config.json"),
        Value::Object(form.config).to_string(),
    )
    .unwrap();
    for (name, bytes) in &form.files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    assert!(error().contains("it is an adapter"), "{}", error());
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("pytorch_model.bin"), "").unwrap();
    assert!(error().contains("safe_serialization"), "{}", error());
}
