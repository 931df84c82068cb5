//! An image's annotation, in a dataset of the reference's layout.

#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use masp::data::View;
use masp_fuzz::{PNG, dataset, folder, printable};

fuzz_target!(|bytes: &[u8]| {
    let root = folder();
    let image = root.join("train/awe/a.png");
    if !image.exists() {
        fs::create_dir_all(root.join("train/awe")).expect("a folder");
        fs::create_dir_all(root.join("annotation/awe")).expect("a folder");
        fs::write(image, PNG).expect("an image");
    }
    fs::write(root.join("annotation/awe/a.json"), bytes).expect("an annotation");
    let read = dataset(&root).expect("a dataset");
    for sample in read.train.iter().chain(&read.val) {
        View::ALL
            .iter()
            .filter_map(|view| sample.annotation.text(*view))
            .for_each(|text| printable(&text));
    }
});
