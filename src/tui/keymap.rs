//! The one table of keys: what a key does, what the key bar shows and what the help says all come from here.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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
    const fn new(code: KeyCode) -> Self {
        Self {
            code,
            modifiers: KeyModifiers::NONE,
        }
    }

    const fn char(c: char) -> Self {
        Self::new(KeyCode::Char(c))
    }

    const fn ctrl(c: char) -> Self {
        Self {
            code: KeyCode::Char(c),
            modifiers: KeyModifiers::CONTROL,
        }
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
        use Action as A;
        use Section::{General, Look, Move, Run};
        let (char, code) = (Key::char, Key::new);
        let mut bindings = Vec::new();
        let mut bind = |layer, keys: &[Key], action, section, short, long| {
            bindings.push(Binding {
                layer,
                keys: keys.to_vec(),
                action,
                section,
                short,
                long,
            });
        };

        let main = Layer::Main;
        bind(
            main,
            &[char('?'), code(KeyCode::F(1))],
            A::Help,
            General,
            "help",
            "this help",
        );
        bind(
            main,
            &[char('q'), Key::ctrl('c')],
            A::Quit,
            General,
            "quit",
            "leave; asks where a run would be left alone",
        );
        bind(
            main,
            &[char(' '), char('p')],
            A::Pause,
            Run,
            "pause",
            "pause after this step, or go on",
        );
        bind(
            main,
            &[char('n'), code(KeyCode::Right), char('l')],
            A::NextSample,
            Look,
            "sample",
            "next sample of the panel",
        );
        bind(
            main,
            &[char('N'), code(KeyCode::Left), char('h')],
            A::PreviousSample,
            Look,
            "sample",
            "previous sample",
        );
        bind(
            main,
            &[code(KeyCode::Tab)],
            A::NextPane,
            Move,
            "pane",
            "next pane",
        );
        bind(
            main,
            &[code(KeyCode::Enter)],
            A::Enlarge,
            Move,
            "enlarge",
            "the pane on the whole screen, and back",
        );
        bind(
            main,
            &[char('e')],
            A::Evaluate,
            Run,
            "evaluate",
            "evaluate now",
        );
        bind(
            main,
            &[char('c')],
            A::Checkpoint,
            Run,
            "checkpoint",
            "save a checkpoint now",
        );
        bind(
            main,
            &[char('s')],
            A::Smoothing,
            Look,
            "smoothing",
            "smooth the curve more, or not at all",
        );
        bind(
            main,
            &[char('t')],
            A::OtherStage,
            Look,
            "stage",
            "the other stage's curve and accuracy",
        );
        bind(
            main,
            &[code(KeyCode::BackTab)],
            A::PreviousPane,
            Move,
            "",
            "previous pane",
        );
        bind(
            main,
            &[code(KeyCode::Up), char('k')],
            A::Up,
            Move,
            "",
            "scroll up",
        );
        bind(
            main,
            &[code(KeyCode::Down), char('j')],
            A::Down,
            Move,
            "",
            "scroll down",
        );
        bind(
            main,
            &[code(KeyCode::PageUp)],
            A::PageUp,
            Move,
            "",
            "a page up",
        );
        bind(
            main,
            &[code(KeyCode::PageDown)],
            A::PageDown,
            Move,
            "",
            "a page down",
        );
        bind(
            main,
            &[char('1')],
            A::Screen(0),
            Move,
            "",
            "the Train screen",
        );
        bind(
            main,
            &[code(KeyCode::Esc)],
            A::Out,
            Move,
            "",
            "one layer out",
        );
        bind(
            main,
            &[Key::ctrl('l')],
            A::Redraw,
            General,
            "",
            "draw all anew, load the pictures again",
        );

        let help = Layer::Help;
        bind(
            help,
            &[
                code(KeyCode::Esc),
                char('?'),
                char('q'),
                code(KeyCode::Enter),
            ],
            A::Out,
            General,
            "close",
            "close the help",
        );
        bind(
            help,
            &[code(KeyCode::Down), char('j')],
            A::Down,
            Move,
            "scroll",
            "scroll down",
        );
        bind(
            help,
            &[code(KeyCode::Up), char('k')],
            A::Up,
            Move,
            "scroll",
            "scroll up",
        );
        bind(
            help,
            &[code(KeyCode::PageDown), char(' ')],
            A::PageDown,
            Move,
            "",
            "a page down",
        );
        bind(
            help,
            &[code(KeyCode::PageUp)],
            A::PageUp,
            Move,
            "",
            "a page up",
        );

        let quit = Layer::Quit;
        bind(
            quit,
            &[char('g')],
            A::Headless,
            Run,
            "",
            "leave; the run goes on without a screen",
        );
        bind(
            quit,
            &[char('s')],
            A::Stop,
            Run,
            "",
            "stop after this step and keep a checkpoint",
        );
        bind(
            quit,
            &[code(KeyCode::Esc), char('c'), char('n'), Key::ctrl('c')],
            A::Out,
            General,
            "",
            "stay here",
        );
        bind(
            quit,
            &[code(KeyCode::Down), char('j'), code(KeyCode::Tab)],
            A::Down,
            Move,
            "choose",
            "next choice",
        );
        bind(
            quit,
            &[code(KeyCode::Up), char('k'), code(KeyCode::BackTab)],
            A::Up,
            Move,
            "choose",
            "previous choice",
        );
        bind(
            quit,
            &[code(KeyCode::Enter)],
            A::Choose,
            General,
            "take it",
            "take the marked choice",
        );
        Self { bindings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
