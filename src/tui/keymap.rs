//! The one table of keys: what a key does, what the key bar shows and what the help says all come from here.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use self::Action as A;
use super::ui::Layer;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Help,
    Quit,
    Pause,
    Evaluate,
    Checkpoint,
    NextSample,
    PreviousSample,
    NextPane,
    PreviousPane,
    Enlarge,
    Out,
    Up,
    Down,
    PageUp,
    PageDown,
    Smoothing,
    OtherStage,
    Screen(usize),
    Redraw,
    /// In the quit dialog: leave, the run goes on without a screen.
    Headless,
    /// In the quit dialog: stop the run after this step.
    Stop,
    /// In the quit dialog: what is marked.
    Choose,
}

impl Action {
    /// Whether it tells the engine something.
    #[must_use]
    pub const fn is_command(self) -> bool {
        matches!(self, Self::Pause | Self::Evaluate | Self::Checkpoint)
    }
}

/// The help's sections, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Run,
    Look,
    Move,
    General,
}

impl Section {
    pub const ALL: [Self; 4] = [Self::Run, Self::Look, Self::Move, Self::General];

    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Run => "the run",
            Self::Look => "looking",
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

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    pub layer: Layer,
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
    /// What `event` asks for in `layer`.
    #[must_use]
    pub fn action(&self, layer: Layer, event: KeyEvent) -> Option<Action> {
        let key = Key::from(event);
        self.of(layer)
            .find(|binding| binding.keys.contains(&key))
            .map(|binding| binding.action)
    }

    /// The bindings of a layer in the table's order.
    pub fn of(&self, layer: Layer) -> impl Iterator<Item = &Binding> {
        self.bindings
            .iter()
            .filter(move |binding| binding.layer == layer)
    }

    /// The key bar of a layer: the first key of each binding and its word; neighbours with the same word are one.
    #[must_use]
    pub fn bar(&self, layer: Layer, shown: impl Fn(Action) -> bool) -> Vec<(String, &'static str)> {
        let mut bar: Vec<(String, &'static str)> = Vec::new();
        for binding in self
            .of(layer)
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
        let binding = |&(layer, keys, action, section, short, long): &Row| Binding {
            layer,
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

/// Layer, keys, action, section, the bar's word, the help's words.
type Row = (
    Layer,
    &'static str,
    Action,
    Section,
    &'static str,
    &'static str,
);

/// A row a line, as a table should be read.
macro_rules! table {
    ($($layer:ident $keys:literal => $action:expr, $section:ident, $short:literal, $long:literal;)*) => {
        &[$((Layer::$layer, $keys, $action, Section::$section, $short, $long)),*]
    };
}

const TABLE: &[Row] = table! {
    Main "? f1"           => A::Help,           General, "help",       "this help";
    Main "q ctrl-c"       => A::Quit,           General, "quit",       "leave; asks first if a run is at work";
    Main "space p"        => A::Pause,          Run,     "pause",      "pause after this step, or go on";
    Main "n right l"      => A::NextSample,     Look,    "sample",     "next sample of the panel";
    Main "N left h"       => A::PreviousSample, Look,    "sample",     "previous sample";
    Main "e"              => A::Evaluate,       Run,     "evaluate",   "evaluate now";
    Main "c"              => A::Checkpoint,     Run,     "checkpoint", "save a checkpoint now";
    Main "tab"            => A::NextPane,       Move,    "pane",       "next pane";
    Main "shift-tab"      => A::PreviousPane,   Move,    "",           "previous pane";
    Main "s"              => A::Smoothing,      Look,    "smoothing",  "smooth the curve more, or not at all";
    Main "enter"          => A::Enlarge,        Move,    "enlarge",    "the pane alone, and back";
    Main "t"              => A::OtherStage,     Look,    "stage",      "the other stage's curve and accuracy";
    Main "up k"           => A::Up,             Move,    "",           "scroll up";
    Main "down j"         => A::Down,           Move,    "",           "scroll down";
    Main "pgup"           => A::PageUp,         Move,    "",           "a page up";
    Main "pgdn"           => A::PageDown,       Move,    "",           "a page down";
    Main "1"              => A::Screen(0),      Move,    "",           "the Train screen";
    Main "esc"            => A::Out,            Move,    "",           "one layer out";
    Main "ctrl-l"         => A::Redraw,         General, "",           "draw all anew";

    Help "esc ? q enter"  => A::Out,            General, "close",      "close the help";
    Help "down j"         => A::Down,           Move,    "scroll",     "scroll down";
    Help "up k"           => A::Up,             Move,    "scroll",     "scroll up";
    Help "pgdn space"     => A::PageDown,       Move,    "",           "a page down";
    Help "pgup"           => A::PageUp,         Move,    "",           "a page up";

    Quit "g"              => A::Headless,       Run,     "",           "leave; the run goes on without a screen";
    Quit "s"              => A::Stop,           Run,     "",           "stop after this step, with a checkpoint";
    Quit "esc c n ctrl-c" => A::Out,            General, "",           "stay here";
    Quit "down j tab"     => A::Down,           Move,    "choose",     "next choice";
    Quit "up k shift-tab" => A::Up,             Move,    "choose",     "previous choice";
    Quit "enter"          => A::Choose,         General, "take it",    "take the marked choice";
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
    fn no_key_is_bound_twice_in_a_layer() {
        let keymap = Keymap::default();
        for layer in [Layer::Main, Layer::Help, Layer::Quit] {
            let keys: Vec<Key> = keymap
                .of(layer)
                .flat_map(|binding| binding.keys.clone())
                .collect();
            assert!(
                keys.iter()
                    .enumerate()
                    .all(|(n, key)| !keys[..n].contains(key)),
                "{layer:?}"
            );
        }
    }

    #[test]
    fn shift_is_part_of_the_character() {
        let press =
            |code, modifiers| Keymap::default().action(Layer::Main, KeyEvent::new(code, modifiers));
        assert_eq!(
            press(KeyCode::Char('N'), KeyModifiers::SHIFT),
            Some(Action::PreviousSample)
        );
        assert_eq!(
            press(KeyCode::BackTab, KeyModifiers::SHIFT),
            Some(Action::PreviousPane)
        );
        assert_eq!(press(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
        assert_eq!(
            press(KeyCode::Char('c'), KeyModifiers::CONTROL),
            Some(Action::Quit)
        );
    }

    #[test]
    fn neighbours_share_a_place_in_the_bar() {
        let bar = Keymap::default().bar(Layer::Main, |action| !action.is_command());
        assert!(bar.contains(&("n/N".to_owned(), "sample")), "{bar:?}");
        assert!(!bar.iter().any(|(_, word)| *word == "pause"), "{bar:?}");
    }
}
