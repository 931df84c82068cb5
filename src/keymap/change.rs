//! Other keys for some actions, as the config file sets them.

use indexmap::IndexMap;

use super::{Action, Key, Keymap, Scope, Screen};

/// A key that two actions of one screen would share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} would be the key of `{}` and of `{}` on the {screen} screen", .key.name(), .actions[0].name(), .actions[1].name())]
pub struct Clash {
    pub key: Key,
    pub screen: &'static str,
    pub actions: [Action; 2],
}

impl Keymap {
    /// The table with other keys for some actions, on every screen that has the action.
    ///
    /// # Errors
    /// If a screen would have one key for two actions.
    pub fn changed(changes: &IndexMap<Action, Vec<Key>>) -> Result<Self, Clash> {
        let mut keymap = Self::default();
        let of_screens = |scope: Scope| {
            Screen::ALL
                .iter()
                .any(|&screen| Scope::of_screen(screen).contains(&scope))
        };
        for binding in keymap.bindings.iter_mut().filter(|binding| of_screens(binding.scope)) {
            if let Some(keys) = changes.get(&binding.action) {
                binding.keys.clone_from(keys);
            }
        }
        match Screen::ALL.into_iter().find_map(|screen| keymap.clash(screen)) {
            Some(clash) => Err(clash),
            None => Ok(keymap),
        }
    }

    fn clash(&self, screen: Screen) -> Option<Clash> {
        let mut taken: IndexMap<Key, Action> = IndexMap::new();
        for binding in self.of(Scope::of_screen(screen)) {
            for &key in &binding.keys {
                let before = taken.insert(key, binding.action);
                if let Some(other) = before.filter(|&other| other != binding.action) {
                    return Some(Clash {
                        key,
                        screen: screen.title(),
                        actions: [other, binding.action],
                    });
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;

    fn changes(list: &[(Action, &str)]) -> IndexMap<Action, Vec<Key>> {
        let keys = |names: &str| names.split(' ').map(|name| Key::named(name).unwrap()).collect();
        list.iter().map(|&(action, names)| (action, keys(names))).collect()
    }

    #[test]
    fn a_changed_action_has_its_new_keys_on_all_screens_and_dialogs_keep_theirs() {
        let keymap = Keymap::changed(&changes(&[(Action::Filter, "f2"), (Action::Out, "backspace")])).unwrap();
        let press = |scopes, code| keymap.action(scopes, KeyEvent::new(code, KeyModifiers::NONE));
        for screen in [Screen::Browse, Screen::Compare, Screen::Sessions] {
            let scopes = Scope::of_screen(screen);
            assert_eq!(press(scopes, KeyCode::F(2)), Some(Action::Filter));
            assert_eq!(press(scopes, KeyCode::Char('/')), None);
            assert_eq!(press(scopes, KeyCode::Backspace), Some(Action::Out));
        }
        assert_eq!(press(&[Scope::Entry], KeyCode::Esc), Some(Action::Out));
        assert_eq!(press(&[Scope::Entry], KeyCode::Backspace), None);
    }

    #[test]
    fn two_actions_of_a_screen_never_share_a_key() {
        let clash = Keymap::changed(&changes(&[(Action::Pause, "e")])).unwrap_err();
        assert_eq!(clash.actions, [Action::Pause, Action::Evaluate]);
        assert_eq!((clash.screen, clash.key.name()), ("Train", "e".to_owned()));
        // Exchanged keys do not clash; nor do the keys of two screens.
        assert!(Keymap::changed(&changes(&[(Action::Pause, "e"), (Action::Evaluate, "p")])).is_ok());
        assert!(Keymap::changed(&changes(&[(Action::Mark, "e")])).is_ok());
    }
}
