//! Recall and precision of each class, the lowest recall first.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    figures::{count, percent},
    text::{clean, columns, pad},
    tui::{
        browse::rows::Rows,
        panes::{bar::bar, scene::Scene},
        ui::{Pane, Spot},
    },
};

/// Paints the classes, scrolled so that the cursor's is visible.
pub fn render(rows: &Rows, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let theme = scene.theme;
    let labels: Vec<String> = rows.labels.iter().map(|label| clean(label)).collect();
    let names = labels.iter().map(|label| columns(label)).max().unwrap_or(0);
    let names = names.min(usize::from(area.width) / 3);
    let hidden = labels.len().saturating_sub(area.height.into());
    let class_at = scene.cursor.class;
    let place = rows.by_recall.iter().position(|&class| class == class_at).unwrap_or(0);
    let top = place.min(hidden);
    let width = usize::from(area.width).saturating_sub(names + 2 + 27);
    for (y, &class) in (area.y..area.bottom()).zip(rows.by_recall.iter().skip(top)) {
        let Some(label) = labels.get(class) else { continue };
        let (recall, precision, support) = rows.class(class);
        let (filled, rest) = bar(recall, width);
        let marked = class == class_at && scene.ui.focus() == Pane::Summary;
        let name = if marked {
            Style::new().fg(theme.on_accent).bg(theme.accent)
        } else {
            Style::new().fg(theme.text)
        };
        let line = Line::from(vec![
            Span::styled(pad(label, names), name),
            Span::raw("  "),
            Span::styled(filled, Style::new().fg(theme.bar)),
            Span::styled(rest, Style::new().fg(theme.faint)),
            Span::styled(format!(" {:>8}", percent(recall)), Style::new().fg(theme.text)),
            Span::styled(format!("  {:>8}", percent(precision)), Style::new().fg(theme.dim)),
            Span::styled(format!("  {:>6}", count(support.into())), Style::new().fg(theme.dim)),
        ]);
        let area = Rect { y, height: 1, ..area };
        line.render(area, buffer);
        scene.ui.spots.push((Spot::Class(class), area));
    }
}
