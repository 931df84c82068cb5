//! The engine on a small random model of every family.

use std::path::{Path, PathBuf};

use crossbeam_channel::unbounded;
use image::{Rgb, RgbImage};
use tempfile::TempDir;

use super::control::{Control, Signals};
use super::device::{self, DeviceChoice};
use super::features::{FeatureStore, Features};
use super::generate::Decoding;
use super::items::training_items;
use super::job::{Outcome, TrainJob};
use super::learner::Learner;
use super::model;
use super::opening::{open_dataset, questions};
use super::predictor::predict_batch;
use super::reporter::Reporter;
use super::run::run;
use super::snapshot;
use super::trainer::Trainer;
use crate::aspects::checkpoint::Checkpoint;
use crate::config::{Positions, Settings};
use crate::data::synth;
use crate::session::{Event, SessionFolder, Stage};
use crate::vlm::base::BaseModel;
use crate::vlm::config_file::Family;
use crate::vlm::random_model;

/// A model, a few pictures of several proportions, and settings with a cache on disk.
struct Fixture {
    family: Family,
    _model: TempDir,
    folder: TempDir,
    settings: Settings,
}

/// One of each family.
fn places() -> impl Iterator<Item = Fixture> {
    Family::ALL.into_iter().map(|family| {
        let (model, folder) = (random_model::folder(family), tempfile::tempdir().unwrap());
        let mut settings = Settings::default();
        settings.model.path = Some(model.path().display().to_string());
        settings.prompt.tokens = 4;
        settings.aspects.queries = 2;
        settings.data.disk_cache_mb = 16;
        settings.data.cache_dir = Some(folder.path().join("cache"));
        Fixture {
            family,
            _model: model,
            folder,
            settings,
        }
    })
}

impl Fixture {
    fn base(&self) -> BaseModel {
        let compute = device::open(DeviceChoice::Cpu, self.settings.model.dtype).unwrap();
        model::open(&self.settings, &compute, |_, _, _| ()).unwrap_or_else(|error| panic!("{:?}: {error}", self.family))
    }

    fn pictures(&self) -> Vec<PathBuf> {
        let sizes = [(84, 84), (140, 56), (56, 112)];
        let picture = |(n, (width, height)): (usize, (u32, u32))| {
            let path = self.folder.path().join(format!("{n}.png"));
            let shade = 80 * n as u8;
            RgbImage::from_fn(width, height, |x, y| Rgb([shade, x as u8, 2 * y as u8]))
                .save(&path)
                .unwrap();
            path
        };
        sizes.into_iter().enumerate().map(picture).collect()
    }

    fn drawn(&self) -> PathBuf {
        synth::few(self.folder.path())
    }

    fn learner<'a>(&self, base: &'a BaseModel) -> Learner<'a> {
        let classes = ["awe", "fear", "joy"].map(str::to_owned).to_vec();
        Learner::fresh(base, &self.settings, questions(&self.settings).unwrap(), classes).unwrap()
    }
}

fn features(store: &mut FeatureStore, paths: &[PathBuf]) -> Vec<Features> {
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    store.get(&paths).unwrap().into_iter().map(Result::unwrap).collect()
}

/// All numbers of an image's features.
fn numbers(features: &Features) -> Vec<f32> {
    let tensors = [&features.run].into_iter().chain(&features.deep);
    tensors
        .flat_map(|tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap())
        .collect()
}

#[test]
fn features_come_back_from_disk_as_they_were() {
    for place in places() {
        let (base, pictures) = (place.base(), place.pictures());
        let mut store = FeatureStore::of(&base, &place.settings, 1).unwrap();
        let fresh = features(&mut store, &pictures);
        assert_eq!(store.take_uses().passed, pictures.len());
        let mut later = FeatureStore::of(&base, &place.settings, 0).unwrap();
        let kept = features(&mut later, &pictures);
        assert_eq!(later.take_uses().passed, 0, "{:?}", place.family);
        for (fresh, kept) in fresh.iter().zip(&kept) {
            assert_eq!((fresh.grid, fresh.deep.len()), (kept.grid, kept.deep.len()));
            assert_eq!(numbers(fresh), numbers(kept), "{:?}", place.family);
            assert!(fresh.bytes() >= 4 * numbers(fresh).len() as u64);
        }
    }
}

#[test]
fn only_a_blanked_token_changes_the_features() {
    for place in places() {
        let (base, pictures) = (place.base(), place.pictures());
        let mut store = FeatureStore::of(&base, &place.settings, 1).unwrap();
        let seen = numbers(&features(&mut store, &pictures[..1])[0]);
        let blanked = |tokens: &[usize]| numbers(&store.blanked(&pictures[0], tokens).unwrap());
        assert_eq!(blanked(&[]), seen);
        assert_ne!(blanked(&[1]), seen, "{:?}", place.family);
        assert_ne!(blanked(&[1]), blanked(&[2]), "{:?}", place.family);
    }
}

/// A batch with images of other sizes changes no answer, and a map has one place for each token that aspects attend to.
#[test]
fn predictions_are_the_same_alone_and_in_a_batch() {
    for place in places() {
        let (base, pictures) = (place.base(), place.pictures());
        let learner = place.learner(&base);
        let mut store = FeatureStore::of(&base, &place.settings, 1).unwrap();
        let features = features(&mut store, &pictures);
        let names: Vec<String> = (0..features.len()).map(|n| n.to_string()).collect();
        let decoding = Decoding::greedy(4);
        let together = predict_batch(&learner, &features, names.clone(), &[], &decoding).unwrap();
        for ((features, name), among_others) in features.iter().zip(names).zip(&together) {
            let one = std::slice::from_ref(features);
            let alone = predict_batch(&learner, one, vec![name], &[], &decoding).unwrap();
            for (label, value) in &alone[0].log_likelihoods {
                let difference = value - among_others.log_likelihoods[label];
                assert!(difference.abs() < 1e-3, "{:?} {label}: {difference}", place.family);
            }
            assert_eq!(alone[0].generated, among_others.generated, "{:?}", place.family);
            for seen in alone[0].aspects.values() {
                assert_eq!(seen.grid, [features.grid.0, features.grid.1]);
                for row in &seen.attention {
                    assert_eq!(row.len(), features.grid.0 * features.grid.1);
                    assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
                }
            }
        }
    }
}

#[test]
fn vision_tokens_lie_on_a_grid_where_the_family_has_one() {
    for mut place in places() {
        place.settings.model.positions = Positions::Mrope;
        let base = place.base();
        let learner = Learner::fresh(&base, &place.settings, questions(&place.settings).unwrap(), Vec::new());
        match learner {
            Ok(_) => assert!(base.decoder.config().axes.is_grid()),
            Err(error) => {
                assert!(!base.decoder.config().axes.is_grid());
                assert!(error.to_string().contains("model.positions"), "{error}");
            }
        }
    }
}

/// Both stages, with an evaluation; each checkpoint names its family.
#[test]
fn a_run_trains_both_stages() {
    for mut place in places() {
        place.settings.data.root = Some(place.drawn());
        place.settings.train.max_steps = Some(2);
        place.settings.eval.panel = 1;
        place.settings.eval.max_samples = 2;
        assert!(!open_dataset(&place.settings).unwrap().train.is_empty());
        let sessions = place.folder.path().join("sessions");
        let folder = SessionFolder::create(&sessions, "run").unwrap();
        let stages = vec![Stage::Aspects, Stage::Prompt];
        let job = TrainJob::new(place.settings.clone(), stages, folder, DeviceChoice::Cpu);
        let (listener, records) = unbounded();
        let mut control = Control::new(unbounded().1, Signals::default());
        let ended = run(job, &mut Reporter::new(listener), &mut control).unwrap();
        assert!(matches!(ended, Outcome::Done), "{:?}", place.family);
        let losses = records.try_iter().filter_map(|record| match record.event {
            Event::Step(step) => Some(step.loss),
            _ => None,
        });
        let losses: Vec<f64> = losses.collect();
        assert!(
            losses.len() == 4 && losses.iter().all(|loss| loss.is_finite()),
            "{losses:?}"
        );
        let checkpoint = sessions.join("run/checkpoints/prompt-000002.safetensors");
        let meta = Checkpoint::load_meta(&checkpoint).unwrap().unwrap();
        assert_eq!(meta.family.as_deref(), Some(place.family.name()));
    }
}

/// The families' aspect modules have the same shapes, but one family's do not work for another.
#[test]
fn a_resume_from_the_checkpoint_of_another_family_is_refused() {
    let places: Vec<Fixture> = places().collect();
    let bases: Vec<BaseModel> = places.iter().map(Fixture::base).collect();
    let learners = places.iter().zip(&bases).map(|(place, base)| place.learner(base));
    let learners: Vec<Learner> = learners.collect();
    let mut settings = places[0].settings.clone();
    settings.data.root = Some(places[0].drawn());
    let (settings, dataset) = (&settings, open_dataset(&settings).unwrap());
    let mut trainers: Vec<Trainer> = learners
        .iter()
        .map(|learner| {
            let train = settings.train.stage(Stage::Aspects);
            let items = training_items(Stage::Aspects, settings, &dataset);
            Trainer::new(learner, Stage::Aspects, items, train, &settings.data).unwrap()
        })
        .collect();
    let folder = SessionFolder::create(places[0].folder.path(), "run").unwrap();
    for place in &places {
        let name = place.family.name();
        let path = folder.checkpoints().join("aspects-000000.safetensors");
        let own = trainers
            .iter()
            .find(|trainer| trainer.learner.base.family == place.family);
        snapshot::save(own.unwrap(), settings, false, (&folder, &path)).unwrap();
        for trainer in &mut trainers {
            let family = trainer.learner.base.family;
            match snapshot::restore(trainer, &path) {
                Ok(_) => assert_eq!(family, place.family),
                Err(error) => {
                    let told = error.to_string();
                    assert!(family != place.family, "{told}");
                    assert!(told.contains(name) && told.contains(family.name()), "{told}");
                }
            }
        }
    }
}
