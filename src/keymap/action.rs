//! The actions of keys, and their names in the config file.

use serde::{Deserialize, Serialize};

use super::Screen;
use crate::data::View;

/// The action of a key. The config file names it, see [`Action::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Action {
    Help,
    /// Show the last message in full.
    Message,
    Palette,
    Quit,
    Pause,
    Evaluate,
    Checkpoint,
    LearningRate,
    StopAfterEpoch,
    NextSample,
    PreviousSample,
    NextPane,
    PreviousPane,
    Enlarge,
    Out,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    First,
    Last,
    Smoothing,
    Metric,
    /// Show curves of one more metric, or of only one.
    MoreMetrics,
    LogAxis,
    ZoomIn,
    ZoomOut,
    /// Show all steps again.
    Whole,
    /// Move the crosshair by a column.
    EarlierStep,
    LaterStep,
    /// Overlay another session's curves on those of the run, or remove them.
    Overlay,
    ClearOverlays,
    OtherStage,
    EarlierLook,
    LaterLook,
    Screen(Screen),
    Redraw,
    /// Stop the process until the shell continues it.
    Suspend,
    /// Show one aspect's map alone, the next one, all of them.
    Alone,
    Query,
    Strength,
    Pixels,
    Filter,
    ClearFilter,
    SortColumn,
    SortOrder,
    /// In Sessions: choose the table's columns.
    Columns,
    Summary,
    Normalise,
    NextEvaluation,
    PreviousEvaluation,
    /// In Browse: ask the model about the image; on the confusion matrix: filter by the cell.
    Look,
    Mute(View),
    Solo,
    Region,
    Blank,
    Undo,
    Ask,
    Faithfulness,
    /// Measure each aspect's effect on the prediction.
    Effects,
    /// In Sessions: show the session under the cursor.
    Open,
    /// In Compare: choose which images are listed.
    Only,
    NextOfA,
    PreviousOfA,
    Mark,
    Note,
    Rename,
    Remove,
    Refresh,
    Export,
    /// In Sessions: the form for a new run with the settings of the session under the cursor.
    CloneRun,
    /// In Sessions: the form for a new run with the settings that hold here.
    NewRun,
    /// In Sessions: go on with a run that ended early.
    Resume,
    /// Begin a replay, pause it or continue it.
    PlayPause,
    SeekBack,
    SeekForth,
    Slower,
    Faster,
    /// In the quit dialog: leave, the run goes on without a screen.
    Headless,
    /// In the quit dialog: stop the run after this step.
    Stop,
    /// In a dialog: accept the marked choice or the typed line.
    Choose,
    /// Complete the word that is being typed.
    Complete,
}

impl Action {
    /// Whether it controls a replay.
    #[must_use]
    pub const fn is_playing(self) -> bool {
        matches!(
            self,
            Self::PlayPause | Self::SeekBack | Self::SeekForth | Self::Slower | Self::Faster
        )
    }

    /// Whether it sends the engine a command.
    #[must_use]
    pub const fn is_command(self) -> bool {
        matches!(
            self,
            Self::Pause | Self::Evaluate | Self::Checkpoint | Self::LearningRate | Self::Stop | Self::StopAfterEpoch
        )
    }

    /// Its name under `tui.keys`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Help => "help",
            Self::Message => "message",
            Self::Palette => "palette",
            Self::Quit => "quit",
            Self::Pause => "pause",
            Self::Evaluate => "evaluate",
            Self::Checkpoint => "checkpoint",
            Self::LearningRate => "learning_rate",
            Self::StopAfterEpoch => "stop_after_epoch",
            Self::NextSample => "next_sample",
            Self::PreviousSample => "previous_sample",
            Self::NextPane => "next_pane",
            Self::PreviousPane => "previous_pane",
            Self::Enlarge => "enlarge",
            Self::Out => "out",
            Self::Up => "up",
            Self::Down => "down",
            Self::Left => "left",
            Self::Right => "right",
            Self::PageUp => "page_up",
            Self::PageDown => "page_down",
            Self::First => "first",
            Self::Last => "last",
            Self::Smoothing => "smoothing",
            Self::Metric => "metric",
            Self::MoreMetrics => "more_metrics",
            Self::LogAxis => "log_axis",
            Self::ZoomIn => "zoom_in",
            Self::ZoomOut => "zoom_out",
            Self::Whole => "whole",
            Self::EarlierStep => "earlier_step",
            Self::LaterStep => "later_step",
            Self::Overlay => "overlay",
            Self::ClearOverlays => "clear_overlays",
            Self::OtherStage => "other_stage",
            Self::EarlierLook => "earlier_look",
            Self::LaterLook => "later_look",
            Self::Screen(Screen::Train) => "train_screen",
            Self::Screen(Screen::Browse) => "browse_screen",
            Self::Screen(Screen::Compare) => "compare_screen",
            Self::Screen(Screen::Sessions) => "sessions_screen",
            Self::Redraw => "redraw",
            Self::Suspend => "suspend",
            Self::Alone => "alone",
            Self::Query => "query",
            Self::Pixels => "pixels",
            Self::Strength => "strength",
            Self::Filter => "filter",
            Self::ClearFilter => "clear_filter",
            Self::SortColumn => "sort_column",
            Self::SortOrder => "sort_order",
            Self::Columns => "columns",
            Self::Summary => "summary",
            Self::Normalise => "normalise",
            Self::NextEvaluation => "next_evaluation",
            Self::PreviousEvaluation => "previous_evaluation",
            Self::Look => "look",
            Self::Mute(View::FacialExpression) => "mute_facial_expression",
            Self::Mute(View::Object) => "mute_object",
            Self::Mute(View::Scene) => "mute_scene",
            Self::Mute(View::HumanAction) => "mute_human_action",
            Self::Mute(View::Brightness) => "mute_brightness",
            Self::Mute(View::Colorfulness) => "mute_colorfulness",
            Self::Solo => "solo",
            Self::Region => "region",
            Self::Blank => "blank",
            Self::Undo => "undo",
            Self::Ask => "ask",
            Self::Faithfulness => "faithfulness",
            Self::Effects => "effects",
            Self::Open => "open",
            Self::Only => "only",
            Self::NextOfA => "next_of_a",
            Self::PreviousOfA => "previous_of_a",
            Self::Mark => "mark",
            Self::Note => "note",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Refresh => "refresh",
            Self::Export => "export",
            Self::CloneRun => "clone_run",
            Self::NewRun => "new_run",
            Self::Resume => "resume",
            Self::PlayPause => "play_pause",
            Self::SeekBack => "seek_back",
            Self::SeekForth => "seek_forth",
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::Headless => "headless",
            Self::Stop => "stop",
            Self::Choose => "choose",
            Self::Complete => "complete",
        }
    }
}

impl From<Action> for &'static str {
    fn from(action: Action) -> Self {
        action.name()
    }
}
