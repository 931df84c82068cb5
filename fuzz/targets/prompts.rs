//! Template files.

#![no_main]

use libfuzzer_sys::fuzz_target;
use masp::data::{View, prompts::Questions};
use masp_fuzz::{on_file, printable, sentence};

fuzz_target!(|bytes: &[u8]| {
    on_file("scene.txt", bytes, |path| {
        for read in [Questions::load(Some(path), None), Questions::load(None, path.parent())] {
            match read {
                Err(error) => sentence(&error),
                Ok(questions) => {
                    let asked = questions.emotion().iter().map(|template| template.question(&[]));
                    asked.for_each(|text| printable(&text));
                    questions.aspect(View::Scene).iter().for_each(|text| printable(text));
                }
            }
        }
    });
});
