//! `masp compare` on two short runs of the embedded model.

use std::path::Path;

use serde_json::Value;

use super::run;

fn json(folder: &Path, line: &str) -> Value {
    serde_json::from_str(&run(folder, line)).unwrap()
}

#[test]
fn two_sessions_on_the_same_images() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, "data synth drawn --images 120 --seed 1");
    for (session, rate) in [("a", "0.001"), ("b", "0.03")] {
        let train = format!("train --data drawn --headless --session {session} --max-steps 3");
        let set = "--set train.batch_size=8 --set train.warmup_ratio=0 --set eval.max_samples=8 --set eval.panel=1";
        run(
            folder,
            &format!("{train} {set} --set train.prompt.learning_rate={rate}"),
        );
    }
    // After the last step come the images on which checkpoints are compared, then the whole split; the panel is
    // predicted once.
    let journal = std::fs::read_to_string(folder.join("sessions/a/journal.jsonl")).unwrap();
    let events: Vec<Value> = journal
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &str| -> Vec<&Value> {
        let here = |event: &&Value| event["event"] == kind && event["stage"] == "prompt";
        events.iter().filter(here).collect()
    };
    let (evaluations, looks) = (of("evaluation"), of("sample"));
    assert_eq!((evaluations.len(), looks.len()), (2, 1));
    let samples = |place: usize| evaluations[place]["samples"].as_u64().unwrap();
    assert!(samples(0) == 8 && samples(1) > 8, "{} {}", samples(0), samples(1));
    let got = json(folder, "compare a b@3 --json");
    for (session, key) in [("a", "a"), ("b", "b")] {
        let alone = json(folder, &format!("eval {session} --json"));
        assert_eq!(got["samples"], alone["samples"]);
        for figure in ["accuracy", "macro_f1", "ece"] {
            assert_eq!(got[figure][key]["value"], alone[figure], "{figure} of {session}");
        }
    }
    assert_eq!((&got["a"], &got["b"]), (&"a@last".into(), &"b@3".into()));
    let keys: Vec<&str> = got["settings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|s| s["key"].as_str())
        .collect();
    assert!(keys.contains(&"train.prompt.learning_rate"), "{keys:?}");
    let flips = got["flips"].as_array().unwrap().len() as u64;
    let test = &got["mcnemar"];
    assert_eq!(
        flips,
        test["only_first"].as_u64().unwrap() + test["only_second"].as_u64().unwrap()
    );

    let same = json(folder, "compare a a --json");
    assert_eq!(
        (&same["mcnemar"]["p_value"], same["flips"].as_array().unwrap().len()),
        (&1.0.into(), 0)
    );
    assert_eq!(same["settings"], Value::Array(Vec::new()));
    // A session without aspects opens like any other, and its model can be asked.
    let train = "train --data drawn --headless --session bare --max-steps 1 --stage prompt";
    let set = "--set aspects.views=[] --set eval.max_samples=8 --set train.batch_size=8";
    run(folder, &format!("{train} {set}"));
    assert_eq!(json(folder, "compare bare a --json")["samples"], got["samples"]);
    let picture = std::fs::read_dir(folder.join("drawn/image/awe"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let alone = json(folder, &format!("predict {} --session bare --json", picture.display()));
    assert_eq!(
        (&alone["aspects"], alone["probabilities"].as_object().unwrap().len()),
        (&serde_json::json!({}), 8)
    );
    let text = run(folder, "compare a b");
    assert!(
        text.contains("McNemar") && text.contains("train.prompt.learning_rate"),
        "{text}"
    );
}
