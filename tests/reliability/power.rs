//! Power cuts: data that was not synced is lost, cut anywhere or filled with zeros, as file systems may leave it.

use std::fs;
use std::path::Path;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustix::process::Signal;

use super::{Left, command, journal, signal, times, train, uninterrupted, workplace};

/// The end of the synced part of the journal, which is synced before each checkpoint is written.
fn safe(journal: &Path, text: &str) -> usize {
    let checkpoints = journal.with_file_name("checkpoints");
    let told = |name: &str| text.contains(&format!("checkpoints/{name}"));
    let names = fs::read_dir(checkpoints).into_iter().flatten().map(|entry| {
        let name = entry.unwrap().file_name();
        name.to_string_lossy().into_owned()
    });
    let mut whole = names.filter(|name| name.ends_with(".safetensors"));
    if whole.any(|name| !told(&name)) {
        return text.len();
    }
    let last = text.rfind("\"event\":\"checkpoint\"").unwrap_or(0);
    text[..last].rfind('\n').map_or(0, |end| end + 1)
}

/// Sets the journal back to any moment since the last sync.
fn cut(journal: &Path, rng: &mut ChaCha8Rng) {
    let Ok(mut bytes) = fs::read(journal) else { return };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let from = safe(journal, &text);
    bytes.truncate(rng.random_range(from..=text.len()));
    if rng.random_bool(0.5) {
        bytes.extend(vec![0; rng.random_range(1..4096)]);
    }
    fs::write(journal, bytes).unwrap();
}

#[test]
fn a_run_after_power_cuts_equals_the_uninterrupted_one() {
    let wanted = times("MASP_POWER_CUTS", 6);
    let folder = workplace();
    let folder = folder.path();
    let (whole, length) = uninterrupted(folder);
    let whole = whole.without_those_between();
    let mut rng = ChaCha8Rng::seed_from_u64(3407);
    let (mut cuts, mut sessions) = (0, 0);
    while cuts < wanted {
        sessions += 1;
        let name = format!("cut-{sessions}");
        loop {
            let mut child = command(folder)
                .args(train(&name, &["--headless", "--resume"]))
                .spawn()
                .unwrap();
            std::thread::sleep(length.mul_f64(rng.random_range(0.2..1.0)));
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{name}");
                break;
            }
            signal(&child, Signal::KILL);
            child.wait().unwrap();
            cut(&journal(folder, &name), &mut rng);
            cuts += 1;
        }
        let left = Left::by(folder, &name).without_those_between();
        left.assert_same(&whole, &name);
    }
    println!("{cuts} power cuts in {sessions} sessions: no difference");
}
