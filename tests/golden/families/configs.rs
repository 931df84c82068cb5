//! config.json and the image processor's settings as versions of transformers save them.

use std::fs;
use std::path::Path;

use masp::vlm::config_file::ConfigFile;
use masp::vlm::model_config::ModelConfig;
use masp::vlm::vision::PixelLimits;

use super::folders;

fn read(folder: &Path) -> ModelConfig {
    ModelConfig::of(&ConfigFile::read(folder).unwrap()).unwrap()
}

/// Each version's files, completed with the model's own where a version writes none.
#[test]
fn all_versions_describe_the_same_model() {
    for (name, folder) in folders() {
        let model = folder.join("model");
        let own = read(&model);
        let (pictures, _) = own.tower.pictures(&model, PixelLimits::default()).unwrap();
        let mut versions = 0;
        for version in fs::read_dir(folder.join("saved_by")).unwrap() {
            let version = version.unwrap().path();
            versions += 1;
            let saved_config = read(&version);
            assert_eq!(saved_config.decoder, own.decoder, "{name} {}", version.display());
            assert_eq!(
                format!("{:?}", saved_config.tower),
                format!("{:?}", own.tower),
                "{name}"
            );
            let (saved, is_there) = saved_config.tower.pictures(&version, PixelLimits::default()).unwrap();
            assert!(is_there, "{name}");
            // The Pillow-based class of 4.57.6 does not save Qwen3-VL's limits.
            if !(name == "qwen3_vl" && version.ends_with("4.57.6")) {
                assert_eq!(saved.settings(), pictures.settings(), "{name} {}", version.display());
            }
            let tied = version.join("config.tied.json");
            if tied.is_file() {
                let copy = tempfile::tempdir().unwrap();
                fs::copy(tied, copy.path().join("config.json")).unwrap();
                let tied = read(copy.path());
                assert!(tied.decoder.tie_word_embeddings, "{name} {}", version.display());
            }
        }
        assert_eq!(versions, 2, "{name}");
    }
}
