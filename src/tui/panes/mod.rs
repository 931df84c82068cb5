//! The panes of the screens, one file each: each paints an area from the run's state and what the person looks at.

mod about;
pub mod accuracy;
mod answers;
mod arrangement;
pub mod choice;
mod classes;
mod comparison;
mod confusion;
pub mod curves;
mod differences;
mod effects;
pub mod entry;
mod faithfulness;
pub mod form;
pub mod help;
mod image;
pub mod keybar;
pub mod log;
pub mod message;
pub mod notice;
pub mod overlay;
mod pair;
mod pairs;
pub mod palette;
mod plot;
mod portrait;
mod probabilities;
pub mod quit;
pub mod rationale;
mod reliability;
mod rows;
pub mod sample;
mod sessions;
pub mod status;
mod summary;
mod table;

use std::path::Path;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Block, BorderType, Widget},
};

use self::{curves::Curves, overlay::Losses};
use super::{
    browse::Browse,
    compare::Compare,
    offers::Offers,
    opening::Waits,
    overlays::Overlays,
    pictures::Pictures,
    sessions::Sessions,
    ui::{Pane, Ui},
};
use crate::{
    keymap::Keymap,
    session::{Metrics, RunState},
    text::{columns, fit, wrap},
    theme::{Depth, Theme},
};

/// What the panes paint from.
pub struct Scene<'a> {
    pub state: &'a RunState,
    pub ui: &'a mut Ui,
    pub browse: &'a Browse,
    pub compare: &'a Compare,
    pub sessions: &'a Sessions,
    /// The folder of the session that is shown.
    pub folder: &'a Path,
    pub overlays: &'a Overlays,
    /// The frozen model's figures.
    pub frozen: Option<&'a Metrics>,
    /// The player's place and pace, where a journal is played.
    pub playing: Option<String>,
    /// Whether predictions are being read.
    pub reading: bool,
    /// What the model does while it is being opened.
    pub opening: Option<&'a str>,
    /// What the person waits for while the keys work.
    pub waits: Option<Waits>,
    pub theme: &'a Theme,
    pub keymap: &'a Keymap,
    pub pictures: &'a mut Pictures,
    /// The curves' cache between frames.
    pub curves: &'a mut Curves,
    pub losses: &'a mut Losses,
    /// Whether samples have pictures, or text alone.
    pub show_pictures: bool,
    /// Bytes that the terminal was sent in the last busy second.
    pub sent: Option<u64>,
    /// Whether the run takes commands from here.
    pub commands: bool,
    /// Whether the run's process has disappeared without a final record.
    pub lost: bool,
    /// What key bar and palette offer.
    pub offers: Offers,
    /// Whether there is a model that can be asked.
    pub can_ask: bool,
}

/// Paints a pane with its border.
pub fn render(pane: Pane, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let paint = match pane {
        Pane::Loss => curves::render,
        Pane::Accuracy => accuracy::render,
        Pane::Sample => sample::render,
        Pane::Rationale => rationale::render,
        Pane::Log => log::render,
        Pane::Table => table::render,
        Pane::Summary => summary::render,
        Pane::Image => image::render,
        Pane::Answers => answers::render,
        Pane::Pairs => pairs::render,
        Pane::Pair => pair::render,
        Pane::Figures => comparison::render,
        Pane::Differences => differences::render,
        Pane::Losses => overlay::render,
        Pane::Sessions => sessions::render,
        Pane::About => about::render,
    };
    scene.ui.places.push((pane, area));
    paint(area, buffer, scene);
}

/// A pane's border and title (`note` beside it, dim); gives the area inside. The focused pane's border stands out.
fn bordered(pane: Pane, title: &str, note: &str, area: Rect, buffer: &mut Buffer, scene: &Scene) -> Rect {
    let theme = scene.theme;
    let focused = scene.ui.focus() == pane;
    let (border, title_color) = if focused {
        (theme.accent, theme.accent)
    } else {
        (theme.faint, theme.text)
    };
    // Without colours the shape of the frame shows the focus.
    let border_type = if focused && theme.depth == Depth::Mono {
        BorderType::Thick
    } else {
        BorderType::Rounded
    };
    let room = usize::from(area.width).saturating_sub(6);
    let title = fit(title, room);
    let left = room.saturating_sub(columns(&title) + 3);
    let mut heading = vec![Span::styled(
        format!(" {title} "),
        Style::new().fg(title_color).add_modifier(Modifier::BOLD),
    )];
    if !note.is_empty() && left > 3 {
        heading.push(Span::styled(
            format!("· {} ", fit(note, left.saturating_sub(2))),
            Style::new().fg(theme.dim),
        ));
    }
    let block = Block::bordered()
        .border_type(border_type)
        .border_style(Style::new().fg(border))
        .title(Line::from(heading));
    let inner = block.inner(area);
    block.render(area, buffer);
    // A column of air on both sides, where there is room for it.
    let air = u16::from(inner.width > 20);
    Rect::new(
        inner.x + air,
        inner.y,
        inner.width.saturating_sub(2 * air),
        inner.height,
    )
}

/// Says on the lower border of a pane's `area` that `lines` more lie below.
fn more_below(lines: usize, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    if lines > 0 && area.width > 16 && area.height > 0 {
        let bottom = Rect {
            y: area.bottom() - 1,
            height: 1,
            width: area.width - 2,
            ..area
        };
        let text = Line::styled(format!(" ↓ {lines} more "), Style::new().fg(theme.dim));
        text.right_aligned().render(bottom, buffer);
    }
}

/// A sentence in the middle of a pane that has nothing to show yet; cut only where the pane has no rows for all of it.
fn nothing_yet(text: &str, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    if area.is_empty() {
        return;
    }
    let mut rows = wrap(text, area.width.into());
    if rows.len() > area.height.into() {
        rows = vec![fit(text, area.width.into())];
    }
    let above = (area.height - rows.len() as u16).div_ceil(2);
    let style = Style::new().fg(theme.dim);
    for (row, y) in rows.iter().zip(area.y + above..) {
        Line::styled(row.as_str(), style)
            .centered()
            .render(Rect { y, height: 1, ..area }, buffer);
    }
}

/// A bar of `width` columns filled by `share`: half a column is the finest step. The filled part and the rest.
fn bar(share: f64, width: usize) -> (String, String) {
    let halves = if share.is_finite() {
        (share.clamp(0.0, 1.0) * (width * 2) as f64).round() as usize
    } else {
        0
    };
    let mut filled = "━".repeat(halves / 2);
    if halves % 2 == 1 {
        filled.push('╸');
    }
    (filled, "─".repeat(width - halves.div_ceil(2)))
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars_are_as_wide_as_asked() {
        assert_eq!(bar(0.5, 4), ("━━".to_owned(), "──".to_owned()));
        assert_eq!(bar(0.375, 4), ("━╸".to_owned(), "──".to_owned()));
        assert_eq!(bar(1.0, 2), ("━━".to_owned(), String::new()));
        assert_eq!(bar(f64::NAN, 2), (String::new(), "──".to_owned()));
    }
}
