//! The tables of Abstract (the first half of the input) and of Emotion6 (the second), as spreadsheets may write them.

#![no_main]

use std::{fs, path::Path};

use libfuzzer_sys::fuzz_target;
use masp_fuzz::{PNG, dataset, folder, printable, sentence};

fuzz_target!(|bytes: &[u8]| {
    let (votes, listed) = bytes.split_at(bytes.len() / 2);
    for (name, image, table, text) in [
        ("abstract", "a.png", "ABSTRACT_groundTruth.csv", votes),
        ("emotion6", "images/anger/1.png", "ground_truth.txt", listed),
    ] {
        let root = folder().join(name);
        let image = root.join(image);
        if !image.exists() {
            fs::create_dir_all(image.parent().unwrap_or(Path::new("/"))).expect("a folder");
            fs::write(image, PNG).expect("an image");
        }
        fs::write(root.join(table), text).expect("a table");
        match dataset(&root) {
            Err(error) => sentence(&error),
            Ok(read) => {
                let all = [&read.train, &read.val, &read.test].into_iter().flatten();
                assert!(all.clone().all(|sample| sample.path.starts_with(&root)));
                read.warnings.iter().for_each(|warning| printable(warning));
            }
        }
    }
});
