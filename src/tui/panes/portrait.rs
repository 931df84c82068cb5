//! An image with the model's view of it: the picture, the six attention maps, and the prediction.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect, Size},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Paragraph, Widget, Wrap},
};

use super::{arrangement::Arrangement, probabilities, scene::Scene};
use crate::{
    data::View,
    figures::percent,
    heatmap::sequential,
    text::{clean, columns, fit},
    theme::{Depth, Theme},
    tui::{
        browse::intervention::Intervention,
        pictures::{Source, Subject},
        surface::Peak,
        waits::Waits,
    },
};

/// What is painted.
pub struct Portrait<'a> {
    pub source: Source,
    pub gold: &'a str,
    pub prediction: &'a str,
    /// The intervention on the image.
    pub tried: Option<&'a Intervention>,
}

/// Paints the portrait.
pub fn render(portrait: &Portrait, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let look = scene.pictures.look(&portrait.source);
    let prediction = look.as_deref().and_then(|look| look.prediction.as_ref());
    if let Some(Err(error)) = prediction {
        return message(&clean(error), area, buffer, scene.theme.bad);
    }
    let prediction = prediction.and_then(|prediction| prediction.as_ref().ok());
    let share = prediction.and_then(|p| p.probabilities.get(portrait.prediction).copied());
    if area.height < 5 || area.width < 20 {
        return verdict(portrait, share, area, buffer, scene.theme);
    }
    if !scene.show_pictures {
        let [top, rest] = Layout::vertical([Constraint::Length(6), Constraint::Min(0)]).areas(area);
        verdict(portrait, share, top, buffer, scene.theme);
        if let Some(prediction) = prediction {
            probabilities::render(prediction, portrait.gold, rest, buffer, scene.theme);
        }
        return;
    }
    let Some(prediction) = prediction.filter(|prediction| !prediction.aspects.is_empty()) else {
        // No map yet, or a model without aspects.
        let classes = prediction.map_or(0, |prediction| prediction.probabilities.len() as u16);
        let classes = classes.min(area.height / 3);
        let [top, middle, bottom] =
            Layout::vertical([Constraint::Length(2), Constraint::Min(0), Constraint::Length(classes)]).areas(area);
        verdict(portrait, share, top, buffer, scene.theme);
        if let Some(prediction) = prediction {
            probabilities::render(prediction, portrait.gold, bottom, buffer, scene.theme);
        }
        return paint_tile(middle, Subject::Picture, portrait, buffer, scene);
    };

    if let Some(view) = scene.ui.alone.filter(|view| prediction.aspects.contains_key(view)) {
        return alone(view, portrait, share, area, buffer, scene);
    }
    let arranged = Arrangement::fitting(area);
    let heat = scene.ui.heat;
    let subjects = std::iter::once(Subject::Picture).chain(View::ALL.map(|view| Subject::Attention(view, heat)));
    for (tile, subject) in arranged.tiles.iter().zip(subjects) {
        paint_tile(*tile, subject, portrait, buffer, scene);
    }
    // The picture starts a row below the tiles' labels.
    let top = u16::from(arranged.verdict.height > 1);
    let place = arranged.verdict;
    let place = Rect {
        y: place.y + top,
        height: place.height - top,
        ..place
    };
    verdict(portrait, share, place, buffer, scene.theme);
    if let Some(area) = arranged.probabilities {
        probabilities::render(prediction, portrait.gold, area, buffer, scene.theme);
    }
    if let Some(area) = arranged.legend {
        legend(area.width.into(), scene.theme).render(area, buffer);
    }
}

/// The picture and one aspect's map, as large as possible; side by side on a wide area.
fn alone(view: View, portrait: &Portrait, share: Option<f64>, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let [top, middle, bottom] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(0), Constraint::Length(1)]).areas(area);
    verdict(portrait, share, top, buffer, scene.theme);
    let halves = if middle.width >= 2 * middle.height {
        Layout::horizontal([Constraint::Percentage(50), Constraint::Min(0)]).spacing(1)
    } else {
        Layout::vertical([Constraint::Percentage(50), Constraint::Min(0)])
    };
    let [left, right]: [Rect; 2] = halves.areas(middle);
    paint_tile(left, Subject::Picture, portrait, buffer, scene);
    paint_tile(right, Subject::Attention(view, scene.ui.heat), portrait, buffer, scene);
    legend(bottom.width.into(), scene.theme).render(bottom, buffer);
}

/// An aspect's short name.
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

/// A label and the picture or map below it; a map's peak is marked.
fn paint_tile(tile: Rect, subject: Subject, portrait: &Portrait, buffer: &mut Buffer, scene: &mut Scene) {
    if tile.height < 2 || tile.width < 2 {
        return;
    }
    let theme = scene.theme;
    let area = Rect {
        y: tile.y + 1,
        height: tile.height - 1,
        ..tile
    };
    let label = match subject {
        Subject::Picture | Subject::MarkedPicture => "picture",
        Subject::Attention(view, _) => short_name(view),
    };
    let muted =
        matches!((subject, portrait.tried), (Subject::Attention(view, _), Some(tried)) if tried.muted.contains(&view));
    let style = if muted {
        Style::new().fg(theme.dim).add_modifier(Modifier::CROSSED_OUT)
    } else {
        Style::new().fg(theme.text)
    };
    let mut heading = vec![Span::styled(fit(label, tile.width.into()), style)];
    if let (Subject::Attention(..), Some(query)) = (subject, scene.ui.heat.query) {
        heading.push(Span::styled(format!(" q{}", query + 1), Style::new().fg(theme.dim)));
    }
    let size = Size::new(area.width, area.height);
    let marked = portrait.tried.is_some_and(Intervention::marks_patches);
    let painted = if marked && subject == Subject::Picture {
        Subject::MarkedPicture
    } else {
        subject
    };
    match scene.pictures.surface(&portrait.source, painted, size) {
        Some(Ok(surface)) => {
            let place = scene.pictures.show(&surface, area, buffer);
            if let (Subject::Picture, Some(tried), Some(grid)) = (subject, portrait.tried, grid(scene, portrait)) {
                mark_patches(tried, grid, place, buffer, theme);
            }
            if let Some(peak) = surface.peak {
                if surface.pixels().is_none() {
                    mark_peak(place.x + peak.x, place.y + peak.y, buffer);
                }
                heading.extend(shares(
                    &peak,
                    usize::from(tile.width).saturating_sub(columns(label)),
                    theme,
                ));
            }
        }
        Some(Err(_)) if matches!(scene.waits, Some(Waits::Drawing(_))) => {
            message("being drawn …", area, buffer, theme.dim);
        }
        Some(Err(error)) => {
            let bare = matches!(subject, Subject::Attention(..));
            message(&clean(&error), area, buffer, if bare { theme.dim } else { theme.bad });
        }
        None => message("…", area, buffer, theme.dim),
    }
    Line::from(heading).render(Rect { height: 1, ..tile }, buffer);
}

/// What the heading says of a map in `room` columns: the peak's share, or that the map hugs the border.
fn shares(peak: &Peak, room: usize, theme: &Theme) -> Option<Span<'static>> {
    let weight = format!(" {:.0}%", peak.weight * 100.0);
    let border = peak.border.map(|share| format!(" {:.0}% on the border", share * 100.0));
    let short = peak.border.map(|_| " border".to_owned());
    let warning = Style::new().fg(theme.warning);
    let told = [
        (border, warning),
        (short, warning),
        (Some(weight), Style::new().fg(theme.dim)),
    ];
    let mut told = told.into_iter().filter_map(|(text, style)| Some((text?, style)));
    told.find(|(text, _)| columns(text) <= room)
        .map(|(text, style)| Span::styled(text, style))
}

/// The grid of the picture's merged patches, if the model has been asked.
fn grid(scene: &mut Scene, portrait: &Portrait) -> Option<[usize; 2]> {
    let look = scene.pictures.look(&portrait.source)?;
    let prediction = look.prediction.as_ref()?.as_ref().ok()?;
    prediction.aspects.values().next()?.whole_grid()
}

/// Paints blanked patches as grey fields, and the region's cursor as a frame in its colour.
fn mark_patches(tried: &Intervention, [height, width]: [usize; 2], place: Rect, buffer: &mut Buffer, theme: &Theme) {
    let mut fill = |row: usize, column: usize, symbol: &str, style: Style| {
        let edge = |at: usize, of: usize, from: u16, cells: u16| from + (at * usize::from(cells) / of.max(1)) as u16;
        let (left, right) = (
            edge(column, width, place.x, place.width),
            edge(column + 1, width, place.x, place.width),
        );
        let (top, bottom) = (
            edge(row, height, place.y, place.height),
            edge(row + 1, height, place.y, place.height),
        );
        // A patch smaller than a cell still gets one cell.
        for y in top..bottom.max(top + 1) {
            for x in left..right.max(left + 1) {
                if let Some(cell) = buffer.cell_mut((x, y)) {
                    cell.set_symbol(symbol).set_style(style);
                }
            }
        }
    };
    for &patch in &tried.blanked {
        fill(
            patch / width.max(1),
            patch % width.max(1),
            "░",
            Style::new().fg(theme.dim).bg(theme.faint),
        );
    }
    if let Some((row, column)) = tried.cursor {
        let blanked = tried.blanked.contains(&(row * width + column));
        let symbol = if blanked { "▒" } else { "+" };
        fill(row, column, symbol, Style::new().fg(theme.on_accent).bg(theme.accent));
    }
}

/// A dark cross on the peak's cell, which is the map's lightest.
fn mark_peak(x: u16, y: u16, buffer: &mut Buffer) {
    if let Some(cell) = buffer.cell_mut((x, y)) {
        cell.set_symbol("+").set_fg(Color::Rgb(0, 0, 0));
        cell.modifier |= Modifier::BOLD;
    }
}

/// A text in a colour, wrapped.
pub fn message(text: &str, area: Rect, buffer: &mut Buffer, color: Color) {
    let text = Paragraph::new(text)
        .style(Style::new().fg(color))
        .wrap(Wrap { trim: true });
    text.render(area, buffer);
}

/// Gold class and prediction: each beside its label, or below it if the area is narrow.
fn verdict(portrait: &Portrait, share: Option<f64>, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let right = portrait.prediction == portrait.gold;
    let (mark, color) = if right { ("✓", theme.good) } else { ("✗", theme.bad) };
    let (dim, text) = (Style::new().fg(theme.dim), Style::new().fg(theme.text));
    let answer = Style::new().fg(color).add_modifier(Modifier::BOLD);
    let (gold, said) = (clean(portrait.gold), clean(portrait.prediction));
    let share = share.map(percent).unwrap_or_default();
    let width = usize::from(area.width);
    let lines = if width >= 30 {
        let name = |name| Span::styled(name, dim);
        let said = Span::styled(format!("{} {mark}", fit(&said, width - 18)), answer);
        vec![
            Line::from(vec![name("gold  "), Span::styled(fit(&gold, width - 6), text)]),
            Line::from(vec![name("says  "), said, Span::styled(format!("  {share}"), text)]),
        ]
    } else {
        let name = |name| Line::styled(name, dim);
        let says = Line::from(vec![Span::styled("says ", dim), Span::styled(mark, answer)]);
        let lines = [
            name("gold"),
            Line::styled(fit(&gold, width), text),
            says,
            Line::styled(fit(&said, width), answer),
        ];
        lines.into_iter().chain([Line::styled(share, text)]).collect()
    };
    Paragraph::new(lines).render(area, buffer);
}

/// How to read the maps.
fn legend(width: usize, theme: &Theme) -> Line<'static> {
    let dim = Style::new().fg(theme.dim);
    let steps = 12;
    let mut spans = vec![Span::styled("attention  low ", dim)];
    spans.extend((0..steps).map(|step| {
        let heat = step as f32 / (steps - 1) as f32;
        let [r, g, b] = sequential(heat);
        let shades = [".", "-", "=", "*", "#", "@"];
        let mono = shades.get(step / 2).copied().unwrap_or_default();
        let shade = if theme.depth == Depth::Mono { mono } else { "█" };
        Span::styled(shade, Style::new().fg(Color::Rgb(r, g, b)))
    }));
    spans.push(Span::styled(" high", dim));
    if width >= 50 {
        spans.push(Span::styled("   + peak, its share", dim));
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_answer_is_marked_without_colour() {
        let portrait = |prediction| Portrait {
            source: Source::image(std::path::Path::new("/nowhere"), "a", None, ""),
            gold: "awe",
            prediction,
            tried: None,
        };
        let theme = Theme::dark(Depth::Mono);
        for (prediction, mark) in [("awe", "✓"), ("fear", "✗")] {
            for width in [12, 40] {
                let mut buffer = Buffer::empty(Rect::new(0, 0, width, 6));
                verdict(&portrait(prediction), Some(0.5), buffer.area, &mut buffer, &theme);
                let text: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
                assert!(text.contains(mark) && text.contains(prediction) && text.contains("50.0 %"));
            }
        }
    }
}
