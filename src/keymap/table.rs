//! The one table of keys.

use super::{
    Action::{self, self as A},
    Scope, Screen, Section,
};
use crate::data::View;

/// Scope, keys, action, section, the bar's word, the help's words.
pub(super) type Row = (Scope, &'static str, Action, Section, &'static str, &'static str);

/// A row a line, as a table should be read.
macro_rules! table {
    ($($scope:ident $keys:literal => $action:expr, $section:ident, $short:literal, $long:literal;)*) => {
        &[$((Scope::$scope, $keys, $action, Section::$section, $short, $long)),*]
    };
}

pub(super) const TABLE: &[Row] = table! {
    Train "space p"        => A::Pause,          Run,     "pause",      "pause after this step, or go on";
    Train "n"              => A::NextSample,     Look,    "sample",     "next sample of the panel";
    Train "N"              => A::PreviousSample, Look,    "sample",     "previous sample";
    Train "right l"        => A::Right,          Look,    "",           "next sample; on a zoomed curve: later steps";
    Train "left h"         => A::Left,           Look,    "",           "previous sample; on a zoomed curve: earlier steps";
    Train ","              => A::EarlierLook,    Look,    "look",       "the sample at the evaluation before";
    Train "."              => A::LaterLook,      Look,    "look",       "the sample at the evaluation after";
    Train "["              => A::EarlierStep,    Look,    "",           "read curves, accuracy and sample at an earlier step";
    Train "]"              => A::LaterStep,      Look,    "",           "read them at a later step";
    Train "a"              => A::Look,           Run,     "",           "predict the sample now";
    Train "e"              => A::Evaluate,       Run,     "evaluate",   "evaluate now";
    Train "c"              => A::Checkpoint,     Run,     "checkpoint", "save a checkpoint now";
    Train "R"              => A::LearningRate,   Run,     "",           "set the learning rate";
    Train "S"              => A::Stop,           Run,     "",           "stop after this step, with a checkpoint";
    Train "E"              => A::StopAfterEpoch, Run,     "",           "stop after this epoch, with a checkpoint";
    Train "s"              => A::Smoothing,      Look,    "",           "smooth the curve more, or not at all";
    Train "m"              => A::Metric,         Look,    "metric",     "the next metric: loss, accuracy, macro-F1, ECE, grad norm, ...";
    Train "M"              => A::MoreMetrics,    Look,    "",           "one more metric below it, up to four, or one alone";
    Train "+ ="            => A::ZoomIn,         Look,    "zoom",       "zoom in around the crosshair, or where the wheel turns";
    Train "-"              => A::ZoomOut,        Look,    "zoom",       "zoom out";
    Train "0"              => A::Whole,          Look,    "",           "show all steps again";
    Train "o"              => A::Overlay,        Look,    "",           "lay another session's curves over these, or take them away";
    Train "O"              => A::ClearOverlays,  Look,    "",           "take all other sessions' curves away";
    Train "L"              => A::LogAxis,        Look,    "",           "the curve by powers of ten, or not";
    Train ";"              => A::Alone,          Look,    "",           "one aspect's map alone and large, the next one, all of them";
    Train "t"              => A::OtherStage,     Look,    "stage",      "the other stage's curve, accuracy and sample";
    Train "enter z"        => A::Enlarge,        Move,    "enlarge",    "the pane alone, and back";

    Browse "enter"         => A::Look,           Look,    "look",       "let the model look; on the confusion matrix: filter by the cell; on the image: full screen";
    Browse "/"             => A::Filter,         Look,    "filter",     "filter the table: wrong  gold:fear  pred:awe  conf<0.4  scene:beach  -word";
    Browse "x"             => A::ClearFilter,    Look,    "",           "show all rows again";
    Browse "s"             => A::SortColumn,     Look,    "sort",       "sort by the next column; loss: nats a token of the right answer";
    Browse "S"             => A::SortOrder,      Look,    "",           "turn the order, or leave it";
    Browse "v"             => A::Summary,        Look,    "figures",    "confusion matrix, top confusions, classes, reliability, ranking curves";
    Browse "%"             => A::Normalise,      Look,    "",           "the confusion matrix in shares of its rows";
    Browse "e"             => A::Effects,        Try,     "aspects",    "what each aspect does to the prediction: each muted alone, and all";
    Browse "]"             => A::NextEvaluation, Look,    "evaluation", "the next evaluation's predictions";
    Browse "["             => A::PreviousEvaluation, Look, "",          "the evaluation before";
    Browse "F"             => A::Mute(View::FacialExpression), Try, "mute", "mute the facial expression, or let it speak again";
    Browse "O"             => A::Mute(View::Object), Try, "mute",       "mute the object";
    Browse "C"             => A::Mute(View::Scene), Try,  "mute",       "mute the scene";
    Browse "A"             => A::Mute(View::HumanAction), Try, "mute",  "mute the action";
    Browse "B"             => A::Mute(View::Brightness), Try, "mute",   "mute the brightness";
    Browse "K"             => A::Mute(View::Colorfulness), Try, "mute", "mute the colorfulness";
    Browse "o"             => A::Solo,           Try,     "solo",       "let only the aspect muted last speak";
    Browse "b"             => A::Region,         Try,     "blank",      "blank patches of the image: choose them with the arrows";
    Browse "u"             => A::Undo,           Try,     "",           "try nothing on the image";
    Browse "a"             => A::Ask,            Try,     "ask",        "ask the model about the image";
    Browse "d"             => A::Faithfulness,   Try,     "faithful",   "faithfulness of the aspect muted last: deletion and insertion curves";
    Browse ";"             => A::Alone,          Look,    "",           "one aspect's map alone and large, the next one, all of them";
    Browse "X"             => A::Export,         General, "",           "export the rows shown, in their order (.csv .jsonl)";
    Browse "left h"        => A::Left,           Move,    "",           "a column left in the confusion matrix";
    Browse "right l"       => A::Right,          Move,    "",           "a column right";
    Browse "z"             => A::Enlarge,        Move,    "enlarge",    "the pane alone, and back";

    Compare "enter"        => A::Look,           Look,    "look",       "let both models look at the image";
    Compare "f"            => A::Only,           Look,    "flips",      "flips, gained, lost, different, all images";
    Compare "/"            => A::Filter,         Look,    "filter",     "filter the images, as in Browse; one of the two rows must hold";
    Compare "x"            => A::ClearFilter,    Look,    "",           "show all again";
    Compare "v"            => A::Summary,        Look,    "classes",    "difference of each class, or of the confusion matrices";
    Compare "]"            => A::NextEvaluation, Look,    "evaluation", "B's next evaluation";
    Compare "["            => A::PreviousEvaluation, Look, "",          "B's evaluation before";
    Compare "}"            => A::NextOfA,        Look,    "",           "A's next evaluation";
    Compare "{"            => A::PreviousOfA,    Look,    "",           "A's evaluation before";
    Compare "s"            => A::Smoothing,      Look,    "",           "smooth the curves more, or not at all";
    Compare "z"            => A::Enlarge,        Move,    "enlarge",    "the pane alone, and back";

    Sessions "enter"       => A::Open,           Look,    "open",       "show the session";
    Sessions "/"           => A::Filter,         Look,    "filter",     "filter: state:live  model:qwen  lr<1e-4  best>=80%  tag:paper  -word";
    Sessions "x"           => A::ClearFilter,    Look,    "",           "show all sessions again";
    Sessions "s"           => A::SortColumn,     Look,    "sort",       "sort by the next column";
    Sessions "S"           => A::SortOrder,      Look,    "",           "turn the order";
    Sessions "c"           => A::Columns,        Look,    "columns",    "choose the columns: figures (test_f1 best_ece samples/s ...) and settings (lr seed ...)";
    Sessions "v"           => A::Summary,        Look,    "groups",     "a row for runs that differ by their seed alone, mean and deviation; enter shows them";
    Sessions "m space"     => A::Mark,           Look,    "mark",       "mark sessions: Compare has A and B, or each against A; all can be laid over one another";
    Sessions "o"           => A::Overlay,        Look,    "overlay",    "lay the curves of the marked sessions, or its own, over those on Train, or take them away";
    Sessions "n"           => A::CloneRun,       Run,     "new run",    "a new run with the settings of this one: a form, which marks what you change";
    Sessions "ctrl-n"      => A::NewRun,         Run,     "",           "a new run with the settings that hold here (config.yaml, --set)";
    Sessions "p"           => A::Resume,         Run,     "resume",     "go on with a run that was stopped or crashed, in the background";
    Sessions "N"           => A::Note,           Look,    "note",       "write a note on the session; its words are found by the filter";
    Sessions "R"           => A::Rename,         General, "",           "give the session another name";
    Sessions "D"           => A::Remove,         General, "",           "remove the session; asks for its name";
    Sessions "X"           => A::Export,         General, "",           "export it: a report (.html), steps (.csv), figures by their names (curves.pdf, confusion.svg), a table (.tex)";
    Sessions "r"           => A::Refresh,        General, "",           "read the sessions' folder again";

    Everywhere "y"         => A::Query,          Look,    "",           "the maps of one query alone, the next one, the mean";
    Everywhere "w"         => A::Strength,       Look,    "",           "how much the maps cover of the picture";
    Everywhere "i"         => A::Pixels,         Look,    "",           "pictures in the terminal's pixels, or in half blocks";
    Everywhere "P"         => A::PlayPause,      Run,     "replay",     "replay the session as its run went; stop it, or go on";
    Everywhere "<"         => A::SeekBack,       Run,     "seek",       "replay: back by a twentieth";
    Everywhere ">"         => A::SeekForth,      Run,     "seek",       "replay: forth by a twentieth";
    Everywhere "("         => A::Slower,         Run,     "pace",       "replay: slower";
    Everywhere ")"         => A::Faster,         Run,     "pace",       "replay: faster, up to 100 times";
    Everywhere "tab"       => A::NextPane,       Move,    "pane",       "next pane";
    Everywhere "shift-tab" => A::PreviousPane,   Move,    "",           "previous pane";
    Everywhere "up k"      => A::Up,             Move,    "",           "up";
    Everywhere "down j"    => A::Down,           Move,    "",           "down";
    Everywhere "pgup"      => A::PageUp,         Move,    "",           "a page up";
    Everywhere "pgdn"      => A::PageDown,       Move,    "",           "a page down";
    Everywhere "home g"    => A::First,          Move,    "",           "to the top";
    Everywhere "end G"     => A::Last,           Move,    "",           "to the bottom";
    Everywhere "1"         => A::Screen(Screen::Train),  Move, "",      "the Train screen";
    Everywhere "2"         => A::Screen(Screen::Browse), Move, "",      "the Browse screen";
    Everywhere "3"         => A::Screen(Screen::Compare), Move, "",     "the Compare screen: sessions marked in Sessions, each against the first";
    Everywhere "4"         => A::Screen(Screen::Sessions), Move, "",    "the Sessions screen";
    Everywhere "esc"       => A::Out,            Move,    "",           "one layer out";
    Everywhere "? f1"      => A::Help,           General, "help",       "this help";
    Everywhere "!"         => A::Message,        General, "",           "the last message whole";
    Everywhere ":"         => A::Palette,        General, "commands",   "look for a command by what it does";
    Everywhere "q ctrl-c"  => A::Quit,           General, "quit",       "leave; asks first if a run is at work";
    Everywhere "ctrl-l"    => A::Redraw,         General, "",           "draw all anew";
    Everywhere "ctrl-z"    => A::Suspend,        General, "",           "back to the shell for now; fg goes on here";

    Help "esc ? q enter ! f2 ctrl-c" => A::Out,            General, "close",      "close the help";
    Help "down j"          => A::Down,           Move,    "scroll",     "scroll down";
    Help "up k"            => A::Up,             Move,    "scroll",     "scroll up";
    Help "pgdn space"      => A::PageDown,       Move,    "",           "a page down";
    Help "pgup"            => A::PageUp,         Move,    "",           "a page up";
    Help "home g"          => A::First,          Move,    "",           "to the top";
    Help "end G"           => A::Last,           Move,    "",           "to the bottom";

    Quit "g"               => A::Headless,       Run,     "",           "leave; the run goes on without a screen";
    Quit "s"               => A::Stop,           Run,     "",           "stop after this step, with a checkpoint";
    Quit "esc c n ctrl-c"  => A::Out,            General, "",           "stay here";
    Quit "down j tab"      => A::Down,           Move,    "choose",     "next choice";
    Quit "up k shift-tab"  => A::Up,             Move,    "choose",     "previous choice";
    Quit "enter"           => A::Choose,         General, "take it",    "take the marked choice";

    Entry "enter"          => A::Choose,         General, "take it",    "take the line";
    Entry "tab"            => A::Complete,       General, "complete",   "complete the word: a key, a class, a column";
    Entry "up"             => A::Up,             Move,    "",           "the command above, or the line typed before";
    Entry "down"           => A::Down,           Move,    "",           "the command below, or the line typed after it";
    Entry "f2"             => A::Message,        General, "",           "why the line was refused, whole";
    Entry "esc ctrl-c"     => A::Out,            General, "leave it",   "leave all as it was";

    Region "left h"        => A::Left,           Move,    "choose",     "a patch left";
    Region "right l"       => A::Right,          Move,    "",           "a patch right";
    Region "up k"          => A::Up,             Move,    "",           "a patch up";
    Region "down j"        => A::Down,           Move,    "",           "a patch down";
    Region "space"         => A::Blank,          Try,     "blank",      "blank the patch, or show it again";
    Region "enter"         => A::Look,           Try,     "predict",    "predict without what is blanked";
    Region "u"             => A::Undo,           Try,     "undo",       "blank nothing";
    Region "!"             => A::Message,        General, "",           "the last message whole";
    Region "esc b q ctrl-c" => A::Out,            General, "done",       "leave the region as it is";

    Form "down"            => A::Down,           Move,    "field",      "next field";
    Form "tab"             => A::Complete,       Move,    "",           "complete a path or a dataset's name; if nothing is missing, next field";
    Form "up shift-tab"    => A::Up,             Move,    "field",      "previous field, from the first one to the start";
    Form "left"            => A::Left,           Move,    "choose",     "the choice before";
    Form "right"           => A::Right,          Move,    "choose",     "the next choice";
    Form "enter"           => A::Choose,         Run,     "take it",    "next field; on the start: start the run";
    Form "f2"              => A::Message,        General, "",           "what is wrong with the field, whole";
    Form "esc ctrl-c"      => A::Out,            General, "leave it",   "start nothing";
};
