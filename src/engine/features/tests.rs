use std::error::Error;
use std::fs;

use image::{Rgb, RgbImage};
use tempfile::TempDir;

use super::*;
use crate::engine::device::DeviceChoice;
use crate::engine::{device, model};

type TestResult<T = ()> = Result<T, Box<dyn Error>>;

/// Two pictures, and settings with a cache on disk.
struct Fixture {
    folder: TempDir,
    settings: Settings,
}

impl Fixture {
    fn new() -> TestResult<Self> {
        let folder = tempfile::tempdir()?;
        for (name, shade) in [("a.png", 40), ("b.png", 200)] {
            RgbImage::from_fn(56, 56, |x, y| Rgb([shade, x as u8, y as u8])).save(folder.path().join(name))?;
        }
        let mut settings = Settings::default();
        settings.data.disk_cache_mb = 16;
        settings.data.cache_dir = Some(folder.path().join("cache"));
        Ok(Self { folder, settings })
    }

    fn base(&self) -> Result<BaseModel, EngineError> {
        let compute = device::open(DeviceChoice::Cpu, self.settings.model.dtype)?;
        model::open(&self.settings, &compute, |_, _, _| ())
    }

    fn image(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The files of the cache.
    fn files(&self) -> TestResult<Vec<PathBuf>> {
        let mut files = Vec::new();
        for model in fs::read_dir(self.folder.path().join("cache"))? {
            for file in fs::read_dir(model?.path())? {
                files.push(file?.path());
            }
        }
        Ok(files)
    }
}

/// The tokens of the pictures, and what was asked of the store.
fn look(store: &mut FeatureStore, images: &[PathBuf]) -> TestResult<(Vec<Vec<f32>>, CacheUse)> {
    let paths: Vec<&Path> = images.iter().map(PathBuf::as_path).collect();
    let mut tokens = Vec::new();
    for features in store.get(&paths)? {
        tokens.push(features?.run.flatten_all()?.to_vec1()?);
    }
    Ok((tokens, store.take_uses()))
}

#[test]
fn a_later_run_takes_features_from_disk_to_the_bit() -> TestResult {
    let place = Fixture::new()?;
    let base = place.base()?;
    let images = [place.image("a.png"), place.image("b.png"), place.image("a.png")];
    let mut store = FeatureStore::of(&base, &place.settings, 1)?;
    let (first, uses) = look(&mut store, &images)?;
    assert_eq!((uses.asked, uses.passed), (3, 2));
    let (again, uses) = look(&mut store, &images)?;
    assert_eq!((uses.asked, uses.passed, uses.hit_rate()), (3, 0, Some(1.0)));
    assert_eq!(first, again);
    assert_ne!(first[0], first[1]);

    // A memory limit of 0, so that everything kept is on disk.
    let mut later = FeatureStore::of(&base, &place.settings, 0)?;
    for _ in 0..2 {
        let (kept, uses) = look(&mut later, &images[..2])?;
        assert_eq!((uses.asked, uses.passed), (2, 0));
        assert_eq!(kept, first[..2]);
    }
    assert!(later.take_notes().is_empty());
    Ok(())
}

#[test]
fn a_damaged_file_is_reported_and_written_again() -> TestResult {
    let place = Fixture::new()?;
    let base = place.base()?;
    let images = [place.image("a.png")];
    let (whole, _) = look(&mut FeatureStore::of(&base, &place.settings, 0)?, &images)?;
    let file = place.files()?.remove(0);
    let good = fs::read(&file)?;
    let mut flipped = good.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    for damaged in [&flipped[..], &good[..good.len() / 2], &good[..4], b""] {
        fs::write(&file, damaged)?;
        let mut store = FeatureStore::of(&base, &place.settings, 0)?;
        let (tokens, uses) = look(&mut store, &images)?;
        assert_eq!((tokens, uses.passed), (whole.clone(), 1));
        let notes = store.take_notes();
        assert!(matches!(&notes[..], [note] if note.contains("is damaged")), "{notes:?}");
        assert_eq!(fs::read(&file)?.len(), good.len());
    }
    Ok(())
}

#[test]
fn a_changed_picture_does_not_use_its_old_features() -> TestResult {
    let place = Fixture::new()?;
    let base = place.base()?;
    let images = [place.image("a.png")];
    let (old, _) = look(&mut FeatureStore::of(&base, &place.settings, 0)?, &images)?;
    fs::copy(place.image("b.png"), &images[0])?;
    let (new, uses) = look(&mut FeatureStore::of(&base, &place.settings, 0)?, &images)?;
    assert_ne!(old, new);
    assert_eq!(uses.passed, 1);
    assert_eq!(place.files()?.len(), 1);
    Ok(())
}

#[test]
fn other_image_sizes_use_other_cached_features() -> TestResult {
    let mut place = Fixture::new()?;
    let images = [place.image("a.png")];
    look(&mut FeatureStore::of(&place.base()?, &place.settings, 0)?, &images)?;
    place.settings.model.max_pixels = Some(14_000);
    let (_, uses) = look(&mut FeatureStore::of(&place.base()?, &place.settings, 0)?, &images)?;
    assert_eq!(uses.passed, 1);
    assert_eq!(place.files()?.len(), 2);
    Ok(())
}

#[test]
fn an_unwritable_cache_folder_is_reported_and_not_used() -> TestResult {
    let mut place = Fixture::new()?;
    place.settings.data.cache_dir = Some(place.image("a.png"));
    let base = place.base()?;
    let mut store = FeatureStore::of(&base, &place.settings, 0)?;
    let (_, uses) = look(&mut store, &[place.image("b.png")])?;
    assert_eq!((uses.asked, uses.passed), (1, 1));
    let notes = store.take_notes();
    assert!(
        matches!(&notes[..], [note] if note.contains("data.cache_dir")),
        "{notes:?}"
    );
    Ok(())
}

#[test]
fn a_disk_that_fails_later_disables_only_the_cache() -> TestResult {
    let place = Fixture::new()?;
    let base = place.base()?;
    let mut store = FeatureStore::of(&base, &place.settings, 0)?;
    // With the folder gone, nothing can be written there any more, as on a full disk.
    fs::remove_dir_all(place.folder.path().join("cache"))?;
    for name in ["a.png", "b.png"] {
        let (tokens, uses) = look(&mut store, &[place.image(name)])?;
        assert_eq!((tokens.len(), uses.passed), (1, 1));
    }
    let notes = store.take_notes();
    assert!(
        matches!(&notes[..], [note] if note.contains("no longer cached on disk")),
        "{notes:?}"
    );
    Ok(())
}

#[test]
fn features_beyond_the_limit_are_not_kept_and_other_models_are_evicted_first() -> TestResult {
    let place = Fixture::new()?;
    let base = place.base()?;
    let (a, b) = (place.image("a.png"), place.image("b.png"));
    let features = FeatureStore::of(&base, &place.settings, 0)?.get(&[&a])?.remove(0)?;
    let root = place.folder.path().join("bounded");
    let stamp = (1, None);
    const OLD: &str = "00000000000000aa";
    const NEW: &str = "00000000000000bb";
    // A folder that the cache did not create must not be emptied.
    let own = root.join("my data");
    fs::create_dir_all(&own)?;
    fs::write(own.join("thesis.safetensors"), [0; 4096])?;
    let keep = |model: &str, limit: u64, path: &Path| {
        let mut files = FeatureFiles::open(&root, model, limit)?;
        files.keep(path, stamp, &features)?;
        Ok::<bool, Box<dyn Error>>(files.folder().find(path, stamp)?.is_some())
    };
    assert!(keep(OLD, 1 << 20, &a)?);
    let one: u64 = fs::read_dir(root.join(OLD))?
        .flatten()
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len())
        .sum();
    assert!(keep(OLD, 2 * one + 8, &b)?, "two fit");
    assert!(!keep(OLD, one + 8, &place.image("c.png"))?, "a third does not");
    assert!(keep(OLD, one + 8, &a)?, "what is kept stays");
    // When another model's features use up the limit, opening a new model removes them.
    assert!(keep(NEW, 2 * one, &a)?);
    assert!(!root.join(OLD).exists());
    assert!(own.join("thesis.safetensors").exists());
    Ok(())
}

#[test]
fn several_processes_share_the_limit() -> TestResult {
    let place = Fixture::new()?;
    let base = place.base()?;
    let features = FeatureStore::of(&base, &place.settings, 0)?
        .get(&[&place.image("a.png")])?
        .remove(0)?;
    let root = place.folder.path().join("shared");
    let stamp = (1, None);
    let size = |folder: &Path| -> u64 {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        files
            .filter_map(|file| file.metadata().ok())
            .map(|file| file.len())
            .sum()
    };
    let (mine, other) = ("00000000000000aa", "00000000000000bb");
    FeatureFiles::open(&root, mine, 1 << 20)?.keep(&place.image("first"), stamp, &features)?;
    let one = size(&root.join(mine));
    let limit = 40 * one;
    // Two processes of one model and one of another, which write in turn.
    let mut processes = [mine, mine, other]
        .map(|model| FeatureFiles::open(&root, model, limit))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    for image in 0..40 {
        for (n, files) in processes.iter_mut().enumerate() {
            files.keep(&place.image(&format!("{n}-{image}")), stamp, &features)?;
        }
    }
    let all = size(&root.join(mine)) + size(&root.join(other));
    assert!(all <= limit, "{all} of {limit} bytes");
    assert!(all + 2 * one > limit, "what is free is used: {all} of {limit}");
    Ok(())
}

#[test]
fn a_pipe_among_the_files_is_reported_and_does_not_block() -> TestResult {
    let place = Fixture::new()?;
    let base = place.base()?;
    let images = [place.image("a.png")];
    look(&mut FeatureStore::of(&base, &place.settings, 0)?, &images)?;
    let file = place.files()?.remove(0);
    fs::remove_file(&file)?;
    crate::hostile::make_pipe(&file);
    let mut store = FeatureStore::of(&base, &place.settings, 0)?;
    let (_, uses) = look(&mut store, &images)?;
    let notes = store.take_notes();
    assert!(
        matches!(&notes[..], [note] if note.contains("not a regular file")),
        "{notes:?}"
    );
    assert_eq!(uses.passed, 1);
    Ok(())
}
