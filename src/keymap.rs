//! Keys and their actions. The rows are in [`table`]: what a key does, the key bar and the help all follow from it.

mod action;
mod change;
mod changeable;
mod key;
mod scope;
mod screen;
mod synonyms;
mod table;

use crossterm::event::KeyEvent;

use self::table::{Row, TABLE};
pub use self::{
    action::Action,
    change::Clash,
    key::Key,
    scope::{Scope, Section},
    screen::Screen,
    synonyms::synonyms,
};

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    pub scope: Scope,
    pub keys: Vec<Key>,
    pub action: Action,
    pub section: Section,
    /// The key bar's label; neighbouring bindings with the same label share an entry. Empty: not in the bar.
    pub short: &'static str,
    /// The text in the help.
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

    /// The key bar: the first key of each binding and its label; neighbouring bindings with the same label become one
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
    use crossterm::event::{KeyCode, KeyModifiers};

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
    fn related_keys_share_an_entry_of_the_key_bar() {
        let bar = Keymap::default().bar(Scope::of_screen(Screen::Train), |action| !action.is_command());
        assert!(bar.contains(&("n/N".to_owned(), "sample")), "{bar:?}");
        assert!(!bar.iter().any(|(_, word)| *word == "pause"), "{bar:?}");
    }
}
