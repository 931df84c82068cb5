//! Lists above the line being typed: what the palette has found.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Block, BorderType, Clear, Widget},
};

use super::scene::Scene;
use crate::{
    text::{fit, pad},
    tui::{palette::find, ui::Spot},
};

/// The largest number of rows.
const ROWS: u16 = 12;
const KEYS: usize = 12;

/// Paints the commands at the lower end of `screen`, above its last row.
pub fn render(screen: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let found = find(scene.keymap, scene.ui.screen, scene.offers, scene.ui.line.value());
    let marked = found.get(scene.ui.choice.min(found.len().saturating_sub(1)));
    let list = List {
        title: " commands ",
        none: "no command matches",
        count: found.len(),
        // The marked action's name in the config file, for binding another key to it.
        foot: marked.map_or_else(String::new, |found| {
            format!(" tui.keys.{} ", found.binding.action.name())
        }),
    };
    let rows = list.render(screen, buffer, scene, |place, style, width| {
        let found = found.get(place)?;
        let keys = found.binding.keys.iter().map(ToString::to_string);
        let keys = keys.collect::<Vec<_>>().join(" ");
        let words = match found.screen {
            Some(screen) => format!("{}: {}", screen.title(), found.binding.long),
            None => found.binding.long.to_owned(),
        };
        let words = fit(&words, width.saturating_sub(KEYS + 2));
        let words = pad(&words, width.saturating_sub(KEYS + 1));
        Some(Line::from(vec![
            Span::styled(format!(" {}", pad(&keys, KEYS)), style.add_modifier(Modifier::BOLD)),
            Span::styled(words, style),
        ]))
    });
    scene.ui.spots.extend(rows);
}

/// A list with a marked row.
pub struct List<'a> {
    pub title: &'a str,
    /// The message if the list is empty.
    pub none: &'a str,
    pub count: usize,
    /// The text on the lower border.
    pub foot: String,
}

impl List<'_> {
    /// Paints the list and returns where its rows can be clicked. `line` returns a row of a given width and style.
    pub fn render<'a>(
        &self,
        screen: Rect,
        buffer: &mut Buffer,
        scene: &Scene,
        line: impl Fn(usize, Style, usize) -> Option<Line<'a>>,
    ) -> Vec<(Spot, Rect)> {
        let mut painted = Vec::new();
        let theme = scene.theme;
        let room = screen.height.saturating_sub(3).min(ROWS);
        let rows = usize::from(room).min(self.count.max(1));
        let height = rows as u16 + 2;
        let width = screen.width.min(72);
        if width < 20 || screen.height < height + 1 {
            return painted;
        }
        let area = Rect::new(screen.x, screen.bottom() - 1 - height, width, height);
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(Style::new().fg(theme.accent))
            .title(Span::styled(
                self.title,
                Style::new().fg(theme.accent).add_modifier(Modifier::BOLD),
            ))
            .title_bottom(Line::styled(self.foot.as_str(), Style::new().fg(theme.dim)).right_aligned());
        let inner = block.inner(area);
        Clear.render(area, buffer);
        block.render(area, buffer);
        if self.count == 0 {
            let none = format!(" {}", fit(self.none, usize::from(inner.width).saturating_sub(1)));
            Line::styled(none, Style::new().fg(theme.dim)).render(inner, buffer);
            return painted;
        }
        let marked = scene.ui.choice.min(self.count - 1);
        let top = (marked + 1).saturating_sub(rows);
        for (y, place) in (inner.y..inner.bottom()).zip(top..self.count) {
            let style = if place == marked {
                Style::new().fg(theme.on_accent).bg(theme.accent)
            } else {
                Style::new().fg(theme.text)
            };
            if let Some(line) = line(place, style, inner.width.into()) {
                let row = Rect { y, height: 1, ..inner };
                line.render(row, buffer);
                painted.push((Spot::Choice(place), row));
            }
        }
        painted
    }
}
