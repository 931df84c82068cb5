//! One image of the panel: the picture, what each of the six aspects looks at, and what the model makes of it.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect, Size},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Paragraph, Widget, Wrap},
};

use super::{Scene, arrangement::Arrangement, bordered, nothing_yet, probabilities};
use crate::{
    data::View,
    session::SampleSeen,
    tui::{
        figures::{count, percent},
        heatmap::sequential,
        pictures::Subject,
        text::{clean, columns, fit, fit_end},
        theme::{Depth, Theme},
        ui::Pane,
    },
};

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let slots = scene.state.panel.len();
    let Some(sample) = scene.ui.cursor.sample(scene.state).cloned() else {
        let inner = bordered(Pane::Sample, "sample", "", area, buffer, scene);
        let text = "samples come with the first evaluation";
        return nothing_yet(text, inner, buffer, scene.theme);
    };
    let place = scene.ui.cursor.sample.min(slots.saturating_sub(1)) + 1;
    let step = format!("step {}", count(sample.step));
    let room = usize::from(area.width).saturating_sub(columns(&step) + 24);
    let name = fit_end(&clean(&sample.image), room);
    let note = if room >= 8 {
        format!("{step} · {name}")
    } else {
        step
    };
    let title = format!("sample {place}/{slots}");
    let inner = bordered(Pane::Sample, &title, &note, area, buffer, scene);
    let look = scene.pictures.look(&sample);
    let prediction = look.as_deref().map(|look| &look.prediction);
    if let Some(Err(error)) = prediction {
        return message(&clean(error), inner, buffer, scene.theme.bad);
    }
    let prediction = prediction.and_then(|prediction| prediction.as_ref().ok());
    let share = prediction.and_then(|p| p.probabilities.get(&sample.prediction).copied());
    if inner.height < 5 || inner.width < 20 {
        return verdict(&sample, share, inner, buffer, scene.theme);
    }

    if !scene.show_pictures {
        let [top, rest] =
            Layout::vertical([Constraint::Length(6), Constraint::Min(0)]).areas(inner);
        verdict(&sample, share, top, buffer, scene.theme);
        if let Some(prediction) = prediction {
            probabilities::render(prediction, &sample, rest, buffer, scene.theme);
        }
        return;
    }

    let arranged = Arrangement::fitting(inner);
    let subjects = std::iter::once(Subject::Picture).chain(View::ALL.map(Subject::Attention));
    for (tile, subject) in arranged.tiles.iter().zip(subjects) {
        paint_tile(*tile, subject, &sample, buffer, scene);
    }
    // A row below the tiles' labels.
    let top = u16::from(arranged.verdict.height > 1);
    let place = arranged.verdict;
    let place = Rect {
        y: place.y + top,
        height: place.height - top,
        ..place
    };
    verdict(&sample, share, place, buffer, scene.theme);
    if let (Some(area), Some(prediction)) = (arranged.probabilities, prediction) {
        probabilities::render(prediction, &sample, area, buffer, scene.theme);
    }
    if let Some(area) = arranged.legend {
        legend(area.width.into(), scene.theme).render(area, buffer);
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
    let area = Rect {
        y: tile.y + 1,
        height: tile.height - 1,
        ..tile
    };
    let label = match subject {
        Subject::Picture => "picture",
        Subject::Attention(view) => short_name(view),
    };
    let mut heading = vec![Span::styled(
        fit(label, tile.width.into()),
        Style::new().fg(theme.text),
    )];
    match scene
        .pictures
        .surface(sample, subject, Size::new(area.width, area.height))
    {
        Some(Ok(surface)) => {
            let place = surface.render(area, buffer);
            if let Some(peak) = surface.peak {
                mark_peak(place.x + peak.x, place.y + peak.y, buffer);
                let weight = format!(" {:.0}%", peak.weight * 100.0);
                if columns(label) + columns(&weight) <= usize::from(tile.width) {
                    heading.push(Span::styled(weight, Style::new().fg(theme.dim)));
                }
            }
        }
        Some(Err(error)) => message(&clean(&error), area, buffer, theme.bad),
        None => message("…", area, buffer, theme.dim),
    }
    Line::from(heading).render(Rect { height: 1, ..tile }, buffer);
}

/// A dark cross on the peak's cell, which is the map's lightest.
fn mark_peak(x: u16, y: u16, buffer: &mut Buffer) {
    if let Some(cell) = buffer.cell_mut((x, y)) {
        cell.set_symbol("+").set_fg(Color::Rgb(0, 0, 0));
        cell.modifier |= Modifier::BOLD;
    }
}

fn message(text: &str, area: Rect, buffer: &mut Buffer, color: Color) {
    let text = Paragraph::new(text)
        .style(Style::new().fg(color))
        .wrap(Wrap { trim: true });
    text.render(area, buffer);
}

/// Gold and prediction: side by side with their names, or below them where it is narrow.
fn verdict(
    sample: &SampleSeen,
    share: Option<f64>,
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
) {
    let right = sample.prediction == sample.gold;
    let (mark, color) = if right {
        ("✓", theme.good)
    } else {
        ("✗", theme.bad)
    };
    let (dim, text) = (Style::new().fg(theme.dim), Style::new().fg(theme.text));
    let answer = Style::new().fg(color).add_modifier(Modifier::BOLD);
    let (gold, said) = (clean(&sample.gold), clean(&sample.prediction));
    let share = share.map(percent).unwrap_or_default();
    let width = usize::from(area.width);
    let lines = if width >= 30 {
        let name = |name| Span::styled(name, dim);
        let said = Span::styled(format!("{} {mark}", fit(&said, width - 18)), answer);
        vec![
            Line::from(vec![
                name("gold  "),
                Span::styled(fit(&gold, width - 6), text),
            ]),
            Line::from(vec![
                name("says  "),
                said,
                Span::styled(format!("  {share}"), text),
            ]),
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
        lines
            .into_iter()
            .chain([Line::styled(share, text)])
            .collect()
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
        let shade = if theme.depth == Depth::Mono {
            mono
        } else {
            "█"
        };
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
    fn a_wrong_answer_is_told_without_colour() {
        let sample = |prediction: &str| SampleSeen {
            stage: crate::session::Stage::Prompt,
            step: 1,
            slot: 0,
            image: String::new(),
            gold: "awe".into(),
            prediction: prediction.into(),
            file: "a".into(),
            thumbnail: "b".into(),
        };
        let theme = Theme::dark(Depth::Mono);
        for (prediction, mark) in [("awe", "✓"), ("fear", "✗")] {
            for width in [12, 40] {
                let mut buffer = Buffer::empty(Rect::new(0, 0, width, 6));
                verdict(
                    &sample(prediction),
                    Some(0.5),
                    buffer.area,
                    &mut buffer,
                    &theme,
                );
                let text: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
                assert!(
                    text.contains(mark) && text.contains(prediction) && text.contains("50.0 %")
                );
            }
        }
    }
}
