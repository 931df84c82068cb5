//! Keys and what they ask for. The rows are in [`table`]: what a key does, what the key bar shows and what the help says
//! all come from there.

mod change;
mod names;
mod table;

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::{Deserialize, Serialize};

pub use self::change::Clash;
use self::table::{Row, TABLE};
use super::ui::{Layer, Screen, Ui};
use crate::data::View;

/// What a key asks for. In the config file it is a name, see [`Action::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Action {
    Help,
    /// The last message whole.
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
    /// Curves of one more metric, or of one alone.
    MoreMetrics,
    LogAxis,
    ZoomIn,
    ZoomOut,
    /// All steps again.
    Whole,
    /// The crosshair, a column further.
    EarlierStep,
    LaterStep,
    /// Another session's curves over those of the run, or away again.
    Overlay,
    ClearOverlays,
    OtherStage,
    EarlierLook,
    LaterLook,
    Screen(Screen),
    Redraw,
    /// Stops the process until the shell goes on with it.
    Suspend,
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
    /// What each aspect does to the prediction.
    Effects,
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
    Export,
    /// In Sessions: the form for a new run.
    NewRun,
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
            Self::Pause | Self::Evaluate | Self::Checkpoint | Self::LearningRate | Self::Stop | Self::StopAfterEpoch
        )
    }
}

/// What can be requested in the current state.
#[derive(Debug, Clone, Copy)]
pub struct Offers {
    /// The run takes commands from here.
    pub commands: bool,
    /// A journal is played.
    pub playing: bool,
    /// Both stages have begun.
    pub stages: bool,
    /// Other sessions' curves lie over the run's.
    pub overlaid: bool,
}

impl Offers {
    #[must_use]
    pub fn holds(self, action: Action) -> bool {
        (self.commands || !action.is_command())
            && (self.playing || !action.is_playing())
            && (self.stages || action != Action::OtherStage)
            && (self.overlaid || action != Action::ClearOverlays)
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

/// A key with its modifiers; shift is part of the character. The config file uses names, see [`Key::named`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Key {
    pub code: KeyCode,
    pub modifiers: KeyModifiers,
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        Self {
            code: event.code,
            modifiers: event.modifiers.difference(KeyModifiers::SHIFT),
        }
    }
}

/// As key bar and help show it; arrow keys appear as arrows.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = match self.code {
            KeyCode::Up => "↑",
            KeyCode::Down => "↓",
            KeyCode::Left => "←",
            KeyCode::Right => "→",
            _ => return f.write_str(&self.name()),
        };
        let name = self.name();
        let modifiers = name.rsplit_once('-').map_or("", |(modifiers, _)| modifiers);
        let dash = if modifiers.is_empty() { "" } else { "-" };
        write!(f, "{modifiers}{dash}{arrow}")
    }
}

/// Where a binding applies.
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
    /// While the form for a new run is filled in.
    Form,
}

impl Scope {
    /// The scopes that apply, the innermost first.
    #[must_use]
    pub const fn of(ui: &Ui) -> &'static [Self] {
        match (ui.layer, ui.screen) {
            (Layer::Help | Layer::Message, _) => &[Self::Help],
            (Layer::Quit, _) => &[Self::Quit],
            (Layer::Entry(_), _) => &[Self::Entry],
            (Layer::Region, _) => &[Self::Region],
            (Layer::Form, _) => &[Self::Form],
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
    /// The key bar's word; neighbouring bindings with the same word share an entry. Empty: not in the bar.
    pub short: &'static str,
    /// For the help.
    pub long: &'static str,
}

/// The bindings that apply.
#[derive(Debug, Clone, PartialEq)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Keymap {
    /// The action that `event` requests where `scopes` apply.
    #[must_use]
    pub fn action(&self, scopes: &[Scope], event: KeyEvent) -> Option<Action> {
        let key = Key::from(event);
        self.of(scopes)
            .find(|binding| binding.keys.contains(&key))
            .map(|binding| binding.action)
    }

    /// The bindings of `scopes`, the innermost scope's first, in the table's order.
    pub fn of(&self, scopes: &[Scope]) -> impl Iterator<Item = &Binding> {
        let of = |&scope: &Scope| self.bindings.iter().filter(move |binding| binding.scope == scope);
        scopes.iter().flat_map(of)
    }

    /// The first key of `action` on `screen`, for sentences that name it.
    #[must_use]
    pub fn key_for(&self, screen: Screen, action: Action) -> String {
        self.key_in(Scope::of_screen(screen), action)
    }

    /// The first key of `action` where `scopes` apply; empty if there is none.
    #[must_use]
    pub fn key_in(&self, scopes: &[Scope], action: Action) -> String {
        let mut bindings = self.of(scopes).filter(|binding| binding.action == action);
        let key = bindings.find_map(|binding| binding.keys.first());
        key.map(Key::to_string).unwrap_or_default()
    }

    /// The key bar: the first key of each binding and its word; neighbouring bindings with the same word become one
    /// entry.
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
        let layers: [&[Scope]; 5] = [
            &[Scope::Help],
            &[Scope::Quit],
            &[Scope::Entry],
            &[Scope::Region],
            &[Scope::Form],
        ];
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
