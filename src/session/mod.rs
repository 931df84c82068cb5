//! A run on disk: its journal of events, and the state folded from them.

mod answer;
mod checkpoints;
mod difference;
mod evaluations;
mod event;
mod folder;
mod held;
#[cfg(test)]
pub(crate) mod hostile;
mod images;
mod journal;
mod journal_block;
mod journal_index;
mod journal_writer;
mod kept;
mod list;
mod note;
mod nullable;
mod own_files;
mod prediction;
mod rationale;
mod record;
mod removal;
mod results;
mod series;
pub mod socket;
mod stages;
mod state;
mod study;
mod summary;
mod trained_on;
mod utc;

pub use answer::{Answer, Effects, Faithfulness, Found, Request};
pub use checkpoints::{CheckpointFile, Checkpoints, CheckpointsError, Keep, Selector, checkpoint_name};
pub use difference::{Difference, comparable, differences};
pub use evaluations::{
    Evaluated, EvaluationNote, KeepError, LaterEvaluation, frozen_metrics, keep_evaluation, later_evaluations,
};
pub use event::{
    Command, CommandRecord, Ended, Evaluation, Event, FORMAT, HIGHEST_RATE, Log, Phase, Progress, Resumed, SampleSeen,
    SavedCheckpoint, SessionStart, Stage, Step, StopAfter, Warning,
};
pub use folder::{FolderError, SessionFolder, SessionLock, check_name};
pub use journal::{JournalError, JournalTail, each_record, first_record, read_journal};
pub use journal_writer::{JournalWriter, now};
pub use kept::{KeptEvaluation, Origin, kept_evaluations};
pub use list::{ListError, list_sessions, summarise_session};
pub use prediction::{AspectSeen, ClassMetrics, Confusion, Metrics, Prediction};
pub use rationale::{argues_for_another, rationale_mark};
pub use record::{Record, UNKEPT};
pub use removal::is_lock_text;
pub use results::{ImageResult, ResultsError, read_results, write_results, write_rows};
pub use series::{Ema, StageHistory, StepPoint};
pub use stages::trained_stages;
pub use state::{Eta, LOG_LINES, LogKind, LogLine, RunState, RunStatus};
pub use study::Study;
pub use summary::{SPARK, SessionState, SessionSummary};
pub use trained_on::TrainedOn;
pub use utc::Utc;
