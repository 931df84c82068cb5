//! What all rows together say: one of three figures.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line, widgets::Widget};

use super::{Scene, bordered, classes, confusion, nothing_yet, reliability};
use crate::tui::{
    browse::{Summary, rows::Rows},
    figures::percent,
    ui::Pane,
};

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (title, note) = match scene.browse.summary {
        Summary::Confusion if scene.browse.normalised => ("confusion", "gold down, says across · % of a row"),
        Summary::Confusion => ("confusion", "gold down, says across"),
        Summary::Classes => ("classes", "recall, precision, images"),
        Summary::Reliability => ("reliability", "how often it is right, by how sure it is"),
    };
    let inner = bordered(Pane::Summary, title, note, area, buffer, scene);
    let Some(rows) = scene.browse.rows().cloned() else {
        return nothing_yet("no predictions yet", inner, buffer, scene.theme);
    };
    if inner.height < 3 {
        return;
    }
    let body = Rect {
        height: inner.height - 1,
        ..inner
    };
    match scene.browse.summary {
        Summary::Confusion => confusion::render(&rows, body, buffer, scene),
        Summary::Classes => classes::render(&rows, body, buffer, scene),
        Summary::Reliability => reliability::render(&rows, body, buffer, scene),
    }
    let bottom = Rect {
        y: inner.bottom() - 1,
        height: 1,
        ..inner
    };
    Line::styled(figures(&rows), Style::new().fg(scene.theme.dim)).render(bottom, buffer);
}

fn figures(rows: &Rows) -> String {
    let of = rows.figures;
    let mut text = format!(
        "right {}   macro-F1 {}   ECE {:.3}",
        percent(of.accuracy),
        percent(of.macro_f1),
        of.ece
    );
    if let Some(share) = of.polarity_accuracy {
        text += &format!("   polarity {}", percent(share));
    }
    if let Some(distance) = of.wheel_distance {
        text += &format!("   wheel {distance:.2}");
    }
    text
}
