//! The command palette: finds rows of the binding table by their descriptions.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

use super::offers::Offers;
use crate::keymap::{Binding, Keymap, Scope};

/// The available bindings that match `text`, the best first; all of them if it is empty.
#[must_use]
pub fn find<'a>(keymap: &'a Keymap, scopes: &[Scope], offers: Offers, text: &str) -> Vec<&'a Binding> {
    let bindings: Vec<&Binding> = keymap
        .of(scopes)
        .filter(|binding| offers.holds(binding.action))
        .collect();
    matching(bindings, text, |binding| format!("{} {}", binding.short, binding.long))
}

/// The items whose `words` match `text`, the best first; all of them if it is empty.
pub fn matching<T>(items: Vec<T>, text: &str, words: impl Fn(&T) -> String) -> Vec<T> {
    if text.trim().is_empty() {
        return items;
    }
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut found: Vec<(u32, T)> = items
        .into_iter()
        .filter_map(|item| {
            let score = pattern.score(Utf32Str::new(&words(&item), &mut Vec::new()), &mut matcher)?;
            Some((score, item))
        })
        .collect();
    // The sort is stable, so items with equal scores keep their order.
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keymap::{Action, Screen};

    fn first(text: &str) -> Option<Action> {
        let keymap = Keymap::default();
        let offers = Offers {
            commands: true,
            playing: false,
            stages: true,
            overlaid: false,
        };
        find(&keymap, Scope::of_screen(Screen::Train), offers, text)
            .first()
            .map(|binding| binding.action)
    }

    #[test]
    fn parts_of_words_find_the_command() {
        assert_eq!(first("checkp"), Some(Action::Checkpoint));
        assert_eq!(first("evnow"), Some(Action::Evaluate));
        assert_eq!(first("learning rate"), Some(Action::LearningRate));
        assert_eq!(
            (first("zzzz"), first("replay: faster"), first("take all away")),
            (None, None, None),
            "nothing is played, nothing lies over the curves"
        );
        assert_eq!(first(""), Some(Action::Pause));
    }
}
