//! Untrusted model folders: opening gives a model or an error message, in memory bounded by the folder's size.

use std::{collections::BTreeMap, fs, path::Path, sync::OnceLock};

use candle_core::{DType, Device};
use image::RgbImage;
use proptest::prelude::*;
use serde_json::Value;

use super::{
    base::{BaseModel, LoadOptions},
    config_file::Family,
    hub, random_model, tiny,
};
use crate::hostile::{Wild, changed, config, is_sentence, measured, wild};

const SETTINGS: [&str; 3] = ["config.json", "preprocessor_config.json", "generation_config.json"];
/// Enough memory to open the embedded model's folder and to process a picture.
const MEMORY: usize = 64 << 20;

/// A copy of the embedded model's folder with some files replaced.
fn folder(files: &BTreeMap<&str, Vec<u8>>) -> tempfile::TempDir {
    let own = tiny::folder().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(own).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let to = folder.path().join(name);
        match files.get(name) {
            Some(bytes) => fs::write(to, bytes).unwrap(),
            None => drop(fs::copy(&path, to).unwrap()),
        }
    }
    folder
}

fn own(name: &str) -> Vec<u8> {
    fs::read(tiny::folder().unwrap().join(name)).unwrap()
}

/// Opens the model and gives it a picture. Failures must be error messages, and must stay within the memory limit.
fn opened(folder: &Path) {
    let work = || {
        let options = LoadOptions {
            name: "hostile".to_owned(),
            dtype: DType::F32,
            device: Device::Cpu,
            min_pixels: None,
            max_pixels: None,
            prompt_tokens: 4,
            packing: None,
        };
        let model = BaseModel::open(folder, options, |_, _| ()).map_err(|error| error.to_string())?;
        let picture = model.vision.pictures.prepare(&RgbImage::new(60, 40));
        picture.map(drop).map_err(|error| error.to_string())
    };
    let (done, most) = measured(work);
    if let Err(text) = done {
        assert!(is_sentence(&text), "{text:?}");
    }
    assert!(most < MEMORY, "{most} bytes of memory");
}

fn settings() -> Vec<Value> {
    SETTINGS
        .map(|name| serde_json::from_slice(&own(name)).unwrap())
        .to_vec()
}

/// config.json with the language model's keys in `text_config`.
fn nested() -> Value {
    let mut top: Value = serde_json::from_slice(&own("config.json")).unwrap();
    let mut text = top.clone();
    let rope = serde_json::json!({"rope_theta": 1e4, "rope_type": "default", "mrope_section": [4, 6, 6]});
    text["rope_parameters"] = rope;
    for key in ["rope_scaling", "rope_theta", "vision_config", "tie_word_embeddings"] {
        text.as_object_mut().unwrap().remove(key);
    }
    top["text_config"] = text;
    let keep = ["model_type", "vision_config", "text_config", "tie_word_embeddings"];
    top.as_object_mut()
        .unwrap()
        .retain(|key, _| keep.contains(&key.as_str()));
    top
}

fn processor() -> Value {
    let settings: Value = serde_json::from_slice(&own("preprocessor_config.json")).unwrap();
    serde_json::json!({"image_processor": settings})
}

/// A folder of each further family, made once.
fn families() -> &'static [(Family, tempfile::TempDir)] {
    static MADE: OnceLock<Vec<(Family, tempfile::TempDir)>> = OnceLock::new();
    MADE.get_or_init(|| {
        let further = Family::ALL.into_iter().filter(|family| *family != Family::Qwen2Vl);
        further.map(|family| (family, random_model::folder(family))).collect()
    })
}

/// config.json and the image processor's settings of each.
fn families_settings() -> Vec<Value> {
    let of = |(family, _): &(Family, _)| <[Value; 2]>::from(random_model::settings(*family));
    families().iter().flat_map(of).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn changed_settings_of_all_families_give_a_model_or_an_error(documents in wild(families_settings())) {
        let Wild(documents) = documents;
        for ((_, own), documents) in families().iter().zip(documents.chunks(2)) {
            for (name, document) in ["config.json", "preprocessor_config.json"].into_iter().zip(documents) {
                let folder = tempfile::tempdir().unwrap();
                for entry in fs::read_dir(own.path()).unwrap().flatten() {
                    fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
                }
                fs::write(folder.path().join(name), document.to_string()).unwrap();
                opened(folder.path());
            }
        }
    }

    #[test]
    fn settings_with_arbitrary_values_give_a_model_or_an_error(documents in wild(settings())) {
        let Wild(documents) = documents;
        // One file at a time, so that faults in one do not hide those in another.
        for (name, document) in SETTINGS.into_iter().zip(documents) {
            opened(folder(&BTreeMap::from([(name, document.to_string().into_bytes())])).path());
        }
    }

    /// The same for a folder as transformers 5 saves it.
    #[test]
    fn settings_in_new_places_give_a_model_or_an_error(documents in wild(vec![nested(), processor()])) {
        let Wild(documents) = documents;
        for (name, document) in ["config.json", "processor_config.json"].into_iter().zip(documents) {
            let folder = folder(&BTreeMap::from([(name, document.to_string().into_bytes())]));
            fs::write(folder.path().join(name), document.to_string()).unwrap();
            opened(folder.path());
        }
    }

    #[test]
    fn changed_indexes_give_a_model_or_an_error(bytes in changed(vec![
        br#"{"metadata": {}, "weight_map": {"lm_head.weight": "./a.safetensors", "x": "/out/a.safetensors"}}"#.to_vec(),
    ])) {
        let folder = folder(&BTreeMap::new());
        let at = |name: &str| folder.path().join(name);
        fs::rename(at("model.safetensors"), at("a.safetensors")).unwrap();
        fs::write(at("model.safetensors.index.json"), bytes).unwrap();
        opened(folder.path());
    }

    #[test]
    fn changed_tokenizers_give_a_model_or_an_error(bytes in changed(vec![own("tokenizer.json")])) {
        opened(folder(&BTreeMap::from([("tokenizer.json", bytes)])).path());
    }

    #[test]
    fn changed_weights_give_a_model_or_an_error(bytes in changed(vec![own("model.safetensors")[..9000].to_vec()])) {
        // Only the header can be malformed; any numbers are valid.
        let mut whole = own("model.safetensors");
        whole.splice(..9000, bytes);
        opened(folder(&BTreeMap::from([("model.safetensors", whole)])).path());
    }

    #[test]
    fn no_hub_id_leaves_the_cache(id in "[a-zA-Z0-9./@_~-]{0,24}|\\PC{0,24}") {
        if hub::is_hub_id(&id) {
            prop_assert!(!id.contains("..") || !id.split(['/', '@']).any(|part| part == ".." || part.starts_with('.')));
            prop_assert!(!id.starts_with('/') && id.is_ascii());
        }
    }
}
