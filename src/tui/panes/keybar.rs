//! The last row: the keys of the layer that has them, and a notice about the last key pressed.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::{notice::fits, scene::Scene};
use crate::{
    keymap::{Action, Screen},
    text::{clean, columns, fit},
    tui::ui::Layer,
};

/// The label of the key that cancels what is being waited for.
const GIVE_UP: &str = "give up";

/// A key and its label.
type Item = (String, String);

/// Paints the row. Keys that do not fit are left to the help, whose key is always shown.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &Scene) {
    let theme = scene.theme;
    let notice = match (&scene.ui.notice, &scene.waits) {
        // Longer notices are shown above the keys.
        (Some(notice), _) => Some(clean(notice)).filter(|notice| fits(notice, area.width)),
        // On narrower screens the header shows it, and the key is more important here.
        (None, Some(waits)) if scene.ui.layer == Layer::Main && area.width >= 40 => {
            Some(fit(&clean(&waits.words()), usize::from(area.width) / 2))
        }
        (None, _) => None,
    };
    let notice = notice.unwrap_or_default();
    let waits = scene.waits.as_ref().filter(|waits| waits.can_be_given_up());
    let way_out = waits.filter(|_| scene.ui.layer == Layer::Main).map(|_| {
        let key = scene.keymap.key_for(scene.ui.screen, Action::Out);
        (format!(" {key} "), format!("{GIVE_UP} "))
    });
    let room = usize::from(area.width).saturating_sub(columns(&notice) + 1);
    // A replay that has not begun has no room on screens that show another thing.
    let unplayed = |action: Action| action.is_playing() && !scene.offers.playing && scene.ui.screen != Screen::Sessions;
    let bar = scene.keymap.bar(scene.ui.scopes(), |action| {
        scene.offers.holds(action) && !unplayed(action)
    });
    let items = bar.into_iter().map(|(keys, word)| {
        let word = if word == "pause" && scene.state.paused {
            "go on"
        } else {
            word
        };
        (format!(" {keys} "), format!("{word} "))
    });
    let items = way_out.into_iter().chain(items).collect();
    let mut spans = Vec::new();
    for (keys, word) in fitting(items, room) {
        spans.push(Span::styled(
            keys,
            Style::new().fg(theme.accent).add_modifier(Modifier::BOLD),
        ));
        spans.push(Span::styled(word, Style::new().fg(theme.dim)));
    }
    Line::from(spans).render(area, buffer);
    if !notice.is_empty() {
        // A span, because a line's style would also colour the keys.
        let right = Span::styled(format!("{notice} "), Style::new().fg(theme.warning));
        Line::from(right).right_aligned().render(area, buffer);
    }
}

/// The first keys that fit into `room` columns next to the essential ones: always the key that cancels waiting and the
/// help; next pane and quit if half of the room is left.
fn fitting(items: Vec<Item>, room: usize) -> Vec<Item> {
    let width = |(keys, word): &Item| columns(keys) + columns(word);
    let is = |(_, word): &Item, of: &[&str]| of.contains(&word.trim());
    let of = |of: &[&str]| -> usize { items.iter().filter(|item| is(item, of)).map(width).sum() };
    let lasting: &[&str] = if 2 * of(&[GIVE_UP, "help", "pane", "quit"]) <= room {
        &[GIVE_UP, "help", "pane", "quit"]
    } else if of(&[GIVE_UP, "help"]) <= room {
        &[GIVE_UP, "help"]
    } else if of(&[GIVE_UP]) > 0 {
        &[GIVE_UP]
    } else {
        &["help"]
    };
    let mut left = room.saturating_sub(of(lasting));
    let mut full = false;
    let mut fits = |item: &Item| {
        if is(item, lasting) {
            return true;
        }
        full |= width(item) > left;
        left = left.saturating_sub(width(item));
        !full
    };
    let kept: Vec<bool> = items.iter().map(&mut fits).collect();
    items
        .into_iter()
        .zip(kept)
        .filter_map(|(item, kept)| kept.then_some(item))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_key_is_shown_at_any_width() {
        let items: Vec<Item> = ["open", "filter", "help", "quit"]
            .map(|word| (" k ".to_owned(), format!("{word} ")))
            .into();
        let words = |room: usize| -> String {
            let shown = fitting(items.clone(), room);
            shown.into_iter().map(|(_, word)| word).collect()
        };
        assert_eq!(words(100), "open filter help quit ");
        assert_eq!(words(32), "open help quit ");
        assert_eq!(words(26), "open filter help ");
        assert_eq!(words(25), "open help ");
        assert_eq!(words(3), "help ");
    }
}
