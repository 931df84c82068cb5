use super::*;
use crate::session::SessionFolder;

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
struct Desk {
    run: NewRun,
    values: Vec<String>,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut run = NewRun::new(sources(text, folder.path()));
        let values = run.fields().unwrap().into_iter().map(|field| field.value).collect();
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
        let filled = Filled::new(&self.run.begun, &self.values);
        let arguments = self.run.arguments(&filled, "s").into_iter();
        arguments.map(|argument| argument.into_string().unwrap()).collect()
    }
}

#[test]
fn the_form_begins_with_the_settings_that_hold_here() {
    let desk = Desk::new("train: {seed: 7, aspects: {learning_rate: 0.003, batch_size: 4}}\ndata: {root: sets/a}\n");
    assert_eq!(
        (desk.value("seed"), desk.value("stage"), desk.value("device")),
        ("7", "both", "auto")
    );
    assert_eq!(
        (desk.value("rate, stage 1"), desk.value("rate, stage 2")),
        ("3e-3", "5e-6")
    );
    assert_eq!(
        (desk.value("epochs, stage 1"), desk.value("epochs, stage 2")),
        ("3", "1")
    );
    assert!(desk.value("data folder").ends_with("sets/a"));
    assert_eq!(desk.value("batch size"), "", "the stages differ");
    // Nothing was changed: the run is what the settings say.
    let config = desk.folder.path().join("config.yaml").display().to_string();
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
    assert_eq!(desk.arguments(), expected);
}

#[test]
fn what_was_changed_becomes_the_strongest_settings() {
    let mut desk = Desk::new("train: {prompt: {batch_size: 4}}\n");
    for (name, value) in [
        ("batch size", "8"),
        ("max steps", "20"),
        ("stage", "aspects"),
        ("aspects from", "a b.pth"),
    ] {
        desk.put(name, value);
    }
    let arguments = desk.arguments().join("|");
    for part in [
        "--set|train.batch_size=8",
        "--set|train.max_steps=20",
        "--stage|aspects",
        "--init-aspects|a b.pth",
    ] {
        assert!(arguments.contains(part), "{part}: {arguments}");
    }
    let settings = desk.run.settings(&Filled::new(&desk.run.begun, &desk.values)).unwrap();
    assert_eq!(settings.train.stage(Stage::Prompt).batch_size, 8);
    assert_eq!(settings.train.stage(Stage::Aspects).max_steps, Some(20));
}

#[test]
fn each_field_is_checked_as_the_config_is() {
    let mut desk = Desk::new("session: {root: runs}\n");
    assert_eq!(desk.problem("data folder"), "name the dataset's folder");
    let here = class_folders(desk.folder.path());
    desk.put("data folder", &here);
    assert!(desk.run.check(&desk.values).iter().all(Option::is_none));
    let root = desk.folder.path().join("runs");
    SessionFolder::create(&root, "taken").unwrap();
    for (name, wrong, says, right) in [
        ("session", "a/b", "no session name", "fresh"),
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
        desk.put(name, wrong);
        let problem = desk.problem(name);
        assert!(
            problem.contains(says) && problem.is_empty() == says.is_empty(),
            "{name}: {problem}"
        );
        desk.put(name, right);
        assert_eq!(desk.problem(name), "", "{name}: {right}");
    }
    desk.put("stage", "prompt");
    assert!(desk.problem("aspects from").contains("stage 2 needs aspect modules"));
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
    let mut desk = Desk::new("");
    let flat = desk.folder.path().join("flat");
    std::fs::create_dir(&flat).unwrap();
    for name in ["amusement_0001.jpg", "fear_0002.jpg"] {
        std::fs::write(flat.join(name), "a picture by its name").unwrap();
    }
    let (sets, flat) = (class_folders(desk.folder.path()), flat.display().to_string());
    desk.put("data folder", &flat);
    desk.put("dataset", "emo-set");
    let problem = desk.problem("dataset");
    assert!(
        problem.starts_with("the data folder is not laid out as EmoSet is but as ArtPhoto"),
        "{problem}"
    );
    assert_eq!(desk.problem("data folder"), "", "the name is what is wrong");
    for (name, folder) in [("ArtPhoto", &flat), ("", &flat), ("", &sets), ("EmoSet", &sets)] {
        desk.put("data folder", folder);
        desk.put("dataset", name);
        let problems = [desk.problem("data folder"), desk.problem("dataset")];
        assert_eq!(problems, [const { String::new() }; 2], "{name} in {folder}");
    }
    // The dataset name from the settings is checked against the folder too.
    let mut named = Desk::new("data: {dataname: EmoSet}\n");
    named.put("data folder", &flat);
    assert!(named.problem("dataset").contains("not laid out as EmoSet is"));
}

#[test]
fn a_folder_that_is_no_dataset_is_refused_whatever_it_is_called() {
    let mut desk = Desk::new("");
    let empty = desk.folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    desk.put("data folder", &empty.display().to_string());
    for name in ["", "ArtPhoto"] {
        desk.put("dataset", name);
        let problem = desk.problem("data folder");
        assert!(
            problem.starts_with("no dataset that is known here") && !problem.contains("--data "),
            "{problem}"
        );
        assert_eq!(desk.problem("dataset"), "", "{name}");
    }
}

#[test]
fn an_unknown_dataset_is_refused_with_the_nearest_known_one() {
    let mut desk = Desk::new("");
    for (typed, nearest) in [
        ("EmoSte", "EmoSet"),
        ("emotion 66", "Emotion6"),
        ("artphotos", "ArtPhoto"),
    ] {
        desk.put("dataset", typed);
        let problem = desk.problem("dataset");
        assert!(
            problem.contains(nearest) && problem.contains("no known dataset"),
            "{problem}"
        );
    }
    for typed in ["emo-set", "EMOTION6", ""] {
        desk.put("dataset", typed);
        assert_eq!(desk.problem("dataset"), "", "{typed}");
    }
    // A name from config.yaml counts as intended.
    assert_eq!(Desk::new("data: {dataname: my own}\n").problem("dataset"), "");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let mut desk = Desk::new("");
    for (name, wrong) in [("session", "a/b"), ("data folder", "/none/such"), ("model", "./none")] {
        desk.put(name, wrong);
    }
    desk.put("dataset", "pets");
    desk.put("epochs, stage 1", "0");
    desk.put("seed", "1.5");
    for (name, says) in [
        ("session", "no session name"),
        ("data folder", "no such folder"),
        ("dataset", "no known dataset"),
        ("model", "neither a folder"),
        ("epochs, stage 1", "a whole number from 1"),
        ("seed", "a whole number"),
    ] {
        let problem = desk.problem(name);
        assert!(problem.contains(says), "{name}: {problem}");
    }
}

#[test]
fn without_aspects_only_stage_2_can_be_trained() {
    let mut desk = Desk::new("aspects: {views: []}\n");
    assert!(desk.problem("stage").contains("aspects.views is empty"));
    desk.put("stage", "prompt");
    assert_eq!(
        (desk.problem("stage"), desk.problem("aspects from")),
        Default::default()
    );
}

#[test]
fn wrong_settings_are_said_in_the_forms_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = NewRun::new(sources("train: {sed: 1}\n", folder.path()));
    let reason = run.fields().unwrap_err();
    assert!(reason.contains("line 1") && reason.contains("train.seed"), "{reason}");
}
