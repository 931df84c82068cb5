//! Template files, annotations and lists of datasets from anywhere: what they say is fit for a terminal, and no path
//! leads out of the dataset.

use std::{fs, path::Path};

use proptest::prelude::*;

use super::{DatasetOptions, View, annotation, open, prompts::Questions};
use crate::{
    hostile::{changed, config, is_sentence, measured},
    printable::printable,
};

/// More than any file of the sizes tried here needs.
const MEMORY_BOUND: usize = 4 << 20;

fn is_fit(text: &str) -> bool {
    !text.contains(char::is_control)
}

const ANNOTATION: &str = r#"{"image_id": "x", "emotion": "awe", "brightness": 0.1, "colorfulness": "0.6",
    "scene": "Indoor_ice/rink", "facial_expression": null, "human_action": ["riding_bicycle "],
    "object": ["Human_face", "Cake"], "boxes": [1, 2]}"#;

const PNG: &[u8] = include_bytes!("image_file/fixtures/palette.png");

fn options(root: &Path) -> DatasetOptions {
    DatasetOptions {
        val_fraction: 0.3,
        shots: Some(2),
        ..DatasetOptions::of(root)
    }
}

/// Opens a dataset; nothing in it lies elsewhere.
fn opened(root: &Path) -> Result<(), TestCaseError> {
    match open(&options(root)) {
        Err(error) => prop_assert!(is_sentence(&error.to_string()), "{:?}", error.to_string()),
        Ok(dataset) => {
            for sample in [&dataset.train, &dataset.val, &dataset.test, &dataset.undrawn]
                .into_iter()
                .flatten()
            {
                prop_assert!(sample.path.starts_with(root) && root.join(&sample.id) == sample.path);
                prop_assert!(is_fit(&sample.id) && sample.label < dataset.classes.len());
            }
            prop_assert!(dataset.classes.iter().all(|class| is_fit(class)));
            prop_assert!(dataset.left_out.iter().all(|left_out| left_out.path.starts_with(root)));
            prop_assert!(dataset.warnings.iter().all(|warning| printable(warning) == *warning));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn changed_templates_give_questions_or_an_error(
        bytes in changed(vec![include_bytes!("../../prompts.txt").to_vec(), b"\xef\xbb\xbfWhat? {}\r\n\r\nHow?\n".to_vec()]),
    ) {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("object.txt");
        fs::write(&path, &bytes)?;
        let (read, most) = measured(|| [Questions::load(Some(&path), None), Questions::load(None, Some(folder.path()))]);
        prop_assert!(most < MEMORY_BOUND, "{most} bytes");
        for read in read {
            match read {
                Err(error) => prop_assert!(is_sentence(&error.to_string()), "{:?}", error.to_string()),
                Ok(questions) => {
                    let classes = ["{}".to_owned(), "awe".to_owned()];
                    prop_assert!(questions.emotion().iter().all(|template| is_fit(&template.question(&classes))));
                    prop_assert!(View::ALL.iter().all(|view| questions.aspect(*view).iter().all(|text| is_fit(text))));
                }
            }
        }
    }

    #[test]
    fn a_changed_annotation_gives_texts_or_an_error(bytes in changed(vec![ANNOTATION.into()])) {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.json");
        fs::write(&path, &bytes)?;
        let (read, most) = measured(|| annotation::read(&path));
        prop_assert!(most < MEMORY_BOUND, "{most} bytes");
        match read {
            Err(reason) => prop_assert!(is_sentence(&reason), "{reason:?}"),
            Ok(file) => {
                prop_assert!(View::ALL.iter().filter_map(|view| file.annotation.text(*view)).all(|text| is_fit(&text)));
                let shares = [file.annotation.brightness, file.annotation.colorfulness];
                prop_assert!(shares.into_iter().flatten().all(|share| (0.0..=1.0).contains(&share)));
                prop_assert!(file.problems.iter().all(|reason| is_sentence(reason)));
            }
        }
    }

    #[test]
    fn a_changed_split_file_of_emoset_names_no_file_outside(
        bytes in changed(vec![
            br#"[["awe", "image/awe/1.png", "annotation/awe/1.json"], ["fear", 7, "image/fear/2.png", null]]"#.to_vec(),
            b"[\"Awe\", \"image\\\\AWE\\\\1.PNG\", \"annotation/awe/%31.json\"]\r\n{\"label\": \"fear \", \"image\": \"..\\\\2.png\"}\r\n".to_vec(),
        ]),
    ) {
        let root = tempfile::tempdir()?;
        for (class, name) in [("awe", "1.png"), ("fear", "2.png")] {
            let folder = root.path().join("image").join(class);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(name), PNG)?;
        }
        fs::write(root.path().join("train.json"), &bytes)?;
        opened(root.path())?;
    }

    #[test]
    fn changed_votes_name_no_file_outside(
        abstracts in changed(vec![
            b"'','amusement','anger','awe'\n'a.png',1,0,0\n'b.png',0,2,1\n".to_vec(),
            b"\xEF\xBB\xBFsep=;\r\n\"\";Amusement;Anger \r\nA.PNG;0,5;1\r\n".to_vec(),
            b"\xFF\xFEx\0\t\0A\0w\0e\0\t\0F\0e\0a\0r\0\n\0a\0.\0p\0n\0g\0\t\x002\0\t\x001\0\n\0".to_vec(),
        ]),
        emotion6 in changed(vec![b"[image_filename]\tv\na anger/1.jpg 4.1\nanger/1.png\t4.1 3\nfear/2.png 1 2\n".to_vec()]),
    ) {
        let root = tempfile::tempdir()?;
        fs::write(root.path().join("a.png"), PNG)?;
        fs::write(root.path().join("ABSTRACT_groundTruth.csv"), &abstracts)?;
        opened(root.path())?;

        let root = tempfile::tempdir()?;
        fs::create_dir_all(root.path().join("images/anger"))?;
        fs::write(root.path().join("images/anger/1.png"), PNG)?;
        fs::write(root.path().join("ground_truth.txt"), &emotion6)?;
        opened(root.path())?;
    }
}

#[test]
fn paths_that_lead_out_of_the_dataset_are_left_out_and_named() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    fs::create_dir_all(data.join("image/awe")).unwrap();
    fs::write(root.path().join("secret.png"), PNG).unwrap();
    fs::write(root.path().join("secret.json"), ANNOTATION).unwrap();
    fs::write(data.join("image/awe/1.png"), PNG).unwrap();
    let secret = root.path().join("secret.png");
    let rows = serde_json::json!([
        ["awe", "image/awe/1.png", null],
        ["awe", "../secret.png", null],
        ["awe", secret, null],
        ["awe", "image/awe/1.png", "../secret.json"],
        ["awe", "image/../../secret.png", null],
    ]);
    fs::write(data.join("train.json"), rows.to_string()).unwrap();
    let dataset = open(&DatasetOptions::of(&data)).unwrap();
    assert_eq!((dataset.train.len(), dataset.left_out.len()), (1, 4));
    assert!(
        dataset
            .left_out
            .iter()
            .all(|left_out| left_out.reason.contains("leads out")),
        "{:?}",
        dataset.left_out
    );
}

#[test]
fn deep_and_large_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.txt");
    for text in [
        "[".repeat(1 << 19),
        format!("{{\"object\":{}", "[".repeat(1 << 19)),
        "x".repeat(2 << 20),
    ] {
        fs::write(&path, text).unwrap();
        assert!(annotation::read(&path).is_err());
    }
    assert!(Questions::load(None, Some(folder.path())).is_err());
    assert!(Questions::load(Some(Path::new("/dev/zero")), None).is_err());
}
