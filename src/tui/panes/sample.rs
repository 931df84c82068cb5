//! One image of the panel: the picture, what each of the six aspects looks at, and what the model makes of it.
//!
//! The picture and the maps are equal tiles. Their arrangement is the one with the largest tiles:
//!
//! ```text
//! row:     picture  face    object  scene       column:  picture  gold, prediction,
//!          card     action  bright  color                face     probabilities  ...
//!          probabilities where room is left              action   bright  color
//! ```

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Paragraph, Widget, Wrap},
};

use super::{Scene, bar, bordered, nothing_yet};
use crate::{
    data::View,
    session::{Prediction, SampleSeen},
    tui::{
        figures::{count, percent},
        heatmap::sequential,
        pictures::{Look, Subject},
        text::{clean, columns, fit, fit_end, pad},
        theme::{Depth, Theme},
        ui::Pane,
    },
};

/// A tile's picture has at least so many columns.
const SMALLEST_TILE: u16 = 4;
/// The probabilities need so many columns.
const PROBABILITIES: u16 = 24;

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let slots = scene.state.panel.len();
    let Some(sample) = scene.ui.cursor.sample(scene.state).cloned() else {
        let inner = bordered(Pane::Sample, "sample", "", area, buffer, scene);
        return nothing_yet(
            "samples come with the first evaluation",
            inner,
            buffer,
            scene.theme,
        );
    };
    let place = scene.ui.cursor.sample.min(slots.saturating_sub(1)) + 1;
    let room = usize::from(area.width).saturating_sub(40);
    let name = if room >= 8 {
        format!(" · {}", fit_end(&clean(&sample.image), room))
    } else {
        String::new()
    };
    let note = format!("step {}{name}", count(sample.step));
    let inner = bordered(
        Pane::Sample,
        &format!("sample {place}/{slots}"),
        &note,
        area,
        buffer,
        scene,
    );
    if inner.height < 3 || inner.width < 12 {
        verdict(&sample, None, inner.width.into(), scene.theme).render(inner, buffer);
        return;
    }
    let look = scene.pictures.look(&sample);
    let arranged = Arrangement::fitting(inner);
    for (tile, subject) in arranged.tiles.iter().zip(subjects()) {
        paint_tile(*tile, subject, &sample, buffer, scene);
    }
    card(arranged.card, &sample, look.as_deref(), buffer, scene.theme);
    if let (Some(area), Some(prediction)) = (
        arranged.probabilities,
        look.as_deref()
            .and_then(|look| look.prediction.as_ref().ok()),
    ) {
        probabilities(prediction, &sample, area, buffer, scene.theme);
    }
}

/// An aspect's name where there is little room.
#[must_use]
pub const fn short_name(view: View) -> &'static str {
    match view {
        View::FacialExpression => "face",
        View::Object => "object",
        View::Scene => "scene",
        View::HumanAction => "action",
        View::Brightness => "brightness",
        View::Colorfulness => "color",
    }
}

fn subjects() -> impl Iterator<Item = Subject> {
    std::iter::once(Subject::Picture).chain(View::ALL.map(Subject::Attention))
}

/// Where all goes.
struct Arrangement {
    /// The picture, then the six maps; a row of text above each.
    tiles: Vec<Rect>,
    card: Rect,
    probabilities: Option<Rect>,
}

impl Arrangement {
    fn fitting(area: Rect) -> Self {
        // The columns of a tile's picture, its rows being half of them, in `across` x `down` tiles.
        let tile = |across: u16, down: u16, gaps: u16| {
            let by_width = (area.width - (across - 1).min(area.width)) / across;
            let by_height = (area.height.saturating_sub(gaps) / down).saturating_sub(1) * 2;
            by_width.min(by_height).max(SMALLEST_TILE)
        };
        let (row, column) = (tile(4, 2, 0), tile(3, 3, 0));
        if column > row {
            Self::column(area, column)
        } else {
            Self::row(area, row)
        }
    }

    fn row(area: Rect, width: u16) -> Self {
        let high = width.div_ceil(2) + 1;
        let grid = Grid { area, width, high };
        let (right, below) = (
            area.width.saturating_sub(4 * (width + 1)),
            area.height.saturating_sub(2 * high),
        );
        let probabilities = if right >= PROBABILITIES {
            Some(Rect {
                x: area.right() - right,
                width: right,
                y: area.y + 1,
                height: area.height - 1,
            })
        } else if below >= 3 {
            Some(Rect {
                y: area.y + 2 * high + 1,
                height: below - 1,
                ..area
            })
        } else {
            None
        };
        let places = [(0, 0), (1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (3, 1)];
        Self {
            tiles: places.map(|(x, y)| grid.tile(x, y)).to_vec(),
            card: grid.tile(0, 1),
            probabilities,
        }
    }

    fn column(area: Rect, width: u16) -> Self {
        let high = width.div_ceil(2) + 1;
        let grid = Grid { area, width, high };
        let beside = grid.tile(1, 0);
        let beside = Rect {
            x: beside.x + 1,
            width: area.right().saturating_sub(beside.x + 1),
            ..beside
        };
        let card = Rect {
            height: beside.height.min(6),
            ..beside
        };
        let rest = Rect {
            y: card.bottom(),
            height: beside.height - card.height,
            ..beside
        };
        let places = [(0, 0), (0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (2, 2)];
        let probabilities = (rest.height >= 3).then_some(rest);
        Self {
            tiles: places.map(|(x, y)| grid.tile(x, y)).to_vec(),
            card,
            probabilities,
        }
    }
}

/// Tiles of equal size, a column apart.
struct Grid {
    area: Rect,
    width: u16,
    high: u16,
}

impl Grid {
    fn tile(&self, x: u16, y: u16) -> Rect {
        let tile = Rect::new(
            self.area.x + x * (self.width + 1),
            self.area.y + y * self.high,
            self.width,
            self.high,
        );
        tile.intersection(self.area)
    }
}

/// A label and the picture below it; on a map its peak is marked.
fn paint_tile(
    tile: Rect,
    subject: Subject,
    sample: &SampleSeen,
    buffer: &mut Buffer,
    scene: &mut Scene,
) {
    if tile.height < 2 || tile.width < 2 {
        return;
    }
    let theme = scene.theme;
    let picture = Rect {
        y: tile.y + 1,
        height: tile.height - 1,
        ..tile
    };
    let surface = scene
        .pictures
        .surface(sample, subject, Size::new(picture.width, picture.height));
    let label = match subject {
        Subject::Picture => "picture",
        Subject::Attention(view) => short_name(view),
    };
    let mut heading = vec![Span::styled(
        fit(label, tile.width.into()),
        Style::new().fg(theme.text),
    )];
    match surface {
        Some(Ok(surface)) => {
            let place = surface.render(picture, buffer);
            if let Some(weight) = surface
                .peak_weight
                .filter(|_| columns(label) + 5 <= usize::from(tile.width))
            {
                heading.push(Span::styled(
                    format!(" {:.0} %", weight * 100.0),
                    Style::new().fg(theme.dim),
                ));
            }
            if let Some((x, y)) = surface.peak {
                mark_peak(place.x + x, place.y + y, buffer);
            }
        }
        Some(Err(error)) => message(&clean(&error), picture, buffer, theme.bad),
        None => message("…", picture, buffer, theme.dim),
    }
    Line::from(heading).render(Rect { height: 1, ..tile }, buffer);
}

/// A cross on the peak's cell, dark on light heat.
fn mark_peak(x: u16, y: u16, buffer: &mut Buffer) {
    if let Some(cell) = buffer.cell_mut((x, y)) {
        let heat = cell.bg;
        cell.set_symbol("+")
            .set_fg(Color::Rgb(0, 0, 0))
            .set_bg(heat);
        cell.modifier |= Modifier::BOLD;
    }
}

fn message(text: &str, area: Rect, buffer: &mut Buffer, color: Color) {
    Paragraph::new(text)
        .style(Style::new().fg(color))
        .wrap(Wrap { trim: true })
        .render(area, buffer);
}

/// Gold and prediction, and how to read the maps.
fn card(area: Rect, sample: &SampleSeen, look: Option<&Look>, buffer: &mut Buffer, theme: &Theme) {
    let share = look
        .and_then(|look| look.prediction.as_ref().ok())
        .and_then(|p| p.probabilities.get(&sample.prediction));
    let width = usize::from(area.width);
    let (mark, color) = answer_mark(sample, theme);
    let dim = Style::new().fg(theme.dim);
    let mut lines = vec![
        Line::from(vec![
            Span::styled("gold  ", dim),
            Span::styled(
                fit(&clean(&sample.gold), width.saturating_sub(6)),
                Style::new().fg(theme.text),
            ),
        ]),
        Line::from(vec![
            Span::styled("says  ", dim),
            Span::styled(
                fit(&clean(&sample.prediction), width.saturating_sub(8)),
                Style::new().fg(color).add_modifier(Modifier::BOLD),
            ),
            Span::styled(format!(" {mark}"), Style::new().fg(color)),
        ]),
        Line::from(vec![
            Span::raw("      "),
            Span::styled(
                share.map(|&share| percent(share)).unwrap_or_default(),
                Style::new().fg(theme.text),
            ),
        ]),
    ];
    if let Some(error) = look.and_then(|look| look.prediction.as_ref().err()) {
        message(&clean(error), area, buffer, theme.bad);
        return;
    }
    let spare = usize::from(area.height).saturating_sub(lines.len() + 2);
    lines.extend((0..spare.min(2)).map(|_| Line::default()));
    lines.push(Line::styled(
        if width >= 20 {
            "attention, each map by itself"
        } else {
            "attention"
        },
        dim,
    ));
    lines.push(legend(width, theme));
    // A row above, where the tiles beside have their labels.
    let top = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    Paragraph::new(lines).render(top, buffer);
}

/// The maps' colours from low to high.
fn legend(width: usize, theme: &Theme) -> Line<'static> {
    let steps = width.saturating_sub(9).clamp(1, 16);
    let mut spans = vec![Span::styled("low ", Style::new().fg(theme.dim))];
    spans.extend((0..steps).map(|step| {
        let heat = step as f32 / (steps - 1).max(1) as f32;
        let [r, g, b] = sequential(heat);
        let shade = if theme.depth == Depth::Mono {
            ["░", "▒", "▓", "█"][((heat * 4.0) as usize).min(3)]
        } else {
            "█"
        };
        Span::styled(shade, Style::new().fg(Color::Rgb(r, g, b)))
    }));
    spans.push(Span::styled(" high", Style::new().fg(theme.dim)));
    Line::from(spans)
}

/// `gold awe · says fear ✗`, where there is room for no more.
fn verdict(
    sample: &SampleSeen,
    look: Option<&Arc<Look>>,
    width: usize,
    theme: &Theme,
) -> Line<'static> {
    let (mark, color) = answer_mark(sample, theme);
    let share = look.and_then(|look| {
        look.prediction
            .as_ref()
            .ok()?
            .probabilities
            .get(&sample.prediction)
            .copied()
    });
    let share = share
        .map(|share| format!(" {}", percent(share)))
        .unwrap_or_default();
    let text = format!(
        "gold {} · says {} {mark}{share}",
        clean(&sample.gold),
        clean(&sample.prediction)
    );
    Line::styled(fit(&text, width), Style::new().fg(color))
}

fn answer_mark(sample: &SampleSeen, theme: &Theme) -> (&'static str, Color) {
    if sample.prediction == sample.gold {
        ("✓", theme.good)
    } else {
        ("✗", theme.bad)
    }
}

/// The classes by probability, in one or two columns.
fn probabilities(
    prediction: &Prediction,
    sample: &SampleSeen,
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
) {
    let mut classes: Vec<(&String, f64)> = prediction
        .probabilities
        .iter()
        .map(|(label, &share)| (label, share))
        .collect();
    classes.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let rows = usize::from(area.height).max(1);
    let columns_wanted = if classes.len() > rows && area.width >= 2 * PROBABILITIES {
        2
    } else {
        1
    };
    let gap = 2 * (columns_wanted - 1) as u16;
    let width = (area.width - gap) / columns_wanted as u16;
    let rows = rows.min(classes.len().div_ceil(columns_wanted));
    let name_width = classes
        .iter()
        .map(|(label, _)| columns(label))
        .max()
        .unwrap_or(0)
        .min(usize::from(width) / 2);
    for (n, (label, share)) in classes.into_iter().take(rows * columns_wanted).enumerate() {
        let (x, y) = (
            area.x + (n / rows) as u16 * (width + gap),
            area.y + (n % rows) as u16,
        );
        let color = match (label == &sample.gold, label == &sample.prediction) {
            (true, _) => theme.good,
            (false, true) => theme.bad,
            _ => theme.dim,
        };
        let gold = if label == &sample.gold { "•" } else { " " };
        let (filled, rest) = bar(share, usize::from(width).saturating_sub(name_width + 10));
        let line = Line::from(vec![
            Span::styled(
                format!("{gold} {} ", pad(&clean(label), name_width)),
                Style::new().fg(color),
            ),
            Span::styled(filled, Style::new().fg(theme.bar)),
            Span::styled(rest, Style::new().fg(theme.faint)),
            Span::styled(
                format!("{:>7}", percent(share)),
                Style::new().fg(theme.text),
            ),
        ]);
        line.render(Rect::new(x, y, width, 1), buffer);
    }
}
