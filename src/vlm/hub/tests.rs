use std::{collections::HashMap, error::Error, fs, path::Path};

use super::{HubError, download::wanted_files, environment::Hub, model_folder, needed_files::missing_files, parse_id};

type Outcome = Result<(), Box<dyn Error>>;

fn hub(variables: &[(&str, &str)]) -> Option<Hub> {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    Hub::from_environment(|key| variables.get(key).map(|&value| value.to_owned()))
}

#[test]
fn hub_ids_and_paths_are_distinguished() {
    assert_eq!(
        parse_id("Qwen/Qwen2-VL-2B-Instruct"),
        Some(("Qwen/Qwen2-VL-2B-Instruct", "main"))
    );
    assert_eq!(parse_id("a/b@refs/pr/3"), Some(("a/b", "refs/pr/3")));
    for path in [
        "model", "./a/b", "/a/b", "a/b/c", "../a", "~/a", "a/", "a/b@", "a/../b", "a/b@../c", "a b/c",
    ] {
        assert_eq!(parse_id(path), None, "{path}");
    }
    let fault = model_folder("./no such model", &mut |_| ())
        .err()
        .map(|fault| fault.to_string());
    assert!(fault.is_some_and(|fault| fault.contains("./no such model") && fault.contains("hub id")));
}

#[test]
fn the_usual_environment_variables_are_read() -> Outcome {
    assert_eq!(hub(&[]), None);
    let home = tempfile::tempdir()?;
    let home_text = home.path().to_str().ok_or("a path that is not UTF-8")?;
    let plain = hub(&[("HOME", home_text)]).ok_or("no cache")?;
    assert_eq!(plain.cache, home.path().join(".cache/huggingface/hub"));
    assert_eq!(
        (plain.token, plain.offline, plain.endpoint.as_str()),
        (None, false, "https://huggingface.co")
    );

    fs::write(home.path().join("token"), "saved\n")?;
    let set = hub(&[
        ("HF_HOME", home_text),
        ("HOME", "/x"),
        ("HF_HUB_OFFLINE", "true"),
        ("HF_ENDPOINT", "http://m/"),
    ]);
    let set = set.ok_or("no cache")?;
    assert_eq!(set.cache, home.path().join("hub"));
    assert_eq!(
        (set.token.as_deref(), set.offline, set.endpoint.as_str()),
        (Some("saved"), true, "http://m")
    );
    let set = hub(&[
        ("HF_HOME", home_text),
        ("HF_HUB_CACHE", "/c"),
        ("HF_TOKEN", "t"),
        ("HF_HUB_OFFLINE", "0"),
    ]);
    let set = set.ok_or("no cache")?;
    assert_eq!(
        (set.cache.as_path(), set.token.as_deref(), set.offline),
        (Path::new("/c"), Some("t"), false)
    );
    Ok(())
}

#[test]
fn a_complete_cache_needs_no_network_and_an_incomplete_one_names_missing_files() -> Outcome {
    let home = tempfile::tempdir()?;
    let hub = Hub {
        cache: home.path().to_owned(),
        endpoint: "http://127.0.0.1:1".to_owned(),
        token: None,
        offline: true,
    };
    let resolve = |hub: &Hub, id: &str| hub.model(id, "main", &mut |_| ());
    assert!(resolve(&hub, "a/b").is_err_and(|fault| fault.to_string().contains("HF_HUB_OFFLINE")));

    let repo = home.path().join("models--a--b");
    let folder = repo.join("snapshots/0123");
    fs::create_dir_all(&folder)?;
    fs::create_dir_all(repo.join("refs"))?;
    fs::write(repo.join("refs/main"), "0123")?;
    for file in ["config.json", "tokenizer.json", "preprocessor_config.json"] {
        fs::write(folder.join(file), "{}")?;
    }
    assert_eq!(missing_files(&folder), ["model.safetensors"]);
    let index = r#"{"weight_map": {"x": "s-1.safetensors", "y": "s-2.safetensors"}}"#;
    fs::write(folder.join("model.safetensors.index.json"), index)?;
    fs::write(folder.join("s-1.safetensors"), "")?;
    match resolve(&hub, "a/b") {
        Err(HubError::Offline { missing, .. }) => assert_eq!(missing, ["s-2.safetensors"]),
        other => return Err(format!("{other:?}").into()),
    }
    fs::write(folder.join("s-2.safetensors"), "")?;
    assert_eq!(resolve(&hub, "a/b")?, folder);

    // Nothing listens at this address: the message says what to do, and no files remain.
    let online = Hub { offline: false, ..hub };
    let fault = resolve(&online, "c/d").err().ok_or("it was downloaded")?;
    assert!(matches!(fault, HubError::Download { .. }), "{fault}");
    let text = fault.to_string();
    assert!(
        text.contains("c/d") && text.contains("127.0.0.1") && text.contains("give its path"),
        "{text}"
    );
    assert!(!home.path().join("models--c--d").exists());
    assert_eq!(resolve(&online, "a/b")?, folder);
    Ok(())
}

#[test]
fn only_needed_files_are_downloaded() -> Outcome {
    let common = [
        "README.md",
        "config.json",
        "tokenizer.json",
        "preprocessor_config.json",
        "merges.txt",
    ];
    let listed = common
        .into_iter()
        .chain(["generation_config.json", "model.safetensors.index.json"])
        .collect();
    let wanted = wanted_files("a/b", &listed)?;
    assert_eq!(
        wanted,
        [
            "generation_config.json",
            "preprocessor_config.json",
            "config.json",
            "tokenizer.json",
            "model.safetensors.index.json"
        ]
    );
    for (listed, said) in [
        (vec!["config.json", "pytorch_model.bin"], "pickles"),
        (
            vec!["adapter_config.json", "adapter_model.safetensors", "tokenizer.json"],
            "merge it",
        ),
        (vec!["README.md", "model-Q4_K_M.gguf"], "GGUF"),
        (vec!["config.json", "model.safetensors"], "tokenizer.json"),
        (vec!["config.json", "tokenizer.json"], "model.safetensors"),
    ] {
        let fault = wanted_files("a/b", &listed.into_iter().collect())
            .err()
            .ok_or("it was accepted")?;
        assert!(fault.to_string().contains(said), "{fault}");
    }
    // Without an index, the shards' names tell whether the set is complete.
    let set = ["m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"];
    let listed = ["config.json", "tokenizer.json"].into_iter().chain(set).collect();
    assert_eq!(wanted_files("a/b", &listed)?[2..], set);
    Ok(())
}

#[test]
fn a_file_in_place_of_a_folder_is_described() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.gguf");
    fs::write(&path, "GGUF")?;
    let fault = model_folder(path.to_str().ok_or("no text")?, &mut |_| ())
        .err()
        .ok_or("it was found")?;
    assert!(fault.to_string().contains("is a file: its weights are GGUF"), "{fault}");
    Ok(())
}
