use std::{fs, path::Path};

use image::{Rgb, RgbImage};

use crate::data::{DataError, Dataset, DatasetOptions, Sample, View, open};

/// A folder with these files: an image for an image's name, else the text.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if text.is_empty() {
            // The content is a PNG, whatever the name says.
            let mut bytes = std::io::Cursor::new(Vec::new());
            let picture = RgbImage::from_pixel(4, 4, Rgb([9, 9, 9]));
            picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
            fs::write(path, bytes.into_inner()).unwrap();
        } else {
            fs::write(path, text).unwrap();
        }
    }
    folder
}

fn open_as(root: &Path, dataname: Option<&str>) -> Result<Dataset, DataError> {
    open(&DatasetOptions {
        dataname: dataname.map(str::to_owned),
        ..DatasetOptions::of(root)
    })
}

fn found(files: &[(&str, &str)], dataname: Option<&str>) -> Dataset {
    open_as(folder(files).path(), dataname).unwrap()
}

fn ids(samples: &[Sample]) -> Vec<&str> {
    samples.iter().map(|sample| sample.id.as_str()).collect()
}

fn class<'a>(dataset: &'a Dataset, id: &str) -> &'a str {
    let all = [&dataset.train, &dataset.val, &dataset.test].into_iter().flatten();
    let label = all.into_iter().find(|sample| sample.id == id).unwrap().label;
    &dataset.classes[label]
}

fn reasons(dataset: &Dataset) -> String {
    let line = |left_out: &crate::data::LeftOut| format!("{}: {}\n", left_out.path.display(), left_out.reason);
    dataset.left_out.iter().map(line).collect()
}

#[test]
fn emoset_as_downloaded() {
    let dataset = found(
        &[
            (
                "train.json",
                r#"[["fear", "image/fear/b.jpg", "annotation/fear/b.json"],
                    ["awe", "awe_1", "image/awe/a.jpg", "annotation/awe/a.json"],
                    ["awe", "image/awe/gone.jpg", "annotation/awe/gone.json"],
                    ["awe", "../outside.jpg", "annotation/awe/a.json"],
                    ["awe", "image/awe/c.jpg", "/etc/hostname"],
                    ["boredom", "image/boredom/a.jpg", "annotation/boredom/a.json"],
                    ["awe", "two"], 7]"#,
            ),
            ("val.json", r#"[["awe", "image/awe/c.jpg", "annotation/awe/c.json"]]"#),
            (
                "test.json",
                r#"[["fear", "image/fear/d.jpg", "annotation/fear/d.json"]]"#,
            ),
            ("info.json", "{}"),
            ("image/awe/a.jpg", ""),
            ("image/awe/c.jpg", ""),
            ("image/fear/b.jpg", ""),
            ("image/fear/d.jpg", ""),
            ("image/boredom/a.jpg", ""),
            (
                "annotation/awe/a.json",
                r#"{"emotion": "awe", "brightness": 0.0, "scene": 5}"#,
            ),
            ("annotation/fear/b.json", r#"{"emotion": "anger"}"#),
            ("annotation/fear/d.json", "{"),
        ],
        None,
    );
    assert_eq!((dataset.name.as_str(), dataset.classes.len()), ("EmoSet", 8));
    assert_eq!(ids(&dataset.train), ["image/awe/a.jpg", "image/fear/b.jpg"]);
    assert_eq!(ids(&dataset.val), ["image/awe/c.jpg"]);
    assert_eq!(ids(&dataset.test), ["image/fear/d.jpg"]);
    assert_eq!(class(&dataset, "image/fear/d.jpg"), "fear");
    assert_eq!(dataset.train[0].annotation.text(View::Brightness).unwrap(), "very low");
    let reasons = reasons(&dataset);
    for part in [
        "gone.jpg: No such",
        "row 4",
        "row 5",
        "row 7: 2 fields",
        "row 8",
        "boredom",
        "`scene`",
        "d.json: the annotation",
    ] {
        assert!(reasons.contains(part), "{part}\n{reasons}");
    }
    assert_eq!(dataset.left_out.len(), 8, "{reasons}");
    let warnings = dataset.warnings.join("\n");
    assert!(
        warnings.contains("1 image(s) have no annotation file") && warnings.contains("`anger`"),
        "{warnings}"
    );
}

#[test]
fn a_broken_split_file_is_an_error() {
    let folder = folder(&[("train.json", "{\"a\": 1}"), ("image/awe/a.jpg", "")]);
    let error = open_as(folder.path(), None).unwrap_err().to_string();
    assert!(error.contains("train.json"), "{error}");
}

#[test]
fn the_references_layout() {
    let files = [
        ("train/fear/b.png", ""),
        ("train/awe/a.png", ""),
        ("train/awe/A.png", ""),
        ("train/awe/notes.txt", "x"),
        ("train/awe/page.jpg", "<html>"),
        ("train/.hidden/a.png", ""),
        ("test/awe/t.png", ""),
        (
            "annotation/fear/b.json",
            r#"{"object": ["Tall_tree", "Car"], "human_action": "running "}"#,
        ),
    ];
    let dataset = found(&files, None);
    assert_eq!((dataset.name.as_str(), dataset.classes.len()), ("EmoSet", 8));
    assert_eq!(
        ids(&dataset.train),
        ["train/awe/A.png", "train/awe/a.png", "train/fear/b.png"]
    );
    assert_eq!(
        dataset.train[2].annotation.text(View::Object).unwrap(),
        "tall tree, car"
    );
    assert_eq!(dataset.train[2].annotation.text(View::HumanAction).unwrap(), "running");
    assert_eq!(dataset.left_out.len(), 2, "{}", reasons(&dataset));

    // Another dataset in the same layout, by name; and one whose folders are no known classes.
    assert_eq!(found(&files[..1], Some("EmoSet")).layout, "class folders");
    let unbiased = found(&[files[0], files[7], ("train/love/a.png", "")], Some("unbiasedemo"));
    assert_eq!((unbiased.classes.len(), unbiased.train[1].label), (6, 3));
    let own = found(&[files[0], files[7], ("train/cat/a.png", "")], None);
    assert_eq!(own.classes, ["cat", "fear"]);
}

#[test]
fn emotion6() {
    let dataset = found(
        &[
            ("images/joy/2.jpg", ""),
            ("images/anger/10.jpg", ""),
            ("images/anger/9.jpg", ""),
            (
                "ground_truth.txt",
                "[image_filename] [valence]\njoy/2.jpg\t5\t5\t0\nsadness/1.jpg 1 1 0\n",
            ),
        ],
        None,
    );
    assert_eq!((dataset.name.as_str(), dataset.classes.len()), ("Emotion6", 6));
    assert_eq!(
        ids(&dataset.train),
        ["images/anger/10.jpg", "images/anger/9.jpg", "images/joy/2.jpg"]
    );
    assert_eq!(class(&dataset, "images/joy/2.jpg"), "joy");
    assert!(reasons(&dataset).contains("`sadness/1.jpg` is listed"));
    let named = found(&[("images/joy/2.jpg", "")], Some("emotion6"));
    assert_eq!((named.name.as_str(), named.train.len()), ("Emotion6", 1));
}

#[test]
fn fi_and_unbiased_emo() {
    let fi = found(
        &[("emotion_dataset/awe/a.jpg", ""), ("emotion_dataset/anger/b.jpg", "")],
        None,
    );
    assert_eq!((fi.name.as_str(), fi.classes.len(), fi.train.len()), ("FI", 8, 2));
    let unbiased = found(
        &[
            ("images/love/hug/2.jpg", ""),
            ("images/love/baby/3.jpg", ""),
            ("images/anger/bear/1.jpg", ""),
            ("images/anger/bear/readme", "x"),
        ],
        None,
    );
    assert_eq!((unbiased.name.as_str(), unbiased.classes.len()), ("UnbiasedEmo", 6));
    assert_eq!(
        ids(&unbiased.train),
        [
            "images/anger/bear/1.jpg",
            "images/love/hug/2.jpg",
            "images/love/baby/3.jpg"
        ]
    );
    assert_eq!(class(&unbiased, "images/love/hug/2.jpg"), "love");
    assert_eq!(unbiased.left_out.len(), 1);
}

#[test]
fn abstract_paintings_take_the_most_votes() {
    let dataset = found(
        &[
            (
                "ABSTRACT_groundTruth.csv",
                "'','Amusement','Anger','Awe','Content','Disgust','Excitement','Fear','Sad'\n\
                 'abstract_0001.jpg',1,0,5,2,0,0,0,0\n'abstract_0002.jpg',3,3,0,0,0,0,0,0\n\
                 'abstract_0003.jpg',0,0,0,0,0,0,0,7\n'../abstract_0004.jpg',0,0,0,0,0,0,0,7\n\
                 'abstract_0009.jpg',0,9,0,0,0,0,0,0\n",
            ),
            ("abstract_0001.jpg", ""),
            ("abstract_0002.jpg", ""),
            ("abstract_0003.jpg", ""),
            ("abstract_0005.jpg", ""),
        ],
        None,
    );
    assert_eq!((dataset.name.as_str(), dataset.classes.len()), ("Abstract", 8));
    assert_eq!(ids(&dataset.train), ["abstract_0001.jpg", "abstract_0003.jpg"]);
    assert_eq!(class(&dataset, "abstract_0003.jpg"), "sad");
    let reasons = reasons(&dataset);
    for part in [
        "tied between amusement, anger",
        "row 5",
        "0005.jpg: it has no row",
        "0009.jpg: No such",
    ] {
        assert!(reasons.contains(part), "{part}\n{reasons}");
    }
    assert_eq!(dataset.left_out.len(), 4);
}

#[test]
fn artphoto_takes_the_files_names() {
    let files = [("sad_0001.jpg", ""), ("amusement_0002.jpg", ""), ("Thumbs.db", "x")];
    let dataset = found(&files, None);
    assert_eq!(
        (dataset.name.as_str(), dataset.train.len(), dataset.left_out.len()),
        ("ArtPhoto", 2, 0)
    );
    assert_eq!(class(&dataset, "sad_0001.jpg"), "sad");
    let odd = [files[0], ("other_1.jpg", ""), ("plain.jpg", "")];
    assert!(matches!(
        open_as(folder(&odd).path(), None),
        Err(DataError::UnknownLayout { .. })
    ));
    let named = found(&odd, Some("ArtPhoto"));
    assert_eq!((named.train.len(), named.left_out.len()), (1, 2), "{}", reasons(&named));
}

#[test]
fn flickr_and_instagram() {
    let files = [
        ("train/positive/a.jpg", ""),
        ("train/negative/b.jpg", ""),
        ("test/negative/c.jpg", ""),
    ];
    let dataset = found(&files, None);
    assert_eq!((dataset.name.as_str(), dataset.test.len()), ("Flickr", 1));
    assert_eq!(dataset.classes, ["positive", "negative"]);
    assert_eq!(ids(&dataset.train), ["train/negative/b.jpg", "train/positive/a.jpg"]);
    assert_eq!(found(&files, Some("Instagram")).name, "Instagram");
}

#[test]
fn any_class_folders() {
    let dataset = found(
        &[
            ("zebra/a.png", ""),
            ("Cat/b.PNG", ""),
            ("empty/x.txt", "x"),
            ("loose.png", ""),
        ],
        None,
    );
    assert_eq!(dataset.classes, ["Cat", "zebra"]);
    assert_eq!(ids(&dataset.train), ["Cat/b.PNG", "zebra/a.png"]);
    assert_eq!((dataset.name.as_str(), dataset.left_out.len()), ("folders", 3));

    let split = found(
        &[("train/b/1.png", ""), ("valid/a/2.png", ""), ("test/c/3.png", "")],
        Some("Mine"),
    );
    assert_eq!(split.classes, ["a", "b", "c"]);
    assert_eq!((split.train.len(), split.val.len(), split.test.len()), (1, 1, 1));
    assert_eq!(split.name, "Mine");
    assert!(
        split
            .warnings
            .iter()
            .any(|warning| warning.contains("`Mine` is none of the datasets"))
    );

    // A known label list over folders: its order, and no other class.
    let named = found(&[("fear/1.png", ""), ("Awe/2.png", ""), ("cat/3.png", "")], Some("FI"));
    assert_eq!(ids(&named.train), ["Awe/2.png", "fear/1.png"]);
    assert_eq!(
        (class(&named, "Awe/2.png"), class(&named, "fear/1.png")),
        ("awe", "fear")
    );
    assert!(reasons(&named).contains("1 image(s) of `cat`"));
}

#[test]
fn folders_that_cannot_be_opened_are_errors() {
    let empty = folder(&[]);
    let text = |root: &Path, dataname| open_as(root, dataname).unwrap_err().to_string();
    assert!(text(&empty.path().join("missing"), None).contains("does not exist"));
    assert!(text(empty.path(), Some("EmoSet")).contains("none of the known layouts (EmoSet)"));
    let unreadable = folder(&[("a/1.png", "no picture"), ("b/2.png", "none")]);
    assert!(text(unreadable.path(), None).contains("2 file(s) were left out"));
    assert!(text(&unreadable.path().join("a/1.png"), None).contains("is a file"));
    let fraction = open(&DatasetOptions {
        val_fraction: 1.0,
        ..DatasetOptions::of(empty.path())
    });
    assert!(matches!(fraction, Err(DataError::Fraction(_))));
}

#[test]
fn an_image_in_two_splits_is_a_warning() {
    let row = r#"[["awe", "image/awe/a.jpg", null], ["awe", "image/awe/a.jpg", null]]"#;
    let dataset = found(
        &[("train.json", row), ("test.json", row), ("image/awe/a.jpg", "")],
        None,
    );
    assert_eq!((dataset.train.len(), dataset.test.len()), (1, 1));
    let warnings = dataset.warnings.join("\n");
    for part in [
        "2 image(s) are listed twice",
        "1 image(s) are in more than one split",
        "no val.json",
    ] {
        assert!(warnings.contains(part), "{part}\n{warnings}");
    }
}

#[test]
fn the_references_dataset_gives_its_samples() {
    let Some(root) = std::env::var_os("MASP_REFERENCE") else {
        eprintln!("skipped: MASP_REFERENCE is not set");
        return;
    };
    let golden = Path::new(&root).join("golden");
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(golden.join("manifest.json")).unwrap()).unwrap();
    let cases = &manifest["cases"]["dataset"];
    let dataset = open_as(&golden.join("data/emoset_tiny"), Some("EmoSet")).unwrap();
    let field = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
    let image = |row| field(row, "image").replace("data/emoset_tiny/", "");

    let expected: Vec<_> = (cases["stage1_samples"].as_array().unwrap().iter())
        .map(|row| (image(row), field(row, "task"), field(row, "label")))
        .collect();
    assert_eq!(expected.len(), 41);
    // The reference has no sample for a share of 0.0.
    let skipped = |sample: &Sample, view| {
        let zero = |share| share == Some(0.0);
        (view == View::Brightness && zero(sample.annotation.brightness))
            || (view == View::Colorfulness && zero(sample.annotation.colorfulness))
    };
    let ours: Vec<_> = (dataset.train.iter())
        .flat_map(|sample| View::ALL.map(|view| (sample, view)))
        .filter(|(sample, view)| !skipped(sample, *view))
        .filter_map(|(sample, view)| Some((sample.id.clone(), view.to_string(), sample.annotation.text(view)?)))
        .collect();
    assert_eq!(ours, expected);

    for (samples, key) in [
        (&dataset.train, "stage2_train_samples"),
        (&dataset.test, "stage2_test_samples"),
    ] {
        let expected: Vec<_> = (cases[key].as_array().unwrap().iter())
            .map(|row| (image(row), field(row, "label")))
            .collect();
        let ours: Vec<_> = samples
            .iter()
            .map(|sample| (sample.id.clone(), dataset.classes[sample.label].clone()))
            .collect();
        assert_eq!(ours, expected);
    }
    assert!(dataset.left_out.is_empty());
}

#[test]
fn split_files_of_other_systems_are_read() {
    let row = r#"["awe", "image\\AWE\\a b.JPG", " annotation/awe/a%20b.json\r"]"#;
    let named = r#"{"label": "Fear ", "image": "image/fear/c.jpg", "annotation": null}"#;
    let utf16 = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let list = format!("[{row}, {named}]");
    let lines = format!("{row}\r\n{named}\r\n");
    for bytes in [
        list.clone().into_bytes(),
        format!("\u{feff}{list}").into_bytes(),
        utf16(&list),
        lines.clone().into_bytes(),
        utf16(&lines),
    ] {
        let folder = folder(&[
            ("image/awe/a b.jpg", ""),
            ("image/fear/c.jpg", ""),
            ("annotation/awe/a b.json", r#"{"scene": "sea"}"#),
            ("__MACOSX/image/awe/._a b.jpg", "x"),
        ]);
        fs::write(folder.path().join("train.json"), bytes).unwrap();
        let dataset = open_as(folder.path(), None).unwrap();
        assert_eq!(
            ids(&dataset.train),
            ["image/fear/c.jpg", "image/awe/a b.jpg"],
            "{:?}",
            dataset.left_out
        );
        assert_eq!(class(&dataset, "image/fear/c.jpg"), "fear");
        assert_eq!(dataset.train[1].annotation.text(View::Scene).unwrap(), "sea");
        let warnings = dataset.warnings.join("\n");
        assert!(warnings.contains("2 path(s) differ"), "{warnings}");
    }
}

#[test]
fn spreadsheets_votes_are_read() {
    let table = |quote: &str, mark: &str, end: &str| {
        let rows = [
            ["", "Amusement", "Anger ", "Awe"],
            ["Abstract_1.JPG", "1", "0", "5"],
            ["abstract_2.jpg", "0,5", "0", "0"],
        ];
        let line = |row: &[&str; 4]| row.map(|field| format!("{quote}{field}{quote}")).join(mark) + end;
        rows.iter().map(line).collect::<String>()
    };
    let utf16: Vec<u8> = format!("\u{feff}{}", table("\"", "\t", "\r\n"))
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for bytes in [
        table("'", ",", "\n").into_bytes(),
        table("\"", ",", "\r\n").into_bytes(),
        table("", ";", "\r\n").into_bytes(),
        format!("sep=;\r\n{}", table("\"", ";", "\r\n")).into_bytes(),
        format!("\u{feff}{}", table("'", ";", "\r")).into_bytes(),
        utf16,
    ] {
        let folder = folder(&[("abstract_1.jpg", ""), ("abstract_2.jpg", "")]);
        fs::write(folder.path().join("abstract_groundtruth.CSV"), &bytes).unwrap();
        let dataset = open_as(folder.path(), None).unwrap();
        // In byte order of the class, then the file.
        assert_eq!(ids(&dataset.train), ["abstract_2.jpg", "abstract_1.jpg"], "{bytes:?}");
        assert_eq!(
            [class(&dataset, "abstract_1.jpg"), class(&dataset, "abstract_2.jpg")],
            ["awe", "amusement"]
        );
    }
    let odd = folder(&[
        (
            "ABSTRACT_groundTruth.csv",
            "'','awe','fear','contentment'\n'a.jpg',many,1,0\n'b.jpg',2,1,0\n",
        ),
        ("a.jpg", ""),
        ("b.jpg", ""),
    ]);
    let dataset = open_as(odd.path(), None).unwrap();
    assert!(
        reasons(&dataset).contains("`many` is not a number of votes"),
        "{}",
        reasons(&dataset)
    );
    assert!(
        dataset
            .warnings
            .iter()
            .any(|warning| warning.contains("not read: contentment")),
        "{:?}",
        dataset.warnings
    );
}

#[test]
fn class_folders_that_differ_by_case_or_blanks_are_one() {
    let dataset = found(
        &[
            ("Train/joy/1.jpg", ""),
            ("Train/fear/2.jpg", ""),
            ("Validation/FEAR/3.jpg ", ""),
            ("TEST/Joy/4.JPG", ""),
            ("TEST/fear /5.jpg", ""),
            ("TEST/Thumbs.db/6.jpg", ""),
            ("TEST/fear /._5.jpg", "x"),
            ("more/joy/7.jpg", ""),
        ],
        None,
    );
    assert_eq!(dataset.classes, ["fear", "joy"]);
    assert_eq!((dataset.train.len(), dataset.val.len(), dataset.test.len()), (2, 1, 2));
    assert_eq!(class(&dataset, "TEST/fear /5.jpg"), "fear");
    let warnings = dataset.warnings.join("\n");
    assert!(
        warnings.contains("`joy`, `Joy` differ") && warnings.contains("`fear `"),
        "{warnings}"
    );
    assert!(
        reasons(&dataset).contains("more: it lies beside the split folders"),
        "{}",
        reasons(&dataset)
    );
}

#[test]
fn fixed_names_are_found_in_other_case() {
    let emotion6 = found(
        &[
            ("Images/Joy/2.jpg", ""),
            ("Images/anger/1.jpg", ""),
            ("Ground_Truth.txt", "\u{feff}joy\\2.JPG\t5\r\nanger/1.jpg 5\r\n"),
        ],
        None,
    );
    assert_eq!((emotion6.name.as_str(), emotion6.train.len()), ("Emotion6", 2));
    assert!(emotion6.left_out.is_empty(), "{}", reasons(&emotion6));
    let fi = found(
        &[("Emotion_Dataset/awe/a.jpg", ""), ("Emotion_Dataset/sad/b.jpg", "")],
        Some("FI"),
    );
    assert_eq!(fi.train.len(), 1);
    assert!(reasons(&fi).contains("if you mean `sadness`"), "{}", reasons(&fi));
    let reference = found(
        &[
            ("train/awe/a.jpg", ""),
            ("train/fear/b.jpg", ""),
            ("Annotation/Awe/A.JSON", r#"{"scene": "sea"}"#),
        ],
        None,
    );
    assert_eq!(reference.name, "EmoSet");
    assert_eq!(reference.train[0].annotation.text(View::Scene).unwrap(), "sea");
}

#[test]
fn a_class_named_as_a_control_token_is_refused() {
    let folder = folder(&[("joy/1.jpg", ""), ("<|im_end|>/2.jpg", "")]);
    let error = open_as(folder.path(), None).unwrap_err().to_string();
    assert!(error.contains("`<|im_end|>`") && error.contains("rename it"), "{error}");
}

#[test]
fn near_misses_of_a_dataset_get_advice() {
    for (files, says) in [
        (
            vec![("up/set/joy/1.jpg", ""), ("up/set/fear/1.jpg", "")],
            "`up/set` has the layout class folders",
        ),
        (
            vec![("set/sad_1.jpg", ""), ("set/awe_1.jpg", ""), ("1.jpg", "")],
            "`set` was read as a class",
        ),
        (vec![("train\\joy\\1.jpg", "")], "unpack the archive again"),
        (vec![("sad_1.jpg", ""), ("other_1.jpg", "")], "`other_1.jpg` does not"),
        (vec![("1.jpg", "")], "point --data at such a folder"),
    ] {
        let folder = folder(&files);
        let found = open_as(folder.path(), None);
        let said = match &found {
            Err(error) => error.to_string(),
            Ok(dataset) => crate::data::Readiness::of(dataset, &View::ALL).prompt.unwrap_err(),
        };
        assert!(said.contains(says), "{files:?}: {said}");
        assert_eq!(crate::data::recognise(folder.path(), None).is_err(), found.is_err());
    }
}
