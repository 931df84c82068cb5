//! The one table of keys: what a key does, what the key bar shows and what the help says all come from here.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use self::Action as A;
use super::ui::{Layer, Screen, Ui};
use crate::data::View;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Help,
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
    LogAxis,
    OtherStage,
    EarlierLook,
    LaterLook,
    Screen(Screen),
    Redraw,
    /// One aspect's map alone, the next one, all of them.
    Alone,
    Query,
    Strength,
    Pixels,
    Filter,
    ClearFilter,
    SortColumn,
    SortOrder,
    Summary,
    Normalise,
    NextEvaluation,
    PreviousEvaluation,
    /// In Browse: look at the image with the model; on the confusion matrix: filter by the cell.
    Look,
    Mute(View),
    Solo,
    Region,
    Blank,
    Undo,
    Ask,
    Faithfulness,
    /// In Sessions: show the session under the cursor.
    Open,
    /// In Compare: which images are listed.
    Only,
    NextOfA,
    PreviousOfA,
    Mark,
    Note,
    Rename,
    Remove,
    Refresh,
    /// Of a journal that is played.
    PlayPause,
    SeekBack,
    SeekForth,
    Slower,
    Faster,
    /// In the quit dialog: leave, the run goes on without a screen.
    Headless,
    /// In the quit dialog: stop the run after this step.
    Stop,
    /// In a dialog: what is marked, or was typed.
    Choose,
}

impl Action {
    /// Whether it moves a journal that is played.
    #[must_use]
    pub const fn is_playing(self) -> bool {
        matches!(
            self,
            Self::PlayPause | Self::SeekBack | Self::SeekForth | Self::Slower | Self::Faster
        )
    }

    /// Whether it tells the engine something.
    #[must_use]
    pub const fn is_command(self) -> bool {
        matches!(
            self,
            Self::Pause | Self::Evaluate | Self::Checkpoint | Self::LearningRate | Self::StopAfterEpoch
        )
    }
}

/// What can be asked for as things stand.
#[derive(Debug, Clone, Copy)]
pub struct Offers {
    /// The run takes commands from here.
    pub commands: bool,
    /// A journal is played.
    pub playing: bool,
    /// Both stages have begun.
    pub stages: bool,
}

impl Offers {
    #[must_use]
    pub fn holds(self, action: Action) -> bool {
        (self.commands || !action.is_command())
            && (self.playing || !action.is_playing())
            && (self.stages || action != Action::OtherStage)
    }
}

/// The help's sections, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Run,
    Look,
    Try,
    Move,
    General,
}

impl Section {
    pub const ALL: [Self; 5] = [Self::Run, Self::Look, Self::Try, Self::Move, Self::General];

    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Run => "the run",
            Self::Look => "looking",
            Self::Try => "trying",
            Self::Move => "moving",
            Self::General => "general",
        }
    }
}

/// A key with its modifiers; shift is part of the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub code: KeyCode,
    pub modifiers: KeyModifiers,
}

impl Key {
    /// The key of a name: `q`, `N`, `space`, `pgup`, `f1`, `ctrl-c`, ...
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (modifiers, name) = match name.strip_prefix("ctrl-") {
            Some(rest) => (KeyModifiers::CONTROL, rest),
            None => (KeyModifiers::NONE, name),
        };
        let mut chars = name.chars();
        let code = match (name, chars.next(), chars.next()) {
            ("space", ..) => KeyCode::Char(' '),
            ("tab", ..) => KeyCode::Tab,
            ("shift-tab", ..) => KeyCode::BackTab,
            ("enter", ..) => KeyCode::Enter,
            ("esc", ..) => KeyCode::Esc,
            ("up", ..) => KeyCode::Up,
            ("down", ..) => KeyCode::Down,
            ("left", ..) => KeyCode::Left,
            ("right", ..) => KeyCode::Right,
            ("pgup", ..) => KeyCode::PageUp,
            ("pgdn", ..) => KeyCode::PageDown,
            ("home", ..) => KeyCode::Home,
            ("end", ..) => KeyCode::End,
            ("f1", ..) => KeyCode::F(1),
            (_, Some(c), None) => KeyCode::Char(c),
            _ => return None,
        };
        Some(Self { code, modifiers })
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        Self {
            code: event.code,
            modifiers: event.modifiers.difference(KeyModifiers::SHIFT),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("ctrl-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("space"),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::BackTab => f.write_str("shift-tab"),
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::PageUp => f.write_str("pgup"),
            KeyCode::PageDown => f.write_str("pgdn"),
            KeyCode::F(n) => write!(f, "f{n}"),
            code => f.write_str(&format!("{code:?}").to_lowercase()),
        }
    }
}

/// Where a binding holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Train,
    Browse,
    Compare,
    Sessions,
    /// On all screens; a screen's own bindings go first.
    Everywhere,
    Help,
    Quit,
    /// While a line is typed.
    Entry,
    /// While patches of an image are chosen.
    Region,
}

impl Scope {
    /// The scopes in force, the nearest first.
    #[must_use]
    pub const fn of(ui: &Ui) -> &'static [Self] {
        match (ui.layer, ui.screen) {
            (Layer::Help, _) => &[Self::Help],
            (Layer::Quit, _) => &[Self::Quit],
            (Layer::Entry(_), _) => &[Self::Entry],
            (Layer::Region, _) => &[Self::Region],
            (Layer::Main, screen) => Self::of_screen(screen),
        }
    }

    /// The scopes of a screen, for the help.
    #[must_use]
    pub const fn of_screen(screen: Screen) -> &'static [Self] {
        match screen {
            Screen::Train => &[Self::Train, Self::Everywhere],
            Screen::Browse => &[Self::Browse, Self::Everywhere],
            Screen::Compare => &[Self::Compare, Self::Everywhere],
            Screen::Sessions => &[Self::Sessions, Self::Everywhere],
        }
    }
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    pub scope: Scope,
    pub keys: Vec<Key>,
    pub action: Action,
    pub section: Section,
    /// For the key bar; neighbours with the same word share a place there. Empty: not in the bar.
    pub short: &'static str,
    /// For the help.
    pub long: &'static str,
}

/// The bindings in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Keymap {
    /// What `event` asks for where `scopes` are in force.
    #[must_use]
    pub fn action(&self, scopes: &[Scope], event: KeyEvent) -> Option<Action> {
        let key = Key::from(event);
        self.of(scopes)
            .find(|binding| binding.keys.contains(&key))
            .map(|binding| binding.action)
    }

    /// The bindings of `scopes`, the nearest scope's first, in the table's order.
    pub fn of(&self, scopes: &[Scope]) -> impl Iterator<Item = &Binding> {
        let of = |&scope: &Scope| self.bindings.iter().filter(move |binding| binding.scope == scope);
        scopes.iter().flat_map(of)
    }

    /// The key bar: the first key of each binding and its word; neighbours with the same word are one.
    #[must_use]
    pub fn bar(&self, scopes: &[Scope], shown: impl Fn(Action) -> bool) -> Vec<(String, &'static str)> {
        let mut bar: Vec<(String, &'static str)> = Vec::new();
        for binding in self
            .of(scopes)
            .filter(|binding| !binding.short.is_empty() && shown(binding.action))
        {
            let Some(key) = binding.keys.first() else {
                continue;
            };
            match bar.last_mut().filter(|(_, word)| *word == binding.short) {
                Some((keys, _)) => *keys = format!("{keys}/{key}"),
                None => bar.push((key.to_string(), binding.short)),
            }
        }
        bar
    }
}

impl Default for Keymap {
    fn default() -> Self {
        let binding = |&(scope, keys, action, section, short, long): &Row| Binding {
            scope,
            keys: keys.split(' ').filter_map(Key::named).collect(),
            action,
            section,
            short,
            long,
        };
        Self {
            bindings: TABLE.iter().map(binding).collect(),
        }
    }
}

/// Scope, keys, action, section, the bar's word, the help's words.
type Row = (Scope, &'static str, Action, Section, &'static str, &'static str);

/// A row a line, as a table should be read.
macro_rules! table {
    ($($scope:ident $keys:literal => $action:expr, $section:ident, $short:literal, $long:literal;)*) => {
        &[$((Scope::$scope, $keys, $action, Section::$section, $short, $long)),*]
    };
}

const TABLE: &[Row] = table! {
    Train "space p"        => A::Pause,          Run,     "pause",      "pause after this step, or go on";
    Train "n right l"      => A::NextSample,     Look,    "sample",     "next sample of the panel";
    Train "N left h"       => A::PreviousSample, Look,    "sample",     "previous sample";
    Train ","              => A::EarlierLook,    Look,    "look",       "the sample at the evaluation before";
    Train "."              => A::LaterLook,      Look,    "look",       "the sample at the evaluation after";
    Train "e"              => A::Evaluate,       Run,     "evaluate",   "evaluate now";
    Train "c"              => A::Checkpoint,     Run,     "checkpoint", "save a checkpoint now";
    Train "R"              => A::LearningRate,   Run,     "",           "set the learning rate";
    Train "E"              => A::StopAfterEpoch, Run,     "",           "stop after this epoch, with a checkpoint";
    Train "s"              => A::Smoothing,      Look,    "smoothing",  "smooth the curve more, or not at all";
    Train "m"              => A::Metric,         Look,    "metric",     "the curve of loss, grad norm, learning rate, samples/s";
    Train "L"              => A::LogAxis,        Look,    "",           "the curve by powers of ten, or not";
    Train ";"              => A::Alone,          Look,    "",           "one aspect's map alone and large, the next one, all of them";
    Train "t"              => A::OtherStage,     Look,    "stage",      "the other stage's curve and accuracy";
    Train "enter z"        => A::Enlarge,        Move,    "enlarge",    "the pane alone, and back";

    Browse "enter"         => A::Look,           Look,    "look",       "let the model look at the image; on the confusion matrix: filter by the cell";
    Browse "/"             => A::Filter,         Look,    "filter",     "filter the table: wrong  gold:fear  pred:awe  conf<0.4  scene:beach  -word";
    Browse "x"             => A::ClearFilter,    Look,    "",           "show all rows again";
    Browse "s"             => A::SortColumn,     Look,    "sort",       "sort by the next column";
    Browse "S"             => A::SortOrder,      Look,    "",           "turn the order, or leave it";
    Browse "v"             => A::Summary,        Look,    "figures",    "confusion matrix, classes, reliability";
    Browse "%"             => A::Normalise,      Look,    "",           "the confusion matrix in shares of its rows";
    Browse "]"             => A::NextEvaluation, Look,    "evaluation", "the next evaluation's predictions";
    Browse "["             => A::PreviousEvaluation, Look, "",          "the evaluation before";
    Browse "F"             => A::Mute(View::FacialExpression), Try, "", "mute the facial expression, or let it speak again";
    Browse "O"             => A::Mute(View::Object), Try, "",           "mute the object";
    Browse "C"             => A::Mute(View::Scene), Try,  "",           "mute the scene";
    Browse "A"             => A::Mute(View::HumanAction), Try, "mute",  "mute the action";
    Browse "B"             => A::Mute(View::Brightness), Try, "",       "mute the brightness";
    Browse "K"             => A::Mute(View::Colorfulness), Try, "",     "mute the colorfulness";
    Browse "o"             => A::Solo,           Try,     "solo",       "let only the aspect muted last speak";
    Browse "b"             => A::Region,         Try,     "blank",      "blank patches of the image: choose them with the arrows";
    Browse "u"             => A::Undo,           Try,     "",           "try nothing on the image";
    Browse "a"             => A::Ask,            Try,     "ask",        "ask the model about the image";
    Browse "d"             => A::Faithfulness,   Try,     "faithful",   "faithfulness of the aspect muted last: deletion and insertion curves";
    Browse ";"             => A::Alone,          Look,    "",           "one aspect's map alone and large, the next one, all of them";
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
    Sessions "/"           => A::Filter,         Look,    "filter",     "words that must occur: in name, state, data, model";
    Sessions "x"           => A::ClearFilter,    Look,    "",           "show all sessions again";
    Sessions "s"           => A::SortColumn,     Look,    "sort",       "sort by start, name, best accuracy, state";
    Sessions "m space"     => A::Mark,           Look,    "mark",       "mark two sessions to be compared";
    Sessions "n"           => A::Note,           Look,    "note",       "write a note on the session; its words are found by the filter";
    Sessions "R"           => A::Rename,         General, "",           "give the session another name";
    Sessions "D"           => A::Remove,         General, "",           "remove the session; asks for its name";
    Sessions "r"           => A::Refresh,        General, "refresh",    "read the sessions' folder again";

    Everywhere "y"         => A::Query,          Look,    "",           "the maps of one query alone, the next one, the mean";
    Everywhere "w"         => A::Strength,       Look,    "",           "how much the maps cover of the picture";
    Everywhere "i"         => A::Pixels,         Look,    "",           "pictures in the terminal's pixels, or in half blocks";
    Everywhere "P"         => A::PlayPause,      Run,     "play",       "replay: stop, or go on";
    Everywhere "<"         => A::SeekBack,       Run,     "seek",       "replay: back by a twentieth";
    Everywhere ">"         => A::SeekForth,      Run,     "seek",       "replay: forth by a twentieth";
    Everywhere "-"         => A::Slower,         Run,     "pace",       "replay: slower";
    Everywhere "+ ="       => A::Faster,         Run,     "pace",       "replay: faster, up to 100 times";
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
    Everywhere "3"         => A::Screen(Screen::Compare), Move, "",     "the Compare screen: two sessions marked in Sessions";
    Everywhere "4"         => A::Screen(Screen::Sessions), Move, "",    "the Sessions screen";
    Everywhere "esc"       => A::Out,            Move,    "",           "one layer out";
    Everywhere "? f1"      => A::Help,           General, "help",       "this help";
    Everywhere ":"         => A::Palette,        General, "commands",   "look for a command by what it does";
    Everywhere "q ctrl-c"  => A::Quit,           General, "quit",       "leave; asks first if a run is at work";
    Everywhere "ctrl-l"    => A::Redraw,         General, "",           "draw all anew";

    Help "esc ? q enter ctrl-c" => A::Out,            General, "close",      "close the help";
    Help "down j"          => A::Down,           Move,    "scroll",     "scroll down";
    Help "up k"            => A::Up,             Move,    "scroll",     "scroll up";
    Help "pgdn space"      => A::PageDown,       Move,    "",           "a page down";
    Help "pgup"            => A::PageUp,         Move,    "",           "a page up";

    Quit "g"               => A::Headless,       Run,     "",           "leave; the run goes on without a screen";
    Quit "s"               => A::Stop,           Run,     "",           "stop after this step, with a checkpoint";
    Quit "esc c n ctrl-c"  => A::Out,            General, "",           "stay here";
    Quit "down j tab"      => A::Down,           Move,    "choose",     "next choice";
    Quit "up k shift-tab"  => A::Up,             Move,    "choose",     "previous choice";
    Quit "enter"           => A::Choose,         General, "take it",    "take the marked choice";

    Entry "enter"          => A::Choose,         General, "take it",    "take the line";
    Entry "up"             => A::Up,             Move,    "",           "the command above";
    Entry "down"           => A::Down,           Move,    "",           "the command below";
    Entry "esc ctrl-c"     => A::Out,            General, "leave it",   "leave all as it was";

    Region "left h"        => A::Left,           Move,    "choose",     "a patch left";
    Region "right l"       => A::Right,          Move,    "",           "a patch right";
    Region "up k"          => A::Up,             Move,    "",           "a patch up";
    Region "down j"        => A::Down,           Move,    "",           "a patch down";
    Region "space"         => A::Blank,          Try,     "blank",      "blank the patch, or show it again";
    Region "enter"         => A::Look,           Try,     "predict",    "predict without what is blanked";
    Region "u"             => A::Undo,           Try,     "undo",       "blank nothing";
    Region "esc b q ctrl-c" => A::Out,            General, "done",       "leave the region as it is";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_table_is_a_key() {
        let names = TABLE.iter().flat_map(|(_, keys, ..)| keys.split(' '));
        assert_eq!(names.filter(|name| Key::named(name).is_none()).count(), 0);
        assert_eq!(
            Key::named("ctrl-c").map(|key| key.to_string()).as_deref(),
            Some("ctrl-c")
        );
        assert_eq!([Key::named(""), Key::named("hyper-x")], [None, None]);
    }

    #[test]
    fn no_key_is_bound_twice_where_it_holds() {
        let keymap = Keymap::default();
        let screens = Screen::ALL.map(Scope::of_screen);
        let layers: [&[Scope]; 4] = [&[Scope::Help], &[Scope::Quit], &[Scope::Entry], &[Scope::Region]];
        for scopes in screens.into_iter().chain(layers) {
            let keys: Vec<Key> = keymap.of(scopes).flat_map(|binding| binding.keys.clone()).collect();
            let twice: Vec<&Key> = (0..keys.len())
                .filter(|&n| keys[..n].contains(&keys[n]))
                .map(|n| &keys[n])
                .collect();
            assert!(twice.is_empty(), "{scopes:?}: {twice:?}");
        }
    }

    #[test]
    fn shift_is_part_of_the_character() {
        let scopes = Scope::of_screen(Screen::Train);
        let press = |code, modifiers| Keymap::default().action(scopes, KeyEvent::new(code, modifiers));
        assert_eq!(
            press(KeyCode::Char('N'), KeyModifiers::SHIFT),
            Some(Action::PreviousSample)
        );
        assert_eq!(press(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Action::PreviousPane));
        assert_eq!(press(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::Quit));
    }

    #[test]
    fn neighbours_share_a_place_in_the_bar() {
        let bar = Keymap::default().bar(Scope::of_screen(Screen::Train), |action| !action.is_command());
        assert!(bar.contains(&("n/N".to_owned(), "sample")), "{bar:?}");
        assert!(!bar.iter().any(|(_, word)| *word == "pause"), "{bar:?}");
    }
}
