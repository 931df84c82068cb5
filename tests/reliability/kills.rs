//! SIGKILL at random moments, SIGTERM, and both again.

use rand::{Rng, SeedableRng};
use rustix::process::Signal;

use super::{Left, command, signal, times, train, uninterrupted, workplace};

/// A session is resumed until it is done; then it must equal the one that was never killed.
#[test]
fn a_run_killed_at_random_moments_equals_the_uninterrupted_one() {
    let wanted = times("MASP_KILLS", 20);
    let folder = workplace();
    let folder = folder.path();
    let (whole, length) = uninterrupted(folder);
    let whole = whole.without_those_between();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3407);
    let (mut kills, mut sessions, mut gentle) = (0, 0, 0);
    while kills < wanted {
        sessions += 1;
        let name = format!("killed-{sessions}");
        loop {
            let mut child = command(folder)
                .args(train(&name, &["--headless", "--resume"]))
                .spawn()
                .unwrap();
            std::thread::sleep(length.mul_f64(rng.random_range(0.0..0.9)));
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{name}");
                break;
            }
            // One in eight gets SIGTERM, and may write a checkpoint first.
            let gently = rng.random_bool(0.125);
            signal(&child, if gently { Signal::TERM } else { Signal::KILL });
            let status = child.wait().unwrap();
            if gently {
                gentle += 1;
                // SIGTERM kills a process that does not handle signals yet.
                assert!(status.success() || status.code().is_none(), "{name}: {status}");
            } else {
                kills += 1;
            }
        }
        let left = Left::by(folder, &name).without_those_between();
        left.assert_same(&whole, &name);
        std::fs::remove_dir_all(folder.join("sessions").join(&name)).unwrap();
    }
    println!("{kills} kills and {gentle} SIGTERMs in {sessions} sessions: no difference");
}

/// The writer dies between a checkpoint's rename and its line in the journal: the next process records the file.
#[test]
fn a_checkpoint_without_its_journal_line_is_resumed() {
    let folder = workplace();
    let folder = folder.path();
    let (whole, _) = uninterrupted(folder);
    let journal = super::journal(folder, "whole");
    let text = std::fs::read_to_string(&journal).unwrap();
    // The best one of stage 1: its flag must not be lost with the line.
    let end = text.find("\"best\":true}").unwrap();
    let line = text[..end].rfind('\n').unwrap() + 1;
    assert!(text[line..end].contains("\"event\":\"checkpoint\"") && text[line..end].contains("aspects"));
    std::fs::write(&journal, &text[..line]).unwrap();
    let kept: u64 = text[line..end]
        .split("\"step\":")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    for entry in std::fs::read_dir(folder.join("sessions/whole/checkpoints")).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with(format!("aspects-{kept:06}.safetensors")) {
            std::fs::remove_file(path).unwrap();
        }
    }
    let output = command(folder)
        .args(train("whole", &["--headless", "--resume"]))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Left::by(folder, "whole").assert_same(&whole, "without its line");
}
