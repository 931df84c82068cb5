//! The reliability diagram with horizontal bars: one bar per range of confidence, as long as its accuracy; a mark shows
//! where it should end.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    figures::{count, signed},
    tui::{browse::rows::Rows, panes::scene::Scene},
};

/// Paints the bins that contain images, the highest confidence first.
pub fn render(rows: &Rows, area: Rect, buffer: &mut Buffer, scene: &Scene) {
    let theme = scene.theme;
    let width = usize::from(area.width).saturating_sub(10 + 19).max(4);
    let bins = rows.bins.iter().enumerate().rev().filter(|(_, bin)| bin.samples > 0);
    for (y, (place, bin)) in (area.y..area.bottom()).zip(bins) {
        let samples = bin.samples as f64;
        let (right, sure) = (bin.right as f64 / samples, bin.confidence / samples);
        let cells = |share: f64| ((share * width as f64).round() as usize).min(width);
        let mark = cells(sure).clamp(1, width) - 1;
        let mut bar: Vec<Span> = Vec::with_capacity(width);
        for cell in 0..width {
            bar.push(if cell == mark {
                Span::styled("┃", Style::new().fg(theme.validation).add_modifier(Modifier::BOLD))
            } else if cell < cells(right) {
                Span::styled("━", Style::new().fg(theme.bar))
            } else {
                Span::styled("─", Style::new().fg(theme.faint))
            });
        }
        let mut spans = vec![Span::styled(
            format!("{:>3}–{:<3} % ", place * 10, place * 10 + 10),
            Style::new().fg(theme.dim),
        )];
        spans.extend(bar);
        let gap = (right - sure) * 100.0;
        spans.push(Span::styled(
            format!(" {:>4.0} %  {:>4}", right * 100.0, signed(gap, 0)),
            Style::new().fg(theme.text),
        ));
        spans.push(Span::styled(
            format!(" {:>5}", count(bin.samples as u64)),
            Style::new().fg(theme.dim),
        ));
        Line::from(spans).render(Rect { y, height: 1, ..area }, buffer);
    }
}
