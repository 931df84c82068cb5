//! The Train screen on a made-up run, to look at without a model: `cargo run --example train_screen [-- SECONDS_A_STEP]`.

extern crate masp;

#[path = "../src/made_up/mod.rs"]
mod made_up;

use std::{thread, time::Duration};

use crossbeam_channel::unbounded;
use masp::{
    session::{Command, CommandRecord, Ended, Event, Record},
    tui::{Viewer, run},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pause = std::env::args()
        .nth(1)
        .map_or(Ok(0.02), |seconds| seconds.parse::<f64>())?;
    let folder = tempfile::tempdir()?;
    made_up::write_samples(folder.path())?;
    let ((sender, records), (commands, told)) = (unbounded(), unbounded());
    thread::spawn(move || {
        let (mut seq, mut paused) = (0, false);
        let mut time = 1.7e9;
        let mut say = |event, time| {
            seq += 1;
            sender.send(Record::new(seq - 1, time, event)).is_ok()
        };
        for record in made_up::records(900) {
            let is_step = matches!(record.event, Event::Step(_) | Event::Phase(_));
            let wait = if matches!(record.event, Event::Phase(_)) {
                0.3
            } else {
                pause
            };
            if is_step {
                thread::sleep(Duration::from_secs_f64(wait));
            }
            while let Some(command) = if paused { told.recv().ok() } else { told.try_recv().ok() } {
                paused = match command {
                    Command::Pause => true,
                    Command::Stop { .. } => {
                        say(
                            Event::Ended(Ended {
                                reason: "stopped".to_owned(),
                            }),
                            time,
                        );
                        return;
                    }
                    Command::Resume => false,
                    _ => paused,
                };
                say(
                    Event::Command(CommandRecord {
                        command,
                        stage: None,
                        step: 0,
                    }),
                    time,
                );
            }
            time += if is_step { wait } else { 0.0 };
            if !say(record.event, time) {
                return;
            }
        }
    });
    let mut viewer = Viewer::new(folder.path().to_owned(), "made-up");
    viewer.link.records = Some(records);
    viewer.link.commands = Some(commands);
    viewer.owns_run = true;
    println!("{:?}", run(viewer)?);
    Ok(())
}
