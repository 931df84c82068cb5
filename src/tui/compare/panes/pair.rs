//! One image with both checkpoints: their predictions, their attention maps and the divergence between these, and their
//! rationales.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect, Size},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};
use similar::{ChangeTag, TextDiff};

use super::figures::nothing;
use crate::{
    data::View,
    figures::percent,
    heatmap::AttentionMap,
    keymap::{Action, Screen},
    metrics::jensen_shannon,
    session::{Found, ImageResult, Prediction},
    text::{clean, columns, fit, fit_end, wrap},
    theme::Theme,
    tui::{
        compare::side::Side,
        panes::{
            frame::{bordered, more_below, nothing_yet},
            portrait::{message, short_name},
            scene::Scene,
            words::mark,
        },
        pictures::{Source, Subject},
        ui::Pane,
    },
};

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (compare, theme) = (scene.compare, scene.theme);
    let pair = compare
        .compared
        .as_ref()
        .and_then(|compared| compared.pair(*compare.shown.get(compare.selected)?));
    let (Some([a, b]), Some(sides)) = (pair, compare.sides.as_deref()) else {
        let inner = bordered(Pane::Pair, "side by side", "", area, buffer, scene);
        return nothing_yet(&nothing(scene), inner, buffer, theme);
    };
    let image = &a.prediction.image;
    let name = fit_end(&clean(image), usize::from(area.width).saturating_sub(22));
    let inner = bordered(Pane::Pair, "side by side", &name, area, buffer, scene);
    let looked = [0, 1].map(|side| sides[side].looked(image));
    let picture = if inner.width >= 40 {
        (inner.height / 4).clamp(4, 12)
    } else {
        4
    };
    let [top, rest] = Layout::vertical([Constraint::Length(picture), Constraint::Min(0)]).areas(inner);
    verdicts([a, b], sides, top, buffer, scene);
    match looked {
        [Some(in_a), Some(in_b)] => {
            let mapped = scene.show_pictures && !(in_a.aspects.is_empty() && in_b.aspects.is_empty());
            let maps = if mapped { 2 * (tile_height(rest) + 1) + 1 } else { 0 };
            let [maps, below] = Layout::vertical([Constraint::Length(maps), Constraint::Min(0)]).areas(rest);
            if mapped {
                paint_maps(image, sides, [in_a, in_b], maps, buffer, scene);
            }
            let lines = reasons(in_a, in_b, below.width.into(), theme);
            let hidden = lines.len().saturating_sub(below.height.into());
            let from = scene.ui.scrolled(Pane::Pair, hidden);
            more_below(hidden - from, area, buffer, theme);
            for (y, line) in (below.y..below.bottom()).zip(lines.into_iter().skip(from)) {
                line.render(Rect { y, height: 1, ..below }, buffer);
            }
        }
        _ => {
            let failed = sides.iter().find_map(|side| match &side.answer(image)?.found {
                Found::Failed(reason) => Some(format!("{}: {reason}", side.name)),
                _ => None,
            });
            if let Some(reason) = failed {
                return message(&clean(&reason), rest, buffer, theme.bad);
            }
            let doing = sides.iter().find_map(|side| side.model.opening.as_deref());
            let text = match (doing, scene.can_ask) {
                (Some(doing), _) => clean(doing),
                (None, true) if sides.iter().any(Side::is_asked) => "the models look …".to_owned(),
                (None, true) if looked.iter().any(Option::is_some) => {
                    let silent = usize::from(looked[0].is_some());
                    let key = scene.keymap.key_for(Screen::Compare, Action::Look);
                    let name = clean(&sides[silent].name);
                    format!("{name} gave no answer on this image, so there is nothing to compare; {key} asks it again")
                }
                (None, true) => {
                    let key = scene.keymap.key_for(Screen::Compare, Action::Look);
                    format!("{key} lets both models look at this image")
                }
                (None, false) => "no model can be asked here".to_owned(),
            };
            nothing_yet(&text, rest, buffer, theme);
        }
    }
}

/// The picture, and beside it the gold class and both predictions.
fn verdicts([a, b]: [&ImageResult; 2], sides: &[Side; 2], area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let theme = scene.theme;
    let width = (area.height * 2).min(area.width / 3);
    let picture = Rect { width, ..area };
    if scene.show_pictures {
        let source = Source::image(sides[0].data(), &a.prediction.image, None, "");
        match scene
            .pictures
            .surface(&source, Subject::Picture, Size::new(picture.width, picture.height))
        {
            Some(Ok(surface)) => drop(scene.pictures.show(&surface, picture, buffer)),
            Some(Err(error)) => message(&clean(&error), picture, buffer, theme.bad),
            None => {}
        }
    }
    let text = Rect {
        x: area.x + width + 2,
        width: area.width.saturating_sub(width + 2),
        ..area
    };
    let room = usize::from(text.width);
    let said = |name: &'static str, row: &ImageResult| {
        let (mark, color) = if row.is_right() {
            ("✓", theme.good)
        } else {
            ("✗", theme.bad)
        };
        let label = fit(&clean(&row.prediction.prediction), room.saturating_sub(14));
        Line::from(vec![
            Span::styled(format!("{name:<6}"), Style::new().fg(theme.dim)),
            Span::styled(
                format!("{label} {mark}"),
                Style::new().fg(color).add_modifier(Modifier::BOLD),
            ),
            Span::styled(format!("  {}", percent(row.confidence())), Style::new().fg(theme.text)),
        ])
    };
    let gold = Line::from(vec![
        Span::styled("gold  ", Style::new().fg(theme.dim)),
        Span::styled(clean(&a.gold), Style::new().fg(theme.text)),
    ]);
    let lines = [gold, said("A", a), said("B", b)];
    for (y, line) in (text.y..text.bottom()).zip(lines) {
        line.render(Rect { y, height: 1, ..text }, buffer);
    }
}

/// Columns before the maps, for their rows' letters.
const LETTER: u16 = 2;

/// The height of a tile with six tiles per row: half its width, or less if the two rows of tiles would not fit.
fn tile_height(area: Rect) -> u16 {
    let wide = area.width.saturating_sub(5 + LETTER) / 6;
    (wide / 2).min(area.height.saturating_sub(3) / 3).max(2)
}

/// A's maps above B's, with each aspect's divergence between them.
fn paint_maps(
    image: &str,
    sides: &[Side; 2],
    looked: [&Prediction; 2],
    area: Rect,
    buffer: &mut Buffer,
    scene: &mut Scene,
) {
    let theme = scene.theme;
    let high = (area.height.saturating_sub(3)) / 2;
    // The rows' letters stand beside them.
    for (letter, y) in [("A", area.y + 1), ("B", area.y + 2 + high)] {
        if y < area.bottom() {
            let style = Style::new().fg(theme.accent).add_modifier(Modifier::BOLD);
            buffer.set_string(area.x, y, letter, style);
        }
    }
    let area = Rect {
        x: area.x + LETTER,
        width: area.width.saturating_sub(LETTER),
        ..area
    };
    let width = area.width.saturating_sub(5) / 6;
    if width < 4 || high < 2 {
        return;
    }
    for (place, view) in (0..).zip(View::ALL) {
        let x = area.x + place * (width + 1);
        let label = |text: String, y: u16, color: Color, buffer: &mut Buffer| {
            let text = fit(&text, width.into());
            buffer.set_string(x, y, text, Style::new().fg(color));
        };
        let query = scene
            .ui
            .heat
            .query
            .map(|query| format!(" q{}", query + 1))
            .unwrap_or_default();
        label(format!("{}{query}", short_name(view)), area.y, theme.text, buffer);
        let maps = looked.map(|prediction| AttentionMap::of(prediction.aspects.get(&view)?, scene.ui.heat.query).ok());
        if let [Some(a), Some(b)] = &maps {
            let divergence = jensen_shannon(&a.weights, &b.weights);
            let color = if divergence > 0.1 { theme.warning } else { theme.dim };
            label(format!("JS {divergence:.2}"), area.y + 1 + high, color, buffer);
        }
        for (side, y) in [(0, area.y + 1), (1, area.y + 2 + high)] {
            let place = Rect::new(x, y, width, high);
            if maps[side].is_none() {
                if looked[side].aspects.is_empty() && view == View::ALL[0] {
                    let text = ["A has no aspects", "B has no aspects"][side];
                    buffer.set_string(x, y, fit(text, area.width.into()), Style::new().fg(theme.dim));
                }
                continue;
            }
            let source = Source::image(
                sides[side].data(),
                image,
                sides[side].answer(image).cloned(),
                &sides[side].folder.to_string_lossy(),
            );
            let surface =
                scene
                    .pictures
                    .surface(&source, Subject::Attention(view, scene.ui.heat), Size::new(width, high));
            match surface {
                Some(Ok(surface)) => drop(scene.pictures.show(&surface, place, buffer)),
                Some(Err(error)) => message(&clean(&error), place, buffer, theme.dim),
                None => {}
            }
        }
    }
}

/// The aspects' answers that differ, and both rationales, in which words of only one side are marked.
fn reasons(a: &Prediction, b: &Prediction, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (dim, text) = (Style::new().fg(theme.dim), Style::new().fg(theme.text));
    let mut lines = Vec::new();
    for (view, seen) in &a.aspects {
        let Some(other) = b.aspects.get(view).map(|seen| seen.text.as_str()) else {
            continue;
        };
        if seen.text.trim() != other.trim() {
            let said = format!("{} | {}", clean(seen.text.trim()), clean(other.trim()));
            lines.push(Line::from(vec![
                Span::styled(format!("{:<12}", short_name(*view)), dim),
                Span::styled(fit(&said, width.saturating_sub(12)), text),
            ]));
        }
    }
    let (why_a, why_b) = (clean(a.rationale.trim()), clean(b.rationale.trim()));
    for (name, prediction, only, style) in [
        ("A", a, ChangeTag::Delete, Style::new().fg(theme.less)),
        ("B", b, ChangeTag::Insert, Style::new().fg(theme.more)),
    ] {
        lines.push(Line::default());
        lines.push(Line::styled(format!("why {name}"), dim));
        lines.extend(words(&why_a, &why_b, only, width, text, style));
        lines.extend(mark(prediction, width, theme));
    }
    lines
}

/// One side's words in lines of `width` columns; those that the other side lacks have the style `marked` and are
/// underlined.
fn words(a: &str, b: &str, only: ChangeTag, width: usize, plain: Style, marked: Style) -> Vec<Line<'static>> {
    let diff = TextDiff::from_words(a, b);
    let pieces = diff
        .iter_all_changes()
        .filter(|change| change.tag() == ChangeTag::Equal || change.tag() == only);
    let (mut lines, mut line, mut used) = (Vec::new(), Vec::new(), 0);
    for change in pieces {
        let word = change.value();
        if word.trim().is_empty() {
            if used > 0 {
                line.push(Span::raw(" "));
                used += 1;
            }
            continue;
        }
        let style = if change.tag() == only {
            marked.add_modifier(Modifier::UNDERLINED)
        } else {
            plain
        };
        for part in wrap(word, width.max(1)) {
            if used + columns(&part) > width {
                lines.push(Line::from(std::mem::take(&mut line)));
                used = 0;
            }
            used += columns(&part);
            line.push(Span::styled(part, style));
        }
    }
    lines.push(Line::from(line));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_only_one_side_are_marked() {
        let (plain, marked) = (Style::new(), Style::new().fg(Color::Red));
        let lines = words("the dog runs", "the cat runs", ChangeTag::Insert, 80, plain, marked);
        let said: Vec<(String, bool)> = lines[0]
            .spans
            .iter()
            .filter(|span| !span.content.trim().is_empty())
            .map(|span| (span.content.to_string(), span.style.fg == Some(Color::Red)))
            .collect();
        assert_eq!(
            said,
            [
                ("the".to_owned(), false),
                ("cat".to_owned(), true),
                ("runs".to_owned(), false)
            ]
        );
    }

    #[test]
    fn each_side_is_shown_in_full() {
        let texts = [
            "fear because of it",
            "awe because of it",
            "a wide sky",
            "sky",
            "wide",
            "The sky is wide and a sea",
            "",
        ];
        for (a, b) in texts.iter().flat_map(|a| texts.map(|b| (*a, b))) {
            for (only, whole) in [(ChangeTag::Delete, a), (ChangeTag::Insert, b)] {
                let lines = words(a, b, only, 1000, Style::new(), Style::new());
                assert_eq!(lines[0].to_string(), whole, "{a:?} | {b:?}");
            }
        }
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        let text = "a rather long sentence with extraordinarily wide words";
        for width in [1, 5, 12, 40] {
            let lines = words(text, "another", ChangeTag::Delete, width, Style::new(), Style::new());
            assert!(lines.iter().all(|line| line.width() <= width + 1), "{width}");
        }
    }
}
