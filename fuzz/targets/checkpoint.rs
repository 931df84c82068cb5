//! Checkpoints: a run's own, and what `--init-*` and `--load-*` take.

#![no_main]

use libfuzzer_sys::fuzz_target;
use masp::aspects::{aspect_file::read_aspects, checkpoint::Checkpoint, prompt_file::read_soft_prompt};
use masp_fuzz::{on_file, sentence};

fuzz_target!(|bytes: &[u8]| {
    on_file("a.safetensors", bytes, |path| {
        for error in [
            Checkpoint::load(path).err(),
            Checkpoint::load_meta(path).err(),
            read_aspects(path).err(),
            read_soft_prompt(path).err(),
        ] {
            error.iter().for_each(|error| sentence(error));
        }
    });
});
