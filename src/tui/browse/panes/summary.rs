//! A summary of all rows: the confusion matrix or its list, the classes, the reliability diagram or curves of the scores.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line, widgets::Widget};

use super::{classes, confusion, confusions, ranking, reliability};
use crate::{
    figures::{calibration, count, percent},
    text::{clean, columns, fit},
    tui::{
        browse::{Summary, rows::Rows},
        panes::{
            frame::{bordered, nothing_yet},
            scene::Scene,
        },
        ui::Pane,
    },
};

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (title, note) = match scene.browse.summary {
        Summary::Confusion if scene.browse.normalised => ("confusion", "gold down, says across · % of a row"),
        Summary::Confusion => ("confusion", "gold down, says across"),
        Summary::Confusions => ("confusions", "the most frequent first"),
        Summary::Classes => ("classes", "recall, precision, images; the lowest recall first"),
        Summary::Reliability => ("reliability", "how often it is right, by how sure it is"),
        Summary::Ranking => ("ranking", "by probability of a class; by confidence"),
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
        Summary::Confusions => confusions::render(&rows, body, buffer, scene),
        Summary::Classes => classes::render(&rows, body, buffer, scene),
        Summary::Reliability => reliability::render(&rows, body, buffer, scene),
        Summary::Ranking => ranking::render(&rows, body, buffer, scene),
    }
    let bottom = Rect {
        y: inner.bottom() - 1,
        height: 1,
        ..inner
    };
    let cell = scene.browse.summary == Summary::Confusion && scene.ui.focus() == Pane::Summary;
    let text = match cell.then(|| named_cell(&rows, scene)).flatten() {
        Some(cell) => fit(&cell, inner.width.into()),
        None => figures(&rows, inner.width.into()),
    };
    Line::styled(text, Style::new().fg(scene.theme.dim)).render(bottom, buffer);
}

/// The matrix's cell under the cursor, with whole names.
fn named_cell(rows: &Rows, scene: &Scene) -> Option<String> {
    let (gold, predicted) = (scene.cursor.class, scene.browse.predicted);
    let row = rows.confusion.get(gold)?;
    let (images, all) = (*row.get(predicted)?, row.iter().sum::<u32>());
    Some(format!(
        "{} → {}: {} of {} ({})",
        clean(rows.labels.get(gold)?),
        clean(rows.labels.get(predicted)?),
        count(images.into()),
        count(all.into()),
        percent(f64::from(images) / f64::from(all.max(1)))
    ))
}

/// As many of the figures as there are columns for.
fn figures(rows: &Rows, width: usize) -> String {
    let of = rows.figures;
    let always = [
        Some(format!("right {}", percent(of.accuracy))),
        Some(format!("macro-F1 {}", percent(of.macro_f1))),
        Some(format!("ECE {}", calibration(of.ece))),
    ];
    let on_the_wheel = [
        of.polarity_accuracy.map(|share| format!("polarity {}", percent(share))),
        of.wheel_distance.map(|distance| format!("wheel {distance:.2}")),
    ];
    let mut text = String::new();
    for figure in always.into_iter().chain(on_the_wheel).flatten() {
        let gap = if text.is_empty() { "" } else { "   " };
        if columns(&text) + columns(gap) + columns(&figure) > width {
            break;
        }
        text += gap;
        text += &figure;
    }
    text
}
