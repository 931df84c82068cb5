//! How the predictions rank: precision and recall of the class under the cursor, and the risk of the most confident images.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    symbols::Marker,
    text::{Line, Span},
    widgets::{Axis, Chart, Dataset, GraphType, Widget},
};

use crate::{
    figures::percent,
    text::{clean, fit},
    theme::Theme,
    tui::{
        browse::rows::{Ranking, Rows},
        panes::scene::Scene,
    },
};

/// Paints the two curves side by side, or the first alone where there is no room for both.
pub fn render(rows: &Rows, area: Rect, buffer: &mut Buffer, scene: &Scene) {
    let theme = scene.theme;
    let class = scene.cursor.class.min(rows.labels.len().saturating_sub(1));
    let name = rows.labels.get(class).map(|label| clean(label)).unwrap_or_default();
    let [left, right] = if area.width >= 50 {
        Layout::horizontal([Constraint::Percentage(50), Constraint::Min(0)])
            .spacing(1)
            .areas(area)
    } else {
        [area, Rect { width: 0, ..area }]
    };
    if let Some(found) = rows.precision_recall.get(class) {
        let mean = format!("AP {}", percent(found.mean));
        paint(found, ["recall", "precision"], &[name, mean], 1.0, left, buffer, theme);
    }
    if right.width > 0 {
        let found = &rows.risk_coverage;
        let highest = found.points.iter().map(|point| point.1).fold(0.0, f64::max);
        let mean = format!("mean {}", percent(found.mean));
        let title = ["risk by coverage".to_owned(), mean];
        // Errors are few: the axis ends at the next tenth.
        let top = ((highest * 10.0).ceil() / 10.0).clamp(0.1, 1.0);
        paint(found, ["coverage", "errors"], &title, top, right, buffer, theme);
    }
}

fn paint(
    found: &Ranking,
    [x, y]: [&'static str; 2],
    title: &[String; 2],
    top: f64,
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
) {
    let (dim, text) = (Style::new().fg(theme.dim), Style::new().fg(theme.text));
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let room = usize::from(head.width).saturating_sub(title[1].len() + 2);
    Line::from(vec![
        Span::styled(fit(&title[0], room), text.add_modifier(Modifier::BOLD)),
        Span::styled(format!("  {}", title[1]), dim),
    ])
    .render(head, buffer);
    if found.points.is_empty() {
        return Line::styled("no image has this class", dim).render(body, buffer);
    }
    let axis = |title: &'static str, end: f64| {
        Axis::default()
            .title(title)
            .style(dim)
            .bounds([0.0, end])
            .labels(["0".to_owned(), format!("{:.0} %", end * 100.0)])
    };
    let points = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .style(Style::new().fg(theme.smooth))
        .data(&found.points);
    Chart::new(vec![points])
        .x_axis(axis(x, 1.0))
        .y_axis(axis(y, top))
        .legend_position(None)
        .render(body, buffer);
}
