//! Tests of the screens: snapshots at several sizes, and keys through the real loop.

mod browse;
mod changed_keys;
mod colours;
mod curves;
mod graphics;
mod host;
mod hostile;
mod many;
mod messages;
mod mouse;
mod new_run;
mod opening;
mod other_data;
mod screens;
mod scripts;
mod sessions;
mod sizes;
mod typing;
mod walks;
mod workbench;

/// The files of the screens may name no other part of the crate than the session, its figures, the six views, and what
/// stands below them.
#[test]
fn the_screens_know_the_engine_only_by_its_events_and_commands() {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for word in ["candle", "vlm", "engine::", "aspects::", "nn::", "config::"] {
                    let used = |line: &str| !line.trim_start().starts_with("//") && line.contains(word);
                    assert!(!text.lines().any(used), "{}: {word}", path.display());
                }
                read += 1;
            }
        }
    }
    assert!(read > 20);
}
