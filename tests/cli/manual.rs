//! The completion scripts and the manual pages.

use std::fs;

use super::{masp, stdout};

#[test]
fn every_shells_completions_hold_commands_and_flags() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&masp(folder.path(), &["completions", shell]));
        for word in ["train", "sessions", "resume", "selftest"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        // clap_complete generates no values for these shells.
        let has_values = !["elvish", "powershell"].contains(&shell);
        assert_eq!(script.contains("halfblocks"), has_values, "{shell}");
    }
    let other = masp(folder.path(), &["completions", "other"]);
    assert_eq!(other.status.code(), Some(2));
}

#[test]
fn each_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let page = stdout(&masp(folder, &["man"]));
    assert!(page.contains(".TH masp 1") && page.contains("masp\\-train"), "{page}");
    for _ in 0..2 {
        stdout(&masp(folder, &["man", "pages/of/masp"]));
    }
    let page = |name: &str| fs::read_to_string(folder.join("pages/of/masp").join(name)).unwrap();
    for (name, said) in [
        ("masp.1", "workbench"),
        ("masp-train.1", "resume"),
        ("masp-sessions.1", "List, show"),
        ("masp-sessions-export.1", "what"),
        ("masp-data-synth.1", "seed"),
    ] {
        let name_of_command = name.trim_end_matches(".1");
        let text = page(name);
        assert!(
            text.contains(&format!(".TH {name_of_command} 1")) && text.contains(said),
            "{text}"
        );
    }
    fs::write(folder.join("taken"), "").unwrap();
    let refused = masp(folder, &["man", "taken"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(1) && said.contains("cannot write taken"),
        "{said}"
    );
}
