//! The command palette: finds rows of the binding table by their descriptions, those of other screens too.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

use super::offers::Offers;
use crate::keymap::{Binding, Keymap, Scope, Screen, synonyms};

/// A command that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'a> {
    pub binding: &'a Binding,
    /// The screen to go to first, if it is another one's command.
    pub screen: Option<Screen>,
}

/// The available bindings that match `text`: those that it names, then the best, and this screen's before equally good ones of
/// others; all of this screen's if it is empty.
#[must_use]
pub fn find<'a>(keymap: &'a Keymap, screen: Screen, offers: Offers, text: &str) -> Vec<Found<'a>> {
    let words = |found: &Found| {
        let Found { binding, .. } = found;
        format!("{} {} {}", binding.short, binding.long, synonyms(binding.action))
    };
    let mut found = Vec::new();
    let mut add = |scopes: &[Scope], screen: Option<Screen>| {
        let bindings = keymap.of(scopes).filter(|binding| offers.holds(binding.action));
        found.extend(bindings.map(|binding| Found { binding, screen }));
    };
    add(Scope::of_screen(screen), None);
    if !text.trim().is_empty() {
        for other in Screen::ALL.into_iter().filter(|other| *other != screen) {
            // What all screens have is there already.
            add(&Scope::of_screen(other)[..1], Some(other));
        }
    }
    let mut found = matching(found, text, words);
    let asked = text.trim().to_lowercase();
    // A word that names a command comes before sentences that contain it.
    let is_named = |found: &Found| {
        synonyms(found.binding.action)
            .split_whitespace()
            .any(|word| word == asked)
    };
    found.sort_by_key(|found| !is_named(found));
    found
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
    use crate::keymap::Action;

    const OFFERS: Offers = Offers {
        commands: true,
        playing: false,
        playable: true,
        stages: true,
        overlaid: false,
    };

    fn first(text: &str) -> Option<Action> {
        let keymap = Keymap::default();
        let found = find(&keymap, Screen::Train, OFFERS, text);
        found.first().map(|found| found.binding.action)
    }

    #[test]
    fn parts_of_words_find_the_command() {
        assert_eq!(first("checkp"), Some(Action::Checkpoint));
        assert_eq!(first("evnow"), Some(Action::Evaluate));
        assert_eq!(first("learning rate"), Some(Action::LearningRate));
        assert_eq!(
            (first("zzzz"), first("replay: faster")),
            (None, None),
            "nothing is played"
        );
        assert_ne!(
            first("take all away"),
            Some(Action::ClearOverlays),
            "nothing lies over the curves"
        );
        assert_eq!(first(""), Some(Action::Pause));
    }

    #[test]
    fn the_words_of_other_programs_find_their_command_on_any_screen() {
        let keymap = Keymap::default();
        for (text, action) in [
            ("replay", Action::PlayPause),
            ("overlay", Action::Overlay),
            ("lr", Action::LearningRate),
            ("tensorboard", Action::Export),
            ("clone", Action::CloneRun),
            ("resume", Action::Resume),
            ("delete", Action::Remove),
        ] {
            for screen in Screen::ALL {
                let found = find(&keymap, screen, OFFERS, text);
                let first = found.first().unwrap();
                assert_eq!(first.binding.action, action, "{text} on {screen:?}");
                let here = Scope::of_screen(screen).contains(&first.binding.scope);
                assert_eq!(first.screen.is_none(), here, "{text} on {screen:?}");
            }
        }
    }
}
