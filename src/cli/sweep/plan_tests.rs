use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::*;
use crate::cli::args::{Cli, Command};
use crate::session::Stage;

/// The plan of `masp sweep LINE` on a dataset that is there; `{}` in the line stands for its parent folder.
fn plan(folder: &Path, line: &str) -> Result<Plan, String> {
    fs::create_dir_all(folder.join("set/joy")).unwrap();
    fs::write(folder.join("set/joy/a.png"), "").unwrap();
    let here = folder.display().to_string();
    let argv = format!("masp sweep {line} --data {{}}/set --set session.root={{}}/sessions").replace("{}", &here);
    let cli = Cli::from_argv(argv.split(' ').map(OsString::from)).map_err(|error| error.to_string())?;
    let Some(Command::Sweep(args)) = cli.command else {
        return Err("no sweep".to_owned());
    };
    Plan::of(&args).map_err(|failure| failure.to_string())
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.runs.iter().map(|run| run.name.as_str()).collect()
}

#[test]
fn every_combination_is_a_run_whatever_the_order_of_the_flags() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let first = plan(
        folder,
        "r --seeds 2 --vary lr=1e-3,3e-3 --shots 4 --set train.seed=7 --max-steps 5",
    )
    .unwrap();
    assert_eq!(
        names(&first),
        [
            "r.shots-4.lr-1e-3.seed-7",
            "r.shots-4.lr-1e-3.seed-8",
            "r.shots-4.lr-3e-3.seed-7",
            "r.shots-4.lr-3e-3.seed-8"
        ]
    );
    let last = &first.runs[3].settings;
    let prompt = last.train.stage(Stage::Prompt);
    assert_eq!(
        (last.data.shots, prompt.learning_rate, prompt.seed),
        (Some(4), 0.003, 8)
    );
    assert_eq!(prompt.max_steps, Some(5));
    assert_eq!(first.stage, StageChoice::Both);
    let again = plan(
        folder,
        "r --set train.seed=7 --vary shots=4 --vary train.prompt.learning_rate=0.001,0.003 --seeds 2",
    );
    assert_eq!(names(&again.unwrap()), names(&first));
}

#[test]
fn flags_add_to_the_file_and_override_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = "vary:\n  views: [[scene], []]\nseeds: 9\nset:\n  train.batch_size: 4\n  train.seed: 5\nstage: prompt\n";
    fs::write(folder.join("s.yaml"), file).unwrap();
    let plan = plan(
        folder,
        "r --file {}/s.yaml --seeds 1 --set train.batch_size=2 --vary epochs=1",
    );
    assert!(plan.unwrap_err().contains("`epochs`"));
    let plan = self::plan(
        folder,
        "r --file {}/s.yaml --seeds 1 --set train.batch_size=2 --vary train.epochs=2",
    )
    .unwrap();
    assert_eq!(
        names(&plan),
        ["r.views-scene.epochs-2.seed-5", "r.views-none.epochs-2.seed-5"]
    );
    assert_eq!(plan.stage, StageChoice::Prompt);
    assert_eq!(plan.runs[0].settings.train.batch_size, 2);
    // The child is given what this process has read.
    assert!(plan.runs[0].set.contains(&"aspects.views=[\"scene\"]".to_owned()));
}

#[test]
fn a_sweep_that_cannot_run_is_refused_with_key_and_value() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (line, said) in [
        ("r", "nothing varies"),
        ("r/x --seeds 2", "`r/x` cannot be a session's name"),
        (
            "a-name-that-is-far-too-long-for-a-sweep-of-runs --seeds 2",
            "too long for a sweep's name",
        ),
        (
            "r --vary lr=1e-3,3e-3,-1",
            "`train.prompt.learning_rate` is -1; allowed is",
        ),
        (
            "r --vary lr=1e-3 --vary train.prompt.learning_rate=3e-3",
            "`train.prompt.learning_rate` varies twice",
        ),
        ("r --seeds 2 --vary seed=1,2", "`train.seed` varies twice"),
        ("r --vary lr=1e-3,0.001", "would have the same settings"),
        (
            "r --vary train.max_steps=1,2 --max-steps 3",
            "would have the same settings",
        ),
        ("r --seeds 1001", "more than 1000 combinations"),
        ("r --seeds 18446744073709551615", "are more than there are"),
        (
            "r --seeds 10 --shots 1,2,3,4,5,6,7,8,9,10 --vary train.epochs=1,2,3,4,5,6,7,8,9,10,11",
            "11 of train.epochs",
        ),
        (
            "r --vary model.min_pixels=1024,409600 --set model.max_pixels=2048",
            "r.min_pixels-409600: ",
        ),
        ("r --vary views=[scene],[]", "r.views-none: aspects.views is empty"),
        ("r --file {}/missing.yaml", "missing.yaml"),
    ] {
        let error = plan(folder, line).map(|_| ()).unwrap_err();
        assert!(error.contains(said), "{line}: {error}");
    }
}
