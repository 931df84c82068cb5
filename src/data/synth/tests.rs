//! The drawn dataset as a whole: what lies on disk, and what the pictures look like.

use std::{collections::BTreeMap, fs, path::Path, sync::Mutex};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::{
    Info, Options, Scene, SynthError, draw,
    scene::{ACTIONS, Bounds, EXPRESSIONS, OBJECTS, SCENES},
    synthesise,
};
use crate::data::classes::MIKELS;

const SMALL: Options = Options {
    train: 40,
    val: 16,
    test: 24,
    size: 112,
    seed: 5,
    noise: 0.1,
};

fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_same_options_give_the_same_bytes_with_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let draw = |name: &str, threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let dir = folder.path().join(name);
        pool.install(|| synthesise(&dir, &Options { seed, ..SMALL }, |_, _| {}))
            .unwrap();
        files(&dir)
    };
    let first = draw("a", 1, 5);
    assert_eq!(first.len(), 2 * 80 + 4);
    assert!(first == draw("b", 3, 5));
    assert!(first != draw("c", 1, 6));
}

#[test]
fn the_layout_is_emosets() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new/data");
    let seen = Mutex::new(Vec::new());
    let info = synthesise(&dir, &SMALL, |done, all| seen.lock().unwrap().push((done, all))).unwrap();
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    assert!(seen.iter().copied().eq((1..=80).map(|done| (done, 80))));

    let read = |path: &str| serde_json::from_slice::<Value>(&fs::read(dir.join(path)).unwrap()).unwrap();
    for (split, (size, wrong)) in ["train", "val", "test"].into_iter().zip([(40, 4), (16, 2), (24, 2)]) {
        let rows = read(&format!("{split}.json"));
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), size);
        let mut noisy = 0;
        for row in rows {
            let [emotion, image, annotation] = [0, 1, 2].map(|field| row[field].as_str().unwrap());
            let stem = image
                .strip_prefix(&format!("image/{emotion}/"))
                .unwrap()
                .strip_suffix(".png")
                .unwrap();
            assert_eq!(annotation, format!("annotation/{emotion}/{stem}.json"));
            let picture = image::open(dir.join(image)).unwrap();
            assert_eq!((picture.width(), picture.height()), (112, 112));
            let value = read(annotation);
            assert_eq!(
                (value["image_id"].as_str(), value["emotion"].as_str()),
                (Some(stem), Some(emotion))
            );
            check_annotation(&value);
            noisy += usize::from(value["drawn"]["emotion"] != emotion);
        }
        assert_eq!(noisy, wrong);
    }
    assert_eq!(Info::read(&dir), Some(info.clone()));
    let best = &info.synth.best_possible;
    assert_eq!([best.train, best.val, best.test], [0.9, 0.875, 1.0 - 2.0 / 24.0]);
    assert_eq!(read("info.json")["emotion"]["label2idx"]["sadness"], 7);
    assert_eq!(read("info.json")["synth"]["seed"], 5);
    assert_eq!(
        fs::read_dir(folder.path().join("new")).unwrap().count(),
        1,
        "nothing is left beside the dataset"
    );
}

fn check_annotation(value: &Value) {
    let said = |key: &str, words: &[&str]| {
        value
            .get(key)
            .is_none_or(|word| words.contains(&word.as_str().unwrap()))
    };
    assert!(
        said("scene", &SCENES) && said("facial_expression", &EXPRESSIONS) && said("human_action", &ACTIONS),
        "{value}"
    );
    for key in ["brightness", "colorfulness"] {
        let number = &value[key];
        assert!(
            (0.0..=1.0).contains(&number.as_f64().unwrap()) && number.to_string().len() <= 5,
            "{number}"
        );
    }
    let boxes = &value["boxes"];
    for part in ["face", "person"] {
        assert_eq!(boxes.get(part).is_some(), value.get("human_action").is_some());
    }
    let named: Vec<&Value> = boxes["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| &object["name"])
        .collect();
    let objects: Vec<&Value> = value
        .get("object")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(named, objects);
    assert!(objects.is_sorted_by_key(|object| object.as_str()), "{objects:?}");
    assert!(objects.iter().all(|object| OBJECTS.contains(&object.as_str().unwrap())));
    assert!(MIKELS.contains(&value["drawn"]["emotion"].as_str().unwrap()));
}

#[test]
fn impossible_options_are_errors_and_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    for options in [
        Options { size: 20, ..SMALL },
        SMALL.with_images(0),
        SMALL.with_images(100_001),
        Options {
            noise: f64::NAN,
            ..SMALL
        },
    ] {
        assert!(
            matches!(synthesise(&dir, &options, |_, _| {}), Err(SynthError::Options { .. })),
            "{options:?}"
        );
    }
    fs::write(&dir, "a file").unwrap();
    assert!(matches!(
        synthesise(&dir, &SMALL, |_, _| {}),
        Err(SynthError::Occupied { .. })
    ));
    assert!(synthesise(&dir.join("below"), &SMALL, |_, _| {}).is_err());
    fs::remove_file(&dir).unwrap();
    fs::create_dir(&dir).unwrap();
    assert!(
        synthesise(&dir, &SMALL.with_images(8), |_, _| {}).is_ok(),
        "an empty folder is filled"
    );
    assert!(matches!(
        synthesise(&dir, &SMALL, |_, _| {}),
        Err(SynthError::Occupied { .. })
    ));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(Info::read(folder.path()), None);
}

#[test]
fn brightness_colour_and_what_stands_in_a_box_are_visible() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for _ in 0..40 {
        let scene = Scene {
            brightness: 0.5,
            colorfulness: 0.5,
            ..Scene::draw(&mut rng, 112, 1.0)
        };
        let with = |brightness, colorfulness| {
            draw::render(&Scene {
                brightness,
                colorfulness,
                ..scene.clone()
            })
        };
        let light = |b| {
            with(b, 0.5)
                .pixels()
                .map(|p| f64::from(p[0]) + f64::from(p[1]) + f64::from(p[2]))
                .sum::<f64>()
                / 9600.0
        };
        let colour = |c| {
            let spread = |p: &image::Rgb<u8>| f64::from(p.0.iter().max().unwrap() - p.0.iter().min().unwrap());
            with(0.5, c).pixels().map(spread).sum::<f64>() / 12544.0
        };
        for (low, high) in [(0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9)] {
            assert!(light(high) > light(low) * 1.08, "{scene:?}");
            assert!(
                colour(high) > colour(low) + 4.0,
                "{scene:?}: {} {}",
                colour(low),
                colour(high)
            );
        }
        // Compared before the grade, which depends on the whole picture: the boxes must differ from the bare
        // setting, the rest hardly.
        let paint = |scene: &Scene| {
            let pixmap = || tiny_skia::Pixmap::new(scene.size, scene.size).unwrap();
            draw::paint(scene, pixmap(), pixmap())
        };
        let bare = paint(&Scene {
            objects: Vec::new(),
            person: None,
            ..scene.clone()
        });
        let full = paint(&scene);
        let things = scene.objects.iter().map(|thing| thing.bounds);
        let boxes: Vec<Bounds> = things.chain(scene.person.iter().map(|person| person.body)).collect();
        // Changed pixels and all pixels, for each box and then for the rest.
        let mut counts = vec![(0, 0); boxes.len() + 1];
        for (index, (pixel, bare)) in full.iter().zip(&bare).enumerate() {
            let side = scene.size as usize;
            let (x, y) = ((index % side) as f32 + 0.5, (index / side) as f32 + 0.5);
            let inside = |b: &Bounds| (b[0]..b[2]).contains(&x) && (b[1]..b[3]).contains(&y);
            let count = &mut counts[boxes.iter().position(inside).unwrap_or(boxes.len())];
            count.0 += usize::from(pixel.iter().zip(bare).any(|(a, b)| (a - b).abs() > 24.0 / 255.0));
            count.1 += 1;
        }
        let (rest, things) = counts.split_last().unwrap();
        assert!(
            things.iter().all(|(changed, all)| changed * 4 > *all),
            "{counts:?} {scene:?}"
        );
        assert!(rest.0 * 10 < rest.1, "{counts:?} {scene:?}");
    }
}
