//! A run on disk: its journal of events, and the state folded from them.

mod event;
mod prediction;

pub use event::{
    Command, CommandRecord, Ended, Evaluation, Event, Log, Phase, Progress, Record, Resumed,
    SampleSeen, SavedCheckpoint, SessionStart, Stage, Step, StopAfter, Warning,
};
pub use prediction::{AspectSeen, ClassMetrics, Confusion, Metrics, Prediction};
