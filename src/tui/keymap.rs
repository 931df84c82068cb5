//! The one table of keys: what a key does, what the key bar shows and what the help says all come from here.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use self::{Action as A, Section as S};
use super::ui::{Layer, Layer as L};

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

const TABLE: &[Row] = &[
    (L::Main, "? f1", A::Help, S::General, "help", "this help"),
    (
        L::Main,
        "q ctrl-c",
        A::Quit,
        S::General,
        "quit",
        "leave; asks first if a run is at work",
    ),
    (
        L::Main,
        "space p",
        A::Pause,
        S::Run,
        "pause",
        "pause after this step, or go on",
    ),
    (
        L::Main,
        "n right l",
        A::NextSample,
        S::Look,
        "sample",
        "next sample of the panel",
    ),
    (
        L::Main,
        "N left h",
        A::PreviousSample,
        S::Look,
        "sample",
        "previous sample",
    ),
    (
        L::Main,
        "e",
        A::Evaluate,
        S::Run,
        "evaluate",
        "evaluate now",
    ),
    (
        L::Main,
        "c",
        A::Checkpoint,
        S::Run,
        "checkpoint",
        "save a checkpoint now",
    ),
    (L::Main, "tab", A::NextPane, S::Move, "pane", "next pane"),
    (
        L::Main,
        "s",
        A::Smoothing,
        S::Look,
        "smoothing",
        "smooth the curve more, or not at all",
    ),
    (
        L::Main,
        "enter",
        A::Enlarge,
        S::Move,
        "enlarge",
        "the pane alone, and back",
    ),
    (
        L::Main,
        "t",
        A::OtherStage,
        S::Look,
        "stage",
        "the other stage's curve and accuracy",
    ),
    (
        L::Main,
        "shift-tab",
        A::PreviousPane,
        S::Move,
        "",
        "previous pane",
    ),
    (L::Main, "up k", A::Up, S::Move, "", "scroll up"),
    (L::Main, "down j", A::Down, S::Move, "", "scroll down"),
    (L::Main, "pgup", A::PageUp, S::Move, "", "a page up"),
    (L::Main, "pgdn", A::PageDown, S::Move, "", "a page down"),
    (L::Main, "1", A::Screen(0), S::Move, "", "the Train screen"),
    (L::Main, "esc", A::Out, S::Move, "", "one layer out"),
    (
        L::Main,
        "ctrl-l",
        A::Redraw,
        S::General,
        "",
        "draw all anew",
    ),
    (
        L::Help,
        "esc ? q enter",
        A::Out,
        S::General,
        "close",
        "close the help",
    ),
    (L::Help, "down j", A::Down, S::Move, "scroll", "scroll down"),
    (L::Help, "up k", A::Up, S::Move, "scroll", "scroll up"),
    (
        L::Help,
        "pgdn space",
        A::PageDown,
        S::Move,
        "",
        "a page down",
    ),
    (L::Help, "pgup", A::PageUp, S::Move, "", "a page up"),
    (
        L::Quit,
        "g",
        A::Headless,
        S::Run,
        "",
        "leave; the run goes on without a screen",
    ),
    (
        L::Quit,
        "s",
        A::Stop,
        S::Run,
        "",
        "stop after this step and keep a checkpoint",
    ),
    (
        L::Quit,
        "esc c n ctrl-c",
        A::Out,
        S::General,
        "",
        "stay here",
    ),
    (
        L::Quit,
        "down j tab",
        A::Down,
        S::Move,
        "choose",
        "next choice",
    ),
    (
        L::Quit,
        "up k shift-tab",
        A::Up,
        S::Move,
        "choose",
        "previous choice",
    ),
    (
        L::Quit,
        "enter",
        A::Choose,
        S::General,
        "take it",
        "take the marked choice",
    ),
];

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
