//! The actions that a config file may name: those of the screens' keys.

use super::{action::Action, table::TABLE};

impl Action {
    /// The actions whose keys may be changed: those of the screens. Dialogs and lines being typed keep their keys.
    pub fn changeable() -> impl Iterator<Item = Self> {
        let rows = || TABLE.iter().filter(|(scope, ..)| scope.is_of_screen());
        rows().enumerate().filter_map(move |(place, &(_, _, action, ..))| {
            let first = rows().position(|&(_, _, other, ..)| other == action);
            (first == Some(place)).then_some(action)
        })
    }
}

impl TryFrom<String> for Action {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let mut actions = Self::changeable();
        actions
            .find(|action| action.name() == name)
            .ok_or_else(|| format!("no action is called `{name}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_map_back_to_their_actions() {
        let actions: Vec<Action> = Action::changeable().collect();
        assert!(actions.len() > 60 && !actions.contains(&Action::Choose));
        for &action in &actions {
            assert_eq!(Action::try_from(action.name().to_owned()), Ok(action));
            let snake = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(action.name().chars().all(snake), "{}", action.name());
        }
        assert!(Action::try_from("choose".to_owned()).is_err());
    }
}
