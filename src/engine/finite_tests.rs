//! Tests of numbers that are not finite: never in a checkpoint, reported by the run, never part of a result.

use std::path::PathBuf;

use candle_core::Tensor;
use crossbeam_channel::{Receiver, unbounded};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use super::control::{Control, Signals};
use super::device::{self, DeviceChoice};
use super::error::EngineError;
use super::evaluator::{Judged, check_finite};
use super::features::FeatureStore;
use super::generate::Decoding;
use super::inference::{TrainedParts, evaluate_split};
use super::items::training_items;
use super::job::{Outcome, StageRun, TrainJob};
use super::keeper::Keeper;
use super::learner::Learner;
use super::opening::{open_dataset, questions};
use super::predictor::predict;
use super::reporter::Reporter;
use super::run::{newest_intact, run};
use super::trainer::{Advanced, Trainer};
use super::{model, snapshot};
use crate::aspects::aspect_file::{AspectFile, write_aspects};
use crate::aspects::checkpoint::Checkpoint;
use crate::aspects::{AspectModules, Initial};
use crate::config::{self, ConfigFile, OnNan, Settings, Sources};
use crate::data::{Dataset, synth};
use crate::session::{Checkpoints, Command, Event, Record, SessionFolder, Stage, checkpoint_name};
use crate::vlm::base::BaseModel;

/// A drawn dataset, and settings for a few steps on it with the embedded model.
pub(super) struct Fixture {
    folder: TempDir,
    pub(super) settings: Settings,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = format!("data.root={}", synth::few(folder.path()).display());
        let set = [
            &data,
            "train.max_steps=2",
            "eval.panel=0",
            "eval.max_samples=4",
            "aspects.views=[scene, object]",
        ];
        let settings = config::load(Sources {
            config: ConfigFile::None,
            set: set.map(str::to_owned).to_vec(),
            ..Sources::default()
        });
        Self {
            folder,
            settings: settings.unwrap().settings,
        }
    }

    pub(super) fn base(&self) -> BaseModel {
        let compute = device::open(DeviceChoice::Cpu, self.settings.model.dtype).unwrap();
        model::open(&self.settings, &compute, |_, _, _| ()).unwrap()
    }

    pub(super) fn job(&self, name: &str) -> TrainJob {
        let folder = SessionFolder::create(&self.folder.path().join("sessions"), name).unwrap();
        TrainJob::new(self.settings.clone(), vec![Stage::Aspects], folder, DeviceChoice::Cpu)
    }

    /// Aspect modules whose numbers are finite, but so large that the loss is not.
    fn huge_aspects(&self) -> PathBuf {
        let base = self.base();
        let (views, rng) = (&self.settings.aspects.views, &mut ChaCha8Rng::seed_from_u64(1));
        let modules = AspectModules::fresh(views, 2, base.hidden_size(), Initial::Reference, rng, &base.device);
        let mut file: AspectFile = modules.unwrap().to_file().unwrap();
        for view in file.views.values_mut() {
            // Queries times weights overflow.
            view.query.data.fill(1e30);
            view.in_proj_weight.data.fill(1e30);
        }
        let learner = self.learner(&base);
        let path = self.folder.path().join("huge.safetensors");
        write_aspects(
            &path,
            &file,
            &snapshot::meta(&learner, &self.settings, Stage::Aspects, 0),
        )
        .unwrap();
        path
    }

    pub(super) fn learner<'a>(&self, base: &'a BaseModel) -> Learner<'a> {
        let classes = open_dataset(&self.settings).unwrap().classes;
        Learner::fresh(base, &self.settings, questions(&self.settings).unwrap(), classes).unwrap()
    }

    /// A trainer of stage 1.
    pub(super) fn trainer<'a, 'b>(&self, learner: &'b Learner<'a>, dataset: &'b Dataset) -> Trainer<'a, 'b> {
        let items = training_items(Stage::Aspects, &self.settings, dataset);
        let settings = self.settings.train.stage(Stage::Aspects);
        Trainer::new(learner, Stage::Aspects, items, settings, &self.settings.data).unwrap()
    }
}

/// Runs a job that nobody commands; returns how it ended, and its events.
fn outcome(job: TrainJob) -> (Result<Outcome, EngineError>, Vec<Event>) {
    let (listener, records) = unbounded();
    let ended = run(job, &mut Reporter::new(listener), &mut nobody());
    (ended, events(&records))
}

fn nobody() -> Control {
    Control::new(unbounded().1, Signals::default())
}

fn events(records: &Receiver<Record>) -> Vec<Event> {
    records.try_iter().map(|record| record.event).collect()
}

fn pauses(events: &[Event]) -> usize {
    let is_pause = |event: &&Event| matches!(event, Event::Command(record) if record.command == Command::Pause);
    events.iter().filter(is_pause).count()
}

#[test]
fn at_a_non_finite_loss_a_watched_run_pauses_and_an_unwatched_one_ends() {
    let place = Fixture::new();
    let huge = place.huge_aspects();
    let job = |name: &str| TrainJob {
        init_aspects: Some(huge.clone()),
        ..place.job(name)
    };
    let alone = job("alone");
    let folder = alone.folder.clone();
    let (ended, said) = outcome(alone);
    let told = ended.unwrap_err().to_string();
    for part in [
        "of step 1 is not finite",
        "caused by image/",
        "masp train --resume --session alone",
        "pauses",
    ] {
        assert!(told.contains(part), "{part:?} is not in {told:?}");
    }
    assert_eq!(pauses(&said), 0);
    Checkpoint::check(&folder.checkpoints().join(checkpoint_name(Stage::Aspects, 0))).unwrap();

    let attended = TrainJob {
        attended: true,
        ..job("attended")
    };
    // Nobody is there to resume it, so each pause ends at once and the step is left out.
    let (ended, said) = outcome(attended);
    assert_eq!((ended.unwrap(), pauses(&said)), (Outcome::Done, 2));

    let mut stops = TrainJob {
        attended: true,
        ..job("stops")
    };
    stops.settings.train.on_nan = Some(OnNan::Stop);
    assert!(outcome(stops).0.is_err());
    let mut pausing = job("pauses");
    pausing.settings.train.on_nan = Some(OnNan::Pause);
    let (ended, said) = outcome(pausing);
    assert_eq!((ended.unwrap(), pauses(&said)), (Outcome::Done, 2));
}

/// The first parameter's numbers.
fn values(trainer: &Trainer) -> Vec<f32> {
    let var = &trainer.optimizer.slots[0].var;
    var.flatten_all().unwrap().to_vec1().unwrap()
}

fn poison(trainer: &Trainer) {
    let var = &trainer.optimizer.slots[0].var;
    let nan = (Tensor::zeros(var.shape(), var.dtype(), var.device()).unwrap() + f64::NAN).unwrap();
    var.set(&nan).unwrap();
}

#[test]
fn non_finite_parameters_are_not_saved_and_the_run_returns_to_a_finite_checkpoint() {
    let place = Fixture::new();
    let (base, job) = (place.base(), place.job("poisoned"));
    let learner = place.learner(&base);
    let dataset = open_dataset(&place.settings).unwrap();
    let mut trainer = place.trainer(&learner, &dataset);
    let stage_run = StageRun {
        stage: Stage::Aspects,
        from: None,
        dataset: &dataset,
        job: &job,
    };
    let (listener, records) = unbounded();
    let mut reporter = Reporter::new(listener);
    let mut keeper = Keeper::new(&stage_run).unwrap();
    trainer.step = 2;
    keeper.save(&trainer, &mut reporter, false).unwrap();
    let before = values(&trainer);
    assert!(trainer.is_finite().unwrap());

    trainer.step = 5;
    poison(&trainer);
    assert!(!trainer.is_finite().unwrap());
    for _ in 0..3 {
        keeper.save(&trainer, &mut reporter, false).unwrap();
    }
    let names = || -> Vec<_> {
        let files = std::fs::read_dir(job.folder.checkpoints()).unwrap();
        files
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(names(), [checkpoint_name(Stage::Aspects, 2)]);
    let refused = keeper
        .save_or_wait(&trainer, &mut reporter, &mut nobody(), false)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("not finite") && refused.contains("of step 2, from which"),
        "{refused}"
    );

    keeper.go_back(&mut trainer, &mut reporter).unwrap();
    assert_eq!((trainer.step, values(&trainer)), (2, before));
    let resumed = |event: &Event| matches!(event, Event::Resumed(resumed) if resumed.from_step == 2);
    assert!(events(&records).iter().any(resumed));

    // `newest_intact` skips a checkpoint that is not finite, as older programs could write.
    let path = |step| job.folder.checkpoints().join(checkpoint_name(Stage::Aspects, step));
    let mut bad = Checkpoint::load(&path(2)).unwrap();
    bad.tensors.values_mut().next().unwrap().data[0] = f32::NAN;
    bad.meta.step = 7;
    bad.save(&path(7)).unwrap();
    let found = newest_intact(&Checkpoints::read(&job.folder).unwrap(), Stage::Aspects, &mut reporter).unwrap();
    assert_eq!(found.unwrap().step, 2);
    let told = |event: &Event| matches!(event, Event::Warning(warning) if warning.text.contains("not finite"));
    assert!(events(&records).iter().any(told));
}

#[test]
fn a_step_without_a_readable_picture_has_no_nan_loss() {
    let place = Fixture::new();
    let base = place.base();
    let learner = place.learner(&base);
    let mut dataset = open_dataset(&place.settings).unwrap();
    for sample in &mut dataset.train {
        sample.path.set_extension("gone");
    }
    let mut trainer = place.trainer(&learner, &dataset);
    let mut store = FeatureStore::of(&base, &place.settings, 1).unwrap();
    let mut notes = Vec::new();
    let Advanced::Step(step) = trainer.advance(&mut store, &mut notes).unwrap() else {
        panic!("nothing is wrong with the loss")
    };
    assert!(matches!(&notes[..], [one] if one.contains("was left out")), "{notes:?}");
    let mut health = super::health::Health::default();
    assert_eq!(health.step(&step), Vec::<String>::new());
}

/// The check is shared by `masp predict`, a look at the panel and `masp eval`.
#[test]
fn an_answer_that_is_not_finite_is_an_error_that_names_the_image() {
    let place = Fixture::new();
    let base = place.base();
    let mut learner = place.learner(&base);
    let judged = |log_likelihoods: &[f64], probabilities: &[f64]| Judged {
        log_likelihoods: log_likelihoods.to_vec(),
        probabilities: probabilities.to_vec(),
        generated: "awe".to_owned(),
        // As for an image without a known label.
        loss: f64::NAN,
    };
    check_finite(&learner, "a.png", &judged(&[-1.0, -2.0], &[0.7, 0.3])).unwrap();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for judged in [judged(&[-1.0, bad], &[0.7, 0.3]), judged(&[-1.0, -2.0], &[bad, 0.3])] {
            let told = check_finite(&learner, "awe/a.png", &judged).unwrap_err();
            assert!(matches!(told, EngineError::NotFinite(_)));
            let told = told.to_string();
            assert!(
                told.contains("the model's outputs for awe/a.png are not finite"),
                "{told}"
            );
        }
    }

    let huge = place.huge_aspects();
    let parts = TrainedParts {
        aspects: Some(huge.clone()),
        ..TrainedParts::default()
    };
    let told = evaluate_split(&place.settings, DeviceChoice::Cpu, &parts, "test", |_, _, _| ());
    let told = told.err().unwrap().to_string();
    assert!(told.contains("the model's outputs for image/"), "{told}");
    snapshot::load_aspects(&mut learner, &huge).unwrap();
    let mut store = FeatureStore::of(&base, &place.settings, 16).unwrap();
    let dataset = open_dataset(&place.settings).unwrap();
    let image = (dataset.test[0].path.as_path(), "it".to_owned());
    let decoding = Decoding::new(&place.settings.test, 0);
    let told = predict(&learner, &mut store, image, &[], &decoding).unwrap_err();
    assert!(
        told.to_string().contains("the model's outputs for it are not finite"),
        "{told}"
    );
}
