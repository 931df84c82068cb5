//! The command palette: the binding table's rows, found by what they do.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

use super::keymap::{Binding, Keymap, Offers, Scope};

/// The bindings on offer that `text` may mean, the best first; all of them where it is empty.
#[must_use]
pub fn find<'a>(keymap: &'a Keymap, scopes: &[Scope], offers: Offers, text: &str) -> Vec<&'a Binding> {
    let bindings: Vec<&Binding> = keymap
        .of(scopes)
        .filter(|binding| offers.holds(binding.action))
        .collect();
    if text.trim().is_empty() {
        return bindings;
    }
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut found: Vec<(u32, &Binding)> = bindings
        .into_iter()
        .filter_map(|binding| {
            let words = format!("{} {}", binding.short, binding.long);
            let score = pattern.score(Utf32Str::new(&words, &mut Vec::new()), &mut matcher)?;
            Some((score, binding))
        })
        .collect();
    // Stable: of equals the table's order decides.
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, binding)| binding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::{keymap::Action, ui::Screen};

    fn first(text: &str) -> Option<Action> {
        let keymap = Keymap::default();
        let offers = Offers {
            commands: true,
            playing: false,
            stages: true,
        };
        find(&keymap, Scope::of_screen(Screen::Train), offers, text)
            .first()
            .map(|binding| binding.action)
    }

    #[test]
    fn words_in_part_find_what_they_mean() {
        assert_eq!(first("checkp"), Some(Action::Checkpoint));
        assert_eq!(first("evnow"), Some(Action::Evaluate));
        assert_eq!(first("learning rate"), Some(Action::LearningRate));
        assert_eq!(
            (first("zzzz"), first("replay: faster")),
            (None, None),
            "nothing is played"
        );
        assert_eq!(first(""), Some(Action::Pause));
    }
}
