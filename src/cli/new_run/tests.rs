use std::path::Path;

use super::*;
use crate::session::{SessionFolder, Stage};

fn sources(text: &str, folder: &Path) -> Sources {
    let path = folder.join("config.yaml");
    std::fs::write(&path, text).unwrap();
    Sources {
        config: ConfigFile::Named(path),
        set: vec!["eval.panel=2".to_owned()],
        ..Sources::default()
    }
}

/// The form on a config file, with other values in some fields.
struct Form {
    run: NewRun,
    values: Vec<String>,
    folder: tempfile::TempDir,
}

impl Form {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut run = NewRun::new(sources(text, folder.path()));
        let values = run.fields(None).unwrap().into_iter().map(|field| field.value).collect();
        Self { run, values, folder }
    }

    fn put(&mut self, name: &str, value: &str) {
        let place = FIELDS.iter().position(|(other, ..)| *other == name).unwrap();
        value.clone_into(&mut self.values[place]);
    }

    fn value(&self, name: &str) -> &str {
        let place = FIELDS.iter().position(|(other, ..)| *other == name).unwrap();
        &self.values[place]
    }

    fn problem(&self, name: &str) -> String {
        let place = FIELDS.iter().position(|(other, ..)| *other == name).unwrap();
        self.run.check(&self.values)[place].clone().unwrap_or_default()
    }

    fn arguments(&self) -> Vec<String> {
        let filled = Filled::new(&self.run.initial, &self.values);
        let arguments = self.run.arguments(&filled, "s").into_iter();
        arguments.map(|argument| argument.into_string().unwrap()).collect()
    }
}

#[test]
fn the_form_begins_with_the_settings_that_hold_here() {
    let form = Form::new("train: {seed: 7, aspects: {learning_rate: 0.003, batch_size: 4}}\ndata: {root: sets/a}\n");
    assert_eq!(
        (form.value("seed"), form.value("stage"), form.value("device")),
        ("7", "both", "auto")
    );
    assert_eq!(
        (form.value("rate, stage 1"), form.value("rate, stage 2")),
        ("3e-3", "5e-6")
    );
    assert_eq!(
        (form.value("epochs, stage 1"), form.value("epochs, stage 2")),
        ("3", "1")
    );
    assert!(form.value("data folder").ends_with("sets/a"));
    assert_eq!(form.value("batch size"), "", "the stages differ");
    // Nothing was changed: the run is what the settings say.
    let config = form.folder.path().join("config.yaml").display().to_string();
    let expected = [
        "train",
        "--session",
        "s",
        "--resume",
        "--headless",
        "--config",
        &config,
        "--set",
        "eval.panel=2",
        "--stage",
        "both",
        "--device",
        "auto",
    ];
    assert_eq!(form.arguments(), expected);
}

#[test]
fn changed_fields_override_all_other_settings() {
    let mut form = Form::new("train: {prompt: {batch_size: 4}}\n");
    for (name, value) in [
        ("batch size", "8"),
        ("max steps", "20"),
        ("stage", "aspects"),
        ("aspects from", "a b.pth"),
    ] {
        form.put(name, value);
    }
    let arguments = form.arguments().join("|");
    for part in [
        "--set|train.batch_size=8",
        "--set|train.max_steps=20",
        "--stage|aspects",
        "--init-aspects|a b.pth",
    ] {
        assert!(arguments.contains(part), "{part}: {arguments}");
    }
    let settings = form
        .run
        .settings(&Filled::new(&form.run.initial, &form.values))
        .unwrap();
    assert_eq!(settings.train.stage(Stage::Prompt).batch_size, 8);
    assert_eq!(settings.train.stage(Stage::Aspects).max_steps, Some(20));
}

#[test]
fn each_field_is_checked_as_the_config_is() {
    let mut form = Form::new("session: {root: runs}\n");
    assert_eq!(form.problem("data folder"), "name the dataset's folder");
    let here = class_folders(form.folder.path());
    form.put("data folder", &here);
    assert!(form.run.check(&form.values).iter().all(Option::is_none));
    let root = form.folder.path().join("runs");
    SessionFolder::create(&root, "taken").unwrap();
    for (name, wrong, says, right) in [
        ("session", "a/b", "cannot be a session's name", "fresh"),
        ("session", "taken", "there is a session", ""),
        ("data folder", "/none/such", "no such folder", &here),
        ("model", "./none", "neither a folder", "Qwen/Qwen2-VL-2B-Instruct"),
        ("epochs, stage 1", "0", "a whole number from 1", "2"),
        ("rate, stage 2", "fast", "a number above 0", "1e-4"),
        ("max steps", "-3", "a whole number from 1", ""),
        ("batch size", "", "a whole number from 1", "2"),
        ("seed", "1.5", "a whole number", "1"),
        ("aspects from", "none.pth", "no such file", ""),
        ("stage", "prompt", "", "both"),
    ] {
        form.put(name, wrong);
        let problem = form.problem(name);
        assert!(
            problem.contains(says) && problem.is_empty() == says.is_empty(),
            "{name}: {problem}"
        );
        form.put(name, right);
        assert_eq!(form.problem(name), "", "{name}: {right}");
    }
    form.put("stage", "prompt");
    assert!(form.problem("aspects from").contains("stage 2 needs aspect modules"));
}

/// A dataset of two class folders below `folder`.
fn class_folders(folder: &Path) -> String {
    let root = folder.join("sets");
    for class in ["joy", "fear"] {
        std::fs::create_dir_all(root.join(class)).unwrap();
        std::fs::write(root.join(class).join("1.png"), "a picture by its name").unwrap();
    }
    root.display().to_string()
}

#[test]
fn a_known_dataset_is_refused_on_a_folder_of_another_layout() {
    let mut form = Form::new("");
    let flat = form.folder.path().join("flat");
    std::fs::create_dir(&flat).unwrap();
    for name in ["amusement_0001.jpg", "fear_0002.jpg"] {
        std::fs::write(flat.join(name), "a picture by its name").unwrap();
    }
    let (sets, flat) = (class_folders(form.folder.path()), flat.display().to_string());
    form.put("data folder", &flat);
    form.put("dataset", "emo-set");
    let problem = form.problem("dataset");
    assert!(
        problem.starts_with("the data folder does not have the layout of EmoSet but of ArtPhoto"),
        "{problem}"
    );
    assert_eq!(form.problem("data folder"), "", "the name is what is wrong");
    for (name, folder) in [("ArtPhoto", &flat), ("", &flat), ("", &sets), ("EmoSet", &sets)] {
        form.put("data folder", folder);
        form.put("dataset", name);
        let problems = [form.problem("data folder"), form.problem("dataset")];
        assert_eq!(problems, [const { String::new() }; 2], "{name} in {folder}");
    }
    // The dataset name from the settings is checked against the folder too.
    let mut named = Form::new("data: {dataname: EmoSet}\n");
    named.put("data folder", &flat);
    assert!(named.problem("dataset").contains("does not have the layout of EmoSet"));
}

#[test]
fn a_folder_without_a_dataset_is_refused_under_any_dataset_name() {
    let mut form = Form::new("");
    let empty = form.folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    form.put("data folder", &empty.display().to_string());
    for name in ["", "ArtPhoto"] {
        form.put("dataset", name);
        let problem = form.problem("data folder");
        assert!(
            problem.starts_with("no known dataset layout") && !problem.contains("--data "),
            "{problem}"
        );
        assert_eq!(form.problem("dataset"), "", "{name}");
    }
}

#[test]
fn an_unknown_dataset_is_refused_with_the_nearest_known_one() {
    let mut form = Form::new("");
    for (typed, nearest) in [
        ("EmoSte", "EmoSet"),
        ("emotion 66", "Emotion6"),
        ("artphotos", "ArtPhoto"),
    ] {
        form.put("dataset", typed);
        let problem = form.problem("dataset");
        assert!(
            problem.contains(nearest) && problem.contains("no known dataset"),
            "{problem}"
        );
    }
    for typed in ["emo-set", "EMOTION6", ""] {
        form.put("dataset", typed);
        assert_eq!(form.problem("dataset"), "", "{typed}");
    }
    // A name from config.yaml counts as intended.
    assert_eq!(Form::new("data: {dataname: my own}\n").problem("dataset"), "");
}

#[test]
fn all_problems_are_reported_at_once() {
    let mut form = Form::new("");
    for (name, wrong) in [("session", "a/b"), ("data folder", "/none/such"), ("model", "./none")] {
        form.put(name, wrong);
    }
    form.put("dataset", "pets");
    form.put("epochs, stage 1", "0");
    form.put("seed", "1.5");
    for (name, says) in [
        ("session", "cannot be a session's name"),
        ("data folder", "no such folder"),
        ("dataset", "no known dataset"),
        ("model", "neither a folder"),
        ("epochs, stage 1", "a whole number from 1"),
        ("seed", "a whole number"),
    ] {
        let problem = form.problem(name);
        assert!(problem.contains(says), "{name}: {problem}");
    }
}

#[test]
fn without_aspects_only_stage_2_can_be_trained() {
    let mut form = Form::new("aspects: {views: []}\n");
    assert!(form.problem("stage").contains("aspects.views is empty"));
    form.put("stage", "prompt");
    assert_eq!(
        (form.problem("stage"), form.problem("aspects from")),
        Default::default()
    );
}

#[test]
fn wrong_settings_give_an_error_instead_of_a_form() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = NewRun::new(sources("train: {sed: 1}\n", folder.path()));
    let reason = run.fields(None).unwrap_err();
    assert!(reason.contains("line 1") && reason.contains("train.seed"), "{reason}");
}

#[test]
fn a_run_like_another_begins_with_its_settings_and_stages() {
    let root = tempfile::tempdir().unwrap();
    let like = crate::made_up::evaluated::session(root.path(), "first", 8, false);
    let mut run = NewRun::new(Sources {
        config: ConfigFile::None,
        ..Sources::default()
    });
    let fields = run.fields(Some(like.path())).unwrap();
    let value = |name: &str| fields.iter().find(|field| field.name == name).unwrap().value.clone();
    // What the made-up session recorded.
    assert_eq!(
        (value("epochs, stage 1"), value("seed")),
        ("2".to_owned(), "0".to_owned())
    );
    assert_eq!(value("session"), "", "a name is not shared");
    let values: Vec<String> = fields.into_iter().map(|field| field.value).collect();
    let filled = Filled::new(&run.initial, &values);
    let arguments = run.arguments(&filled, "second");
    let like_it = ["--like".into(), like.path().as_os_str().to_owned()];
    assert!(arguments.windows(2).any(|two| two == like_it), "{arguments:?}");
    assert!(!arguments.iter().any(|argument| argument == "--set"), "{arguments:?}");
    assert!(run.fields(Some(&root.path().join("none"))).is_err());
}

#[test]
fn a_drawn_dataset_that_is_gone_is_no_problem_of_a_clone() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions/example");
    let mut run = NewRun::new(Sources {
        config: ConfigFile::None,
        ..Sources::default()
    });
    let fields = run.fields(Some(&example)).unwrap();
    let mut values: Vec<String> = fields.into_iter().map(|field| field.value).collect();
    assert_eq!(run.check(&values), vec![None; FIELDS.len()]);
    let data = FIELDS.iter().position(|(_, target, _)| *target == DATA).unwrap();
    values[data].push_str("-other");
    assert!(run.check(&values)[data].is_some());
}
