//! Each class's probability, the most likely first.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use super::{arrangement::PROBABILITIES, bar::bar};
use crate::{
    session::Prediction,
    text::{clean, columns, pad},
    theme::Theme,
};

/// Paints the classes by probability, in two columns if one is too short; a dot marks the gold class.
pub fn render(prediction: &Prediction, gold: &str, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let mut classes: Vec<(String, f64)> = prediction
        .probabilities
        .iter()
        .map(|(label, &share)| (clean(label), share))
        .collect();
    classes.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let (gold, said) = (clean(gold), clean(&prediction.prediction));
    let rows = usize::from(area.height).max(1);
    let across = if classes.len() > rows && area.width >= 2 * PROBABILITIES {
        2
    } else {
        1
    };
    let gap = 3 * (across - 1);
    let width = (area.width - gap) / across;
    let rows = rows.min(classes.len().div_ceil(across.into()));
    let names = classes.iter().map(|(label, _)| columns(label)).max().unwrap_or(0);
    let names = names.min(usize::from(width) / 2);
    for (n, (label, share)) in classes.into_iter().take(rows * usize::from(across)).enumerate() {
        let color = match (label == gold, label == said) {
            (true, _) => theme.good,
            (false, true) => theme.bad,
            _ => theme.dim,
        };
        let mark = if label == gold { "•" } else { " " };
        let (filled, rest) = bar(share, usize::from(width).saturating_sub(names + 8));
        let line = Line::from(vec![
            Span::styled(format!("{mark} {} ", pad(&label, names)), Style::new().fg(color)),
            Span::styled(filled, Style::new().fg(theme.bar)),
            Span::styled(rest, Style::new().fg(theme.faint)),
            Span::styled(format!("{:>4.0}%", share * 100.0), Style::new().fg(theme.text)),
        ]);
        let (x, y) = (area.x + (n / rows) as u16 * (width + gap), area.y + (n % rows) as u16);
        line.render(Rect::new(x, y, width, 1), buffer);
    }
}
