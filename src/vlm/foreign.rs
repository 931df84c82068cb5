//! Recognises folders and files that are not models in Hugging Face layout, and says what to do about them.

use std::{collections::BTreeSet, fs, path::Path};

use super::config_file::document;
use crate::printable::printable;

/// The largest number of a folder's entries that is examined.
const MOST_ENTRIES: usize = 10_000;

/// A message about `folder` if it contains something recognisable.
#[must_use]
pub fn what_is(folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?.take(MOST_ENTRIES).flatten();
    let names: BTreeSet<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    if let Some(what) = of_names(names.iter().map(String::as_str)) {
        let base = || {
            let keys = document::read(&folder.join(ADAPTER)).ok()?;
            let base = keys.get("base_model_name_or_path")?.as_str()?.to_owned();
            Some(printable(&base.chars().take(100).collect::<String>()).into_owned())
        };
        return Some(match base() {
            Some(base) if what.starts_with("it is an adapter") => format!("{what} (its base is {base})"),
            _ => what,
        });
    }
    let below = names
        .iter()
        .find(|name| folder.join(name).join("config.json").is_file());
    below.map(|name| format!("but its folder {} has one, so give that as the model", printable(name)))
}

const ADAPTER: &str = "adapter_config.json";

/// Like [`what_is`], from only the names of the files, as the hub lists them.
pub fn of_names<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    let has = |name: &str| names.contains(&name);
    let ends = |end: &str| names.iter().any(|name| name.ends_with(end));
    let begins = |begin: &str| names.iter().any(|name| name.starts_with(begin));
    let safetensors = names
        .iter()
        .any(|name| name.ends_with(".safetensors") && !name.starts_with("adapter_"));
    let what = if has("model_index.json") {
        "it is a diffusion pipeline; a vision-language model is needed"
    } else if safetensors {
        return None;
    } else if has(ADAPTER) || begins("adapter_model.") {
        "it is an adapter (LoRA or the like), not a model; merge it into its base (peft: \
         `model.merge_and_unload().save_pretrained(...)`) and give the merged folder"
    } else if ends(".gguf") {
        "its weights are GGUF (llama.cpp), which cannot be read; give the safetensors model that they were made of, and set \
         model.quantize to q8_0 or q4_k to hold that in as little memory"
    } else if ends(".distcp") || begins("global_step") || ends("_states.pt") {
        "its weights are a sharded training checkpoint (FSDP or DeepSpeed), which cannot be read; gather it first \
         (`accelerate merge-weights`, `zero_to_fp32.py`) and save the model as safetensors"
    } else if has("params.json") || begins("consolidated.") {
        "its weights are in their authors' own layout, which cannot be read; give the model in Hugging Face layout"
    } else if ends(".onnx") || ends(".tflite") || ends(".mlpackage") || ends(".engine") {
        "it is an exported graph (ONNX or the like), which cannot be read; give the safetensors model that it was made of"
    } else if ends(".msgpack") || ends(".h5") {
        "its weights are of Flax or TensorFlow, which cannot be read; give the safetensors model"
    } else if begins("pytorch_model") || ends(".bin") || ends(".pt") || ends(".pth") || ends(".ckpt") {
        "its weights are pickles of PyTorch (.bin, .pt), which are not read because they can run code; load it with \
         transformers and save it with `save_pretrained(..., safe_serialization=True)`"
    } else {
        return None;
    };
    Some(what.to_owned())
}

/// A sentence about a file that was given as a model.
#[must_use]
pub fn of_file(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    if name.ends_with(".safetensors") || name.ends_with(".json") {
        return "a model is a folder with config.json, tokenizer.json and safetensors files; give the folder"
            .to_owned();
    }
    of_names(std::iter::once(name.as_str())).unwrap_or_else(|| "a model is a folder in Hugging Face layout".to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{of_file, of_names, what_is};

    #[test]
    fn folders_that_are_not_models_are_described() {
        for (names, said) in [
            (
                vec!["adapter_config.json", "adapter_model.safetensors"],
                "merge it into its base",
            ),
            (vec!["README.md", "model-Q4_K_M.gguf"], "GGUF"),
            (vec!["config.json", "pytorch_model.bin"], "save_pretrained"),
            (vec!["model_index.json", "unet"], "diffusion"),
            (vec!["params.json", "consolidated.00.pth"], "own layout"),
            (vec!["__0_0.distcp"], "sharded"),
            (vec!["model.onnx"], "ONNX"),
            (vec!["tf_model.h5"], "TensorFlow"),
        ] {
            let found = of_names(names.iter().copied());
            assert!(
                found.as_ref().is_some_and(|found| found.contains(said)),
                "{names:?}: {found:?}"
            );
        }
        assert_eq!(
            of_names(["model.safetensors", "adapter_config.json", "x.gguf"].into_iter()),
            None
        );
        assert!(of_file("a/b.gguf".as_ref()).contains("GGUF"));
        assert!(of_file("a/model.safetensors".as_ref()).contains("give the folder"));
    }

    #[test]
    fn an_adapter_names_its_base_and_a_parent_folder_the_model_inside() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(what_is(folder), None);
        fs::create_dir(folder.join("checkpoint-500")).unwrap();
        fs::write(folder.join("checkpoint-500/config.json"), "{}").unwrap();
        assert!(what_is(folder).unwrap().contains("checkpoint-500"));
        let adapter = r#"{"peft_type": "LORA", "base_model_name_or_path": "org/ba\u001bse"}"#;
        fs::write(folder.join("adapter_config.json"), adapter).unwrap();
        assert!(what_is(folder).unwrap().ends_with("(its base is org/ba\u{fffd}se)"));
    }
}
