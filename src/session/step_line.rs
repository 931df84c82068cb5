//! A fast reader for `step`, a journal's most frequent line. It skips the buffering that serde needs to tell the kinds of
//! events apart, because a user waits while a journal of a million steps is opened.

use serde::Deserialize;

use super::{
    event::{Event, Record, Stage, Step},
    nullable,
};

/// A `step` line with all of its keys.
#[derive(Deserialize)]
struct StepLine {
    seq: u64,
    time: f64,
    stage: Stage,
    step: u64,
    #[serde(deserialize_with = "nullable::number")]
    epoch: f64,
    #[serde(deserialize_with = "nullable::number")]
    loss: f64,
    #[serde(deserialize_with = "nullable::number")]
    lr: f64,
    #[serde(deserialize_with = "nullable::number")]
    grad_norm: f64,
    #[serde(deserialize_with = "nullable::number")]
    samples_per_s: f64,
    #[serde(default)]
    cache_hits: Option<f64>,
}

/// The `event` key lies within this many bytes from the line's start.
const HEAD: usize = 96;
const EVENT: &[u8] = b",\"event\":\"step\",";

/// The record of a `step` line as this program writes it. None for any other line and for a damaged one: the general
/// reader takes those.
pub(super) fn read(line: &[u8]) -> Option<Record> {
    let head = line.get(..HEAD.min(line.len()))?;
    // The match cannot lie in a name or text: the writer puts only two numbers before the `event` key.
    if !head.starts_with(b"{\"seq\":") || !head.windows(EVENT.len()).any(|part| part == EVENT) {
        return None;
    }
    let line: StepLine = serde_json::from_slice(line).ok()?;
    Some(Record {
        seq: line.seq,
        time: line.time,
        event: Event::Step(Step {
            stage: line.stage,
            step: line.step,
            epoch: line.epoch,
            loss: line.loss,
            lr: line.lr,
            grad_norm: line.grad_norm,
            samples_per_s: line.samples_per_s,
            cache_hits: line.cache_hits,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Log;

    #[test]
    fn it_reads_as_the_general_reader_does() {
        let step = Step {
            stage: Stage::Aspects,
            step: 12,
            epoch: 0.25,
            loss: f64::NAN,
            lr: 1e-3,
            grad_norm: 0.1 + 0.2,
            samples_per_s: 31.5,
            cache_hits: None,
        };
        for cache_hits in [None, Some(0.75)] {
            let event = Event::Step(Step {
                cache_hits,
                ..step.clone()
            });
            let (seq, time) = (40, 1_763_000_000.125);
            let line = serde_json::to_vec(&Record { seq, time, event }).unwrap();
            let read = read(&line).unwrap();
            let general: Record = serde_json::from_slice(&line).unwrap();
            // NaN is not equal to itself.
            assert_eq!(format!("{read:?}"), format!("{general:?}"));
            assert!(format!("{read:?}").contains("0.30000000000000004"));
        }
    }

    #[test]
    fn other_lines_are_not_its_own() {
        let text = "{\"seq\":1,\"time\":2.0,\"event\":\"step\",\"stage\":\"aspects\"";
        let event = Event::Log(Log::new(text.to_owned()));
        let line = serde_json::to_vec(&Record {
            seq: 0,
            time: 0.0,
            event,
        });
        assert!(read(&line.unwrap()).is_none());
        assert!(read(b"{\"event\":\"step\"}").is_none() && read(text.as_bytes()).is_none() && read(b"").is_none());
    }
}
