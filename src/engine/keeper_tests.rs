//! Two different checkpoints of the same step.

use crossbeam_channel::unbounded;

use super::finite_tests::Fixture;
use super::job::StageRun;
use super::keeper::Keeper;
use super::opening::open_dataset;
use super::reporter::Reporter;
use super::snapshot;
use crate::session::{Event, Stage, checkpoint_name};

/// A step's checkpoint may already exist, with the earlier learning rate.
#[test]
fn a_rate_set_after_the_checkpoint_of_its_step_is_saved_and_the_best_stays() {
    let place = Fixture::new();
    let (base, job) = (place.base(), place.job("rate"));
    let learner = place.learner(&base);
    let dataset = open_dataset(&place.settings).unwrap();
    let stage_run = StageRun {
        stage: Stage::Aspects,
        from: None,
        dataset: &dataset,
        job: &job,
    };
    let trainer = || place.trainer(&learner, &dataset);
    let mut first = trainer();
    let (listener, records) = unbounded();
    let mut reporter = Reporter::new(listener);
    let mut keeper = Keeper::new(&stage_run).unwrap();
    let told = || {
        let best = |event| match event {
            Event::Checkpoint(saved) => Some(saved.best),
            _ => None,
        };
        let told: Vec<bool> = records.try_iter().filter_map(|record| best(record.event)).collect();
        told
    };
    first.step = 1;
    keeper.save(&first, &mut reporter, true).unwrap();
    first.rate.peak = 7e-3;
    for _ in 0..2 {
        keeper.save(&first, &mut reporter, false).unwrap();
    }
    assert_eq!(told(), [true, true], "once for each rate");

    let path = job.folder.checkpoints().join(checkpoint_name(Stage::Aspects, 1));
    let mut later = trainer();
    assert!(snapshot::restore(&mut later, &path).unwrap().best);
    assert_eq!(later.rate.peak.to_bits(), 7e-3f64.to_bits());

    first.rate.peak = 8e-3;
    keeper.save_before_the_end(&first, &mut reporter);
    assert_eq!(told(), [true]);
    assert!(snapshot::restore(&mut later, &path).unwrap().best);
    assert_eq!(later.rate.peak.to_bits(), 8e-3f64.to_bits());
}
