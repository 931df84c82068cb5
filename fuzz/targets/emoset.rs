//! The split file of EmoSet, which names images and annotations.

#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use masp_fuzz::{PNG, dataset, folder, sentence};

fuzz_target!(|bytes: &[u8]| {
    let root = folder();
    let image = root.join("image/awe/a.png");
    if !image.exists() {
        fs::create_dir_all(root.join("image/awe")).expect("a folder");
        fs::write(image, PNG).expect("an image");
    }
    fs::write(root.join("train.json"), bytes).expect("a list");
    match dataset(&root) {
        Err(error) => sentence(&error),
        Ok(read) => {
            let all = [&read.train, &read.val, &read.test].into_iter().flatten();
            assert!(all.clone().all(|sample| sample.path.starts_with(&root)));
        }
    }
});
