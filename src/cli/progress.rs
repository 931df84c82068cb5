//! Shows a run without a screen on stderr: a bar on a terminal, else plain lines.

mod lines;
mod run_bar;

use crossbeam_channel::Receiver;

use super::detach::is_detached;
use super::phases::bars_can_be_shown;
use super::say::LossyLines;
use crate::session::{Ended, Event, Record};
use lines::{Line, RunLines};
use run_bar::RunBar;

pub(super) use lines::duration;

/// Reports a run until it ends or its channel is closed, and returns how it ended. On a terminal the steps move a bar;
/// elsewhere every `logging_steps`th step prints a line.
pub fn follow(records: Receiver<Record>, logging_steps: u64) -> Option<Ended> {
    let mut lines = RunLines::new(logging_steps);
    let mut bar = bars_can_be_shown().then(RunBar::new);
    // Nobody reads a detached run's output, and a week of it would fill the disk.
    let silent = is_detached();
    let mut stderr = LossyLines::default();
    for record in records {
        let line = lines.line_for(&record);
        match (&mut bar, line) {
            (Some(bar), Line::Lasting(text)) => bar.above(&text),
            (None, Line::Lasting(text) | Line::Passing(text)) if !silent => {
                stderr.say(&text);
            }
            _ => {}
        }
        if let Some(bar) = &mut bar {
            bar.show(&lines.state, &record.event);
        }
        if let Event::Ended(ended) = record.event {
            return Some(ended);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Phase;

    #[test]
    fn following_ends_with_the_run_or_with_the_channel() {
        let (sender, records) = crossbeam_channel::unbounded();
        for (seq, event) in [
            Event::Phase(Phase {
                name: "training".into(),
                stage: None,
            }),
            Event::Ended(Ended {
                reason: "stopped".into(),
            }),
        ]
        .into_iter()
        .enumerate()
        {
            assert!(sender.send(Record::new(seq as u64, 0.0, event)).is_ok());
        }
        assert_eq!(
            follow(records.clone(), 10),
            Some(Ended {
                reason: "stopped".into()
            })
        );
        drop(sender);
        assert_eq!(follow(records, 10), None);
    }
}
