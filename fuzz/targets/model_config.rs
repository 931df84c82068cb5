//! `config.json` and the image processor's settings of a model folder.

#![no_main]

use libfuzzer_sys::fuzz_target;
use masp::vlm::config_file::ConfigFile;
use masp::vlm::qwen2_vl::{Config, processor::ProcessorConfig};
use masp_fuzz::{folder, on_file, sentence};

fuzz_target!(|bytes: &[u8]| {
    let read = on_file("config.json", bytes, |_| ConfigFile::read(&folder()));
    match read.and_then(|file| Config::of(&file)) {
        Err(error) => sentence(&error),
        Ok(read) => assert!(read.config.head_dim() > 0),
    }
    if let Err(error) = on_file("preprocessor_config.json", bytes, |_| ProcessorConfig::of_folder(&folder(), 14)) {
        sentence(&error);
    }
});
