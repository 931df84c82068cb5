use std::{collections::BTreeSet, path::PathBuf};

use serde_json::{Value, json};

use super::{allowed::Allowed, *};
use crate::{
    data::View,
    keymap::Action,
    session::Stage,
    theme::{Paint, Role},
};

/// A config file alone.
fn named(path: impl Into<PathBuf>) -> Sources {
    Sources {
        config: ConfigFile::Named(path.into()),
        ..Sources::default()
    }
}

/// A record alone.
fn recorded(settings: Value) -> Sources {
    Sources {
        record: Some(Record {
            name: "the record".to_owned(),
            settings,
        }),
        config: ConfigFile::None,
        ..Sources::default()
    }
}

/// Loads a config file of this text, in a folder of its own.
fn load_file(text: &str) -> Result<Loaded, ConfigError> {
    load_with(text, |_| {})
}

fn load_with(text: &str, change: impl FnOnce(&mut Sources)) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.yaml");
    std::fs::write(&path, text).unwrap();
    let mut sources = named(path);
    change(&mut sources);
    load(sources)
}

fn load_set(set: &[&str]) -> Result<Loaded, ConfigError> {
    load(Sources {
        config: ConfigFile::None,
        set: set.iter().map(|&text| text.to_owned()).collect(),
        ..Sources::default()
    })
}

/// The message, which must be a usage error's and hold all the parts.
fn assert_refused(result: Result<Loaded, ConfigError>, parts: &[&str]) {
    let error = result.unwrap_err();
    assert!(error.is_usage(), "{error}");
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

/// The paths of everything that is not a mapping with entries.
fn leaves(path: &str, value: &Value, into: &mut BTreeSet<String>) {
    match value.as_object() {
        Some(map) if !map.is_empty() => {
            for (key, value) in map {
                leaves(
                    &if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    },
                    value,
                    into,
                );
            }
        }
        _ => _ = into.insert(path.to_owned()),
    }
}

#[test]
fn the_shipped_file_says_every_default_and_nothing_else() {
    let Loaded { settings, notices } = load(named("config.yaml")).unwrap();
    assert_eq!((settings, notices), (Settings::default(), Vec::new()));

    let (mut in_file, mut defaults) = (BTreeSet::new(), BTreeSet::new());
    leaves(
        "",
        &yaml::parse(&std::fs::read_to_string("config.yaml").unwrap()).unwrap(),
        &mut in_file,
    );
    leaves("", &serde_json::to_value(Settings::default()).unwrap(), &mut defaults);
    assert_eq!(in_file, defaults);
}

#[test]
fn the_papers_values_are_the_defaults() {
    let train = Settings::default().train;
    let (aspects, prompt) = (train.stage(Stage::Aspects), train.stage(Stage::Prompt));
    assert_eq!((aspects.learning_rate, aspects.epochs), (1e-5, 3));
    assert_eq!((prompt.learning_rate, prompt.epochs), (5e-6, 1));
    for stage in [aspects, prompt] {
        assert_eq!(
            (stage.warmup_ratio, stage.weight_decay, stage.max_grad_norm),
            (0.03, 0.01, 1.0)
        );
        assert_eq!((stage.batch_size, stage.seed, stage.max_steps), (1, 3407, None));
    }
}

/// Every key of the schema takes a value that it allows, and the settings have a field for it.
#[test]
fn schema_and_settings_agree() {
    let mut fields = BTreeSet::new();
    leaves("", &serde_json::to_value(Settings::default()).unwrap(), &mut fields);
    for (path, key) in schema::KEYS.iter() {
        let values = match key.allowed {
            // Keys that no action has, so that none is taken from another.
            Allowed::Keys => vec!["alt-k".to_owned(), "[alt-k, alt-l]".to_owned()],
            Allowed::Color => vec!["cyan".to_owned(), "208".to_owned()],
            Allowed::OneOf(names) => names.iter().map(|name| (*name).to_owned()).collect(),
            Allowed::Switch => vec!["true".to_owned()],
            Allowed::Views => vec!["[scene]".to_owned()],
            Allowed::Text | Allowed::Path | Allowed::Model => {
                vec!["7".to_owned()]
            }
            _ => vec![if key.accepts(&json!(1)) { "1" } else { "0" }.to_owned()],
        };
        for value in values {
            let loaded = load_set(&[&format!("{path}={value}")]);
            assert!(loaded.is_ok(), "{path}={value}: {}", loaded.unwrap_err());
        }
        if key.optional {
            assert!(load_set(&[&format!("{path}=null")]).is_ok(), "{path}=null");
        }
        fields.remove(path);
    }
    for names in ["train.aspects", "tui.keys"] {
        fields.remove(names);
    }
    assert!(fields.is_empty(), "no key sets {fields:?}");
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest() {
    assert_refused(
        load_file("# hm\ntrain:\n  learning_rat: 1e-4\n"),
        &["my.yaml, line 3", "`train.learning_rat`", "`train.learning_rate`"],
    );
    assert_refused(load_file("trian: {seed: 1}\n"), &["line 1", "`trian`", "`train`"]);
    assert_refused(
        load_file("\nlearning_rate: 1e-4\n"),
        &["line 2", "`train.learning_rate`"],
    );
    assert_refused(
        load_file("train:\n  prompt: {seed: 1,\n    epoch: 2}\n"),
        &["line 3", "`train.prompt.epochs`"],
    );
    assert_refused(load_set(&["modl.path=x"]), &["--set modl.path=x", "`model.path`"]);
}

#[test]
fn a_wrong_value_is_named_with_its_line_and_what_is_allowed() {
    let cases = [
        ("train:\n  learning_rate: -1\n", "line 2", "-1", "above 0"),
        ("train:\n  learning_rate: fast\n", "line 2", "\"fast\"", "above 0"),
        ("train:\n  learning_rate: .inf\n", "line 2", "inf", "above 0"),
        (
            "train:\n  aspects:\n    warmup_ratio: 1.5\n",
            "line 3",
            "1.5",
            "from 0 to 1",
        ),
        ("train: {batch_size: 2.5}", "line 1", "2.5", "whole number"),
        ("train:\n  seed:\n", "line 2", "null", "whole number"),
        ("train:\n  bf16: 1\n", "line 2", "1", "true or false"),
        (
            "train:\n  lr_scheduler_type: polynomial\n",
            "line 2",
            "polynomial",
            "linear, cosine",
        ),
        ("train: 3\n", "line 1", "3", "section"),
        (
            "aspects:\n  views:\n  - scene\n  - sky\n",
            "line 2",
            "sky",
            "facial_expression",
        ),
        ("aspects:\n  views: [scene, scene]\n", "line 2", "scene", "twice"),
        ("data:\n  val_fraction: 1\n", "line 2", "1", "below 1"),
        ("model:\n  max_pixels: 100\n  min_pixels: 200\n", "line 2", "100", "200"),
        ("tui:\n  images: \"\\e[2J\"\n", "line 2", "images", "halfblocks"),
    ];
    for (text, line, value, allowed) in cases {
        assert_refused(load_file(text), &["my.yaml", line, value, allowed]);
        assert!(
            !load_file(text).unwrap_err().to_string().contains(char::is_control),
            "{text}"
        );
    }
    assert_refused(load_set(&["train.epochs=0"]), &["--set train.epochs=0", "from 1 to"]);
}

/// What would only run out of memory, or away from all finite numbers, is refused with the range; a session that was recorded
/// with it still opens.
#[test]
fn absurd_sizes_and_rates_are_refused_with_their_range() {
    for (key, value, range) in [
        ("train.learning_rate", "1e39", "above 0, at most 1"),
        ("train.prompt.learning_rate", "1.5", "above 0, at most 1"),
        ("train.weight_decay", "2", "from 0 to 1"),
        ("train.batch_size", "100000000", "from 1 to 65536"),
        ("train.gradient_accumulation_steps", "100000000", "from 1 to 65536"),
        ("train.aspects.epochs", "18446744073709551615", "from 1 to 1000000000"),
        ("train.max_steps", "18446744073709551615", "from 1 to 1000000000"),
        ("train.num_special_tokens_in_prefix", "1000000", "from 1 to 4096"),
        ("prompt.tokens", "1000000", "from 1 to 4096"),
        ("aspects.queries", "1000000", "from 1 to 1024"),
        ("test.batch_size", "1000000000", "from 1 to 65536"),
        ("test.max_new_tokens", "1000000000000", "from 1 to 4096"),
        ("test.temperature", "1e39", "from 0 to 100"),
        ("model.max_pixels", "1000000000000", "from 1 to 200000000"),
        ("data.cache_mb", "18446744073709551615", "from 0 to 1073741824"),
    ] {
        assert_refused(load_set(&[&format!("{key}={value}")]), &[key, range]);
        if key.contains("num_special") {
            continue;
        }
        let value: Value = serde_json::from_str(value).unwrap();
        let settings = key.rsplit('.').fold(value, |inner, part| json!({ part: inner }));
        let loaded = load(recorded(settings));
        assert!(loaded.is_ok(), "{key}: {}", loaded.unwrap_err());
    }
}

#[test]
fn keys_and_colours_are_taken_as_people_write_them() {
    let text =
        "tui:\n  keys: {pause: x, quit: [Q, ctrl-q], train_screen: 9}\n  colors: {accent: 208, bad: \"#ff0000\"}\n";
    let tui = load_file(text).unwrap().settings.tui;
    let names = |action: &str| -> Vec<String> {
        let action = Action::try_from(action.to_owned()).unwrap();
        tui.keys[&action].iter().map(|key| key.name()).collect()
    };
    assert_eq!(names("pause"), ["x"]);
    assert_eq!(names("quit"), ["Q", "ctrl-q"]);
    assert_eq!(names("train_screen"), ["9"]);
    assert_eq!(
        tui.colors.roles.into_iter().collect::<Vec<_>>(),
        [
            (Role::Accent, Paint::named("208").unwrap()),
            (Role::Bad, Paint::named("#ff0000").unwrap())
        ]
    );
    for key in ["#", ">", "?", "[", "5", "~"] {
        let set = format!("tui.keys.pause={key}");
        // None of them but `>`, `?` and `[` has an action on the Train screen.
        match load_set(&[&set]) {
            Ok(loaded) => assert_eq!(loaded.settings.tui.keys[0][0].name(), key),
            Err(error) => assert!(matches!(error, ConfigError::KeyTaken { .. }), "{error}"),
        }
    }
}

#[test]
fn a_wrong_key_or_colour_is_named_with_its_line() {
    let cases: [(&str, &[&str]); 7] = [
        (
            "tui:\n  keys:\n    paus: x\n",
            &["line 3", "`tui.keys.paus`", "`tui.keys.pause`"],
        ),
        ("tui:\n  keys: {pause: hyper-x}\n", &["line 2", "hyper-x", "ctrl-p"]),
        (
            "tui:\n  keys: {pause: []}\n",
            &["line 2", "`tui.keys.pause`", "a key or a list"],
        ),
        (
            "tui:\n  colors:\n    acent: cyan\n",
            &["line 3", "`tui.colors.acent`", "`tui.colors.accent`"],
        ),
        ("tui:\n  colors: {bad: sky}\n", &["line 2", "\"sky\"", "#rrggbb"]),
        (
            "tui:\n  colors: {theme: grey}\n",
            &["line 2", "grey", "auto, dark, light"],
        ),
        (
            "tui:\n  keys:\n    pause: e\n",
            &["line 3", "`tui.keys.pause` is e", "`evaluate`", "Train screen"],
        ),
    ];
    for (text, parts) in cases {
        assert_refused(load_file(text), parts);
    }
    // Where both were changed, the later one is to blame.
    assert_refused(
        load_file("tui:\n  keys:\n    evaluate: x\n    pause: x\n"),
        &["line 4", "`tui.keys.pause` is x", "`evaluate`"],
    );
}

#[test]
fn a_users_own_file_holds_in_every_project_for_the_screens_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (user, project) = (folder.path().join("user.yaml"), folder.path().join("config.yaml"));
    let both = || {
        load(Sources {
            user: Some(user.clone()),
            config: ConfigFile::IfPresent(project.clone()),
            ..Sources::default()
        })
    };
    std::fs::write(
        &user,
        "tui: {fps: 20, keys: {pause: x, quit: Q}, colors: {accent: cyan}}",
    )
    .unwrap();
    std::fs::write(&project, "tui: {keys: {pause: X}}\ntrain: {epochs: 3}").unwrap();
    let settings = both().unwrap().settings;
    let keys = |name: &str| settings.tui.keys[&Action::try_from(name.to_owned()).unwrap()][0].name();
    assert_eq!([keys("pause"), keys("quit")], ["X", "Q"]);
    assert_eq!((settings.tui.fps, settings.tui.colors.roles.len()), (20, 1));
    // What the project says of its runs means what it means without the user's file.
    assert_eq!(settings.train.stage(Stage::Prompt).epochs, 3);

    std::fs::copy("config.yaml", &project).unwrap();
    assert_eq!(both().unwrap().settings.tui.fps, 20, "the shipped file undoes nothing");

    std::fs::write(&project, "tui: {keys: {evaluate: x}}").unwrap();
    assert_refused(both(), &["config.yaml, line 1", "`tui.keys.evaluate` is x", "`pause`"]);

    std::fs::write(&user, "tui: {fps: 20}\ntrain: {seed: 1}").unwrap();
    assert_refused(both(), &["user.yaml, line 2", "`train`", "`tui` alone"]);
    std::fs::remove_file(&user).unwrap();
    assert_eq!(both().unwrap().settings.tui.fps, 10);
}

#[test]
fn the_shipped_file_names_every_role() {
    let shipped = std::fs::read_to_string("config.yaml").unwrap();
    for role in Role::ALL {
        assert!(shipped.contains(role.name()), "{}", role.name());
    }
}

#[test]
fn a_file_that_is_no_yaml_missing_or_unreadable() {
    assert_refused(load_file("train:\n  seed: [1\n"), &["my.yaml, line", "YAML"]);
    assert_refused(
        load_file("train:\n  seed: 1\n  seed: 2\n"),
        &["my.yaml, line 3", "second time"],
    );
    assert_refused(load_file("just a text"), &["section"]);
    assert_refused(load_set(&["train.seed"]), &["--set train.seed", "KEY=VALUE"]);
    assert_refused(load(named("no/such.yaml")), &["no/such.yaml"]);
    let absent = Sources {
        config: ConfigFile::IfPresent("no/such.yaml".into()),
        ..Sources::default()
    };
    assert_eq!(load(absent).unwrap().settings, Settings::default());
    assert!(!load(named("src")).unwrap_err().is_usage());
    assert_eq!(load_file("").unwrap().settings, Settings::default());
}

#[test]
fn how_screens_look_hinders_no_command_where_it_cannot_be_read() {
    let sources = Sources {
        user: Some("src".into()),
        config: ConfigFile::None,
        ..Sources::default()
    };
    let loaded = load(sources).unwrap();
    assert_eq!(loaded.settings, Settings::default());
    assert!(
        matches!(&loaded.notices[..], [told] if told.contains("src") && told.contains("not a regular file")),
        "{:?}",
        loaded.notices
    );
}

#[test]
fn flags_beat_set_beats_file_beats_record_beats_defaults() {
    let record = json!({"train": {"seed": 1, "batch_size": 1, "logging_steps": 1, "epochs": 1},
        "session": {"root": "/elsewhere"}, "tui": {"fps": 1}});
    let loaded = load_with("train: {batch_size: 2, logging_steps: 2, epochs: 2}", |sources| {
        sources.record = recorded(record).record;
        sources.set = vec!["train.logging_steps=3".to_owned(), "train.epochs=3".to_owned()];
        sources.flags = vec![Flag {
            flag: "--epochs",
            key: "train.epochs",
            value: json!(4),
        }];
    });
    let settings = loaded.unwrap().settings;
    let train = &settings.train;
    assert_eq!(
        (train.seed, train.batch_size, train.logging_steps, train.epochs),
        (1, 2, 3, 4)
    );
    assert_eq!(train.warmup_ratio, 0.03);
    assert_eq!((settings.session, settings.tui), Default::default());
}

#[test]
fn the_shipped_file_in_the_current_folder_leaves_a_record_as_it_was() {
    let record = json!({"prompt": {"tokens": 8}, "train": {"max_grad_norm": 2, "prompt": {"epochs": 7}}});
    let sources = |config| Sources {
        config,
        ..recorded(record.clone())
    };
    let unasked = load(sources(ConfigFile::default())).unwrap().settings;
    assert_eq!((unasked.prompt.tokens, unasked.train.max_grad_norm), (8, 2.0));
    assert_eq!(unasked.train.stage(Stage::Prompt).epochs, 7);
    let named = load(sources(ConfigFile::Named("config.yaml".into()))).unwrap().settings;
    assert_eq!(named, Settings::default());
}

#[test]
fn a_record_gives_the_settings_again() {
    let set = [
        "data.root=a",
        "train.aspects.optim=adamw_torch",
        "train.prompt.max_steps=4",
        "model.path=Qwen/Qwen2-VL",
    ];
    let settings = load_set(&set).unwrap().settings;
    let again = load(recorded(settings.to_record())).unwrap();
    assert!(again.settings.data.root.as_ref().is_some_and(|root| root.is_absolute()));
    assert_eq!(again.settings.model, settings.model);
    assert_eq!(again.settings.train, settings.train);
}

#[test]
fn a_stages_override_yields_to_a_stronger_source_for_both() {
    let file = "train:\n  epochs: 9\n  prompt: {epochs: 2, seed: 5}\n";
    let train = load_file(file).unwrap().settings.train;
    assert_eq!(
        (train.stage(Stage::Aspects).epochs, train.stage(Stage::Prompt).epochs),
        (9, 2)
    );
    let train = load_with(file, |sources| sources.set = vec!["train.epochs=4".to_owned()])
        .unwrap()
        .settings
        .train;
    assert_eq!(
        (train.stage(Stage::Aspects).epochs, train.stage(Stage::Prompt).epochs),
        (4, 4)
    );
    assert_eq!(train.stage(Stage::Prompt).seed, 5);
    let train = load_set(&["train.learning_rate=1e-3"]).unwrap().settings.train;
    assert_eq!(train.stage(Stage::Prompt).learning_rate, 1e-3);
}

#[test]
fn aliases_say_what_their_keys_say() {
    assert_eq!(
        load_set(&["train.num_special_tokens_in_prefix=16"])
            .unwrap()
            .settings
            .prompt
            .tokens,
        16
    );
    assert!(load_file("train: {num_special_tokens_in_prefix: 16}\nprompt: {tokens: 16}").is_ok());
    assert_refused(
        load_file("train:\n  num_special_tokens_in_prefix: 16\nprompt:\n  tokens: 8\n"),
        &[
            "line 2",
            "num_special_tokens_in_prefix",
            "16",
            "`prompt.tokens: 8`",
            "line 4",
        ],
    );
    let dtypes = [
        ("train: {bf16: true}", Dtype::Bf16),
        ("train: {bf16: true, fp16: false}\nmodel: {dtype: auto}", Dtype::Bf16),
        ("train: {fp16: true, bf16: false}", Dtype::F16),
        ("train: {fp16: false, bf16: false}", Dtype::F32),
        ("train: {fp16: false}", Dtype::Auto),
        ("train: {fp16: false}\nmodel: {dtype: bf16}", Dtype::Bf16),
    ];
    for (text, dtype) in dtypes {
        assert_eq!(load_file(text).unwrap().settings.model.dtype, dtype, "{text}");
    }
    for text in [
        "train: {bf16: true, fp16: true}",
        "train: {bf16: true}\nmodel: {dtype: f32}",
        "train: {bf16: false}\nmodel: {dtype: bf16}",
    ] {
        assert_refused(load_file(text), &["line 1", "16"]);
    }
    // In a stronger source an alias is no contradiction.
    let loaded = load_with("model: {dtype: bf16}", |sources| {
        sources.set = vec!["train.bf16=false".to_owned()];
    });
    assert_eq!(loaded.unwrap().settings.model.dtype, Dtype::F32);
}

#[test]
fn what_cannot_be_honoured_is_said_once() {
    let loaded = load_file("train:\n  optim: adamw_8bit\n  remove_unused_columns: true\n").unwrap();
    assert_eq!(loaded.settings, Settings::default());
    let [optim, columns] = &loaded.notices[..] else {
        panic!("{:?}", loaded.notices)
    };
    assert!(
        optim.contains("line 2") && optim.contains("adamw_8bit") && optim.contains("adamw_torch"),
        "{optim}"
    );
    assert!(
        columns.contains("line 3") && columns.contains("remove_unused_columns"),
        "{columns}"
    );
    let quiet = load_with("train: {optim: sgd, remove_unused_columns: true}", |sources| {
        sources.set = vec![
            "train.optim=adamw_torch_fused".to_owned(),
            "train.remove_unused_columns=false".to_owned(),
        ];
    });
    assert_eq!(quiet.unwrap().notices, Vec::<String>::new());
}

#[test]
fn paths_are_relative_to_the_file_and_values_after_set_are_texts_where_texts_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.yaml");
    std::fs::write(&path, "data: {root: sets/a, prompts: /p.txt}\nmodel: {path: ./m}\n").unwrap();
    let settings = load(named(path)).unwrap().settings;
    assert_eq!(settings.data.root, Some(folder.path().join("sets/a")));
    assert_eq!(settings.data.prompts, Some("/p.txt".into()));
    assert_eq!(
        settings.model.path,
        Some(folder.path().join("./m").to_string_lossy().into_owned())
    );

    let settings = load_set(&[
        "session.name=12",
        "data.root=@odd",
        "aspects.views=[scene, object]",
        "model.path=",
    ]);
    let settings = settings.unwrap().settings;
    assert_eq!(settings.session.name.as_deref(), Some("12"));
    assert_eq!(settings.data.root, Some("@odd".into()));
    assert_eq!(settings.aspects.views, [View::Scene, View::Object]);
    assert_eq!(settings.model.path, None);
}

#[test]
fn a_prompt_may_be_trained_without_aspects() {
    let settings = load_set(&["aspects.views=[]"]).unwrap().settings;
    assert_eq!(settings.aspects.views, []);
}
