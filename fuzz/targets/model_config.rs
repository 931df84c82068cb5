//! `config.json` of every family, and the image processor's settings of a model folder.

#![no_main]

use libfuzzer_sys::fuzz_target;
use masp::vlm::config_file::{ConfigFile, Family};
use masp::vlm::model_config::ModelConfig;
use masp::vlm::vision::PixelLimits;
use masp_fuzz::{folder, on_file, sentence};

fuzz_target!(|bytes: &[u8]| {
    let read = on_file("config.json", bytes, |_| ConfigFile::read(&folder()));
    match read.and_then(|file| ModelConfig::of(&file)) {
        Err(error) => sentence(&error),
        Ok(read) => assert!(read.decoder.head_dim > 0),
    }
    // Tries the settings with every family; missing keys have the family's defaults.
    for family in Family::ALL {
        let Ok(config) = ModelConfig::of_keys(family, &Default::default()) else { continue };
        let pictures = || config.tower.pictures(&folder(), PixelLimits::default());
        if let Err(error) = on_file("preprocessor_config.json", bytes, |_| pictures()) {
            sentence(&error);
        }
    }
});
