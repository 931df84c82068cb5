//! The predictions of an evaluation, one row per image.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use crate::{
    figures::{count, loss, percent},
    keymap::{Action, Screen},
    session::ImageResult,
    text::{clean, columns, fit, fit_end, pad},
    theme::Theme,
    tui::{
        browse::{
            Browse, Loaded,
            rows::{Column, annotation},
        },
        panes::{
            frame::{bordered, nothing_yet},
            portrait::message,
            rows,
            scene::Scene,
        },
        ui::{Pane, Spot},
    },
};

/// The columns for an image's name; those left over go to the annotation.
const IMAGE: usize = 21;
/// The fewest columns for an image's or a class's name; names shrink to this to make room for the numbers.
const LEAST: usize = 9;

/// Paints the pane and scrolls so that the cursor's row is visible.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (browse, theme) = (scene.browse, scene.theme);
    let note = format!("{}{}", note(browse), if scene.reading { " · reading …" } else { "" });
    let inner = bordered(Pane::Table, "predictions", &note, area, buffer, scene);
    match browse.state() {
        None => {
            let text = if scene.state.session.is_some() {
                "no predictions yet; they come with the prompt's evaluations".to_owned()
            } else {
                let sessions = scene.keymap.key_for(Screen::Browse, Action::Screen(Screen::Sessions));
                let open = scene.keymap.key_for(Screen::Sessions, Action::Open);
                format!("no session is shown; choose one in Sessions ({sessions}, then {open})")
            };
            return nothing_yet(&text, inner, buffer, theme);
        }
        Some(Loaded::Reading) => return nothing_yet("reading the predictions …", inner, buffer, theme),
        Some(Loaded::Failed(reason)) => {
            return message(&clean(reason), inner, buffer, theme.bad);
        }
        Some(Loaded::Rows(_)) => {}
    }
    let Some(rows) = browse.rows() else { return };
    if browse.shown.is_empty() {
        return nothing_yet("no row passes the filter; x clears it", inner, buffer, theme);
    }
    let layout = Widths::of(
        inner.width.into(),
        rows.labels
            .iter()
            .map(|label| columns(&clean(label)))
            .max()
            .unwrap_or(0),
    );
    let head = heading(browse, &layout, theme);
    let words = Column::ALL.map(|column| (column.title(), Spot::Column(column)));
    rows::clickable(&head, words, inner, scene);
    let cursor = (browse.shown.len(), browse.selected);
    rows::render(Pane::Table, (inner, head), cursor, buffer, scene, |place| {
        Some(line(rows.get(*browse.shown.get(place)?)?, &layout, theme))
    });
}

/// `wrong gold:fear · by loss ↓ · 38 of 800 · val · prompt 120`
fn note(browse: &Browse) -> String {
    let Some(evaluation) = browse.evaluation() else {
        return String::new();
    };
    let all = browse.rows().map_or(0, |rows| rows.len() as u64);
    let shown = browse.shown.len() as u64;
    let counts = if shown == all {
        count(all)
    } else {
        format!("{} of {}", count(shown), count(all))
    };
    let filter = if browse.filter.is_empty() {
        String::new()
    } else {
        format!("{} · ", clean(&browse.filter))
    };
    let sort = browse.sort.map_or_else(String::new, |(column, falling)| {
        format!("by {} {} · ", column.title(), if falling { "↓" } else { "↑" })
    });
    format!("{filter}{sort}{counts} · {}", clean(&evaluation.name))
}

/// The width of each column; 0 if there is no room for it.
struct Widths {
    image: usize,
    class: usize,
    margin: usize,
    loss: usize,
    annotation: usize,
}

impl Widths {
    fn of(width: usize, class: usize) -> Self {
        let (margin, loss) = (8, 7);
        // Gold class, mark, predicted class, confidence.
        let needed = |class: usize| 2 * (class + 1) + 2 + 8;
        let wide = class.clamp(4, 14);
        let narrow = wide.min(LEAST);
        let all = |class: usize| needed(class) + LEAST + margin + loss;
        let class = if width < all(wide) && width >= all(narrow) {
            (width - all(0)) / 2
        } else {
            wide
        };
        let mut left = width.saturating_sub(needed(class));
        let image = match left.checked_sub(margin + loss) {
            Some(room) if room >= LEAST => room.min(IMAGE),
            _ => left.min(IMAGE),
        };
        left -= image;
        let mut take = |columns: usize| {
            let taken = if left >= columns { columns } else { 0 };
            left -= taken;
            taken
        };
        let (margin, loss) = (take(margin), take(loss));
        Self {
            image,
            class,
            margin,
            loss,
            annotation: if left >= 12 { left } else { 0 },
        }
    }
}

fn heading(browse: &Browse, widths: &Widths, theme: &Theme) -> Line<'static> {
    let title = |column: Column| match browse.sort {
        Some((of, falling)) if of == column => format!("{}{}", column.title(), if falling { "↓" } else { "↑" }),
        _ => column.title().to_owned(),
    };
    let right = |column, width: usize| {
        if width == 0 {
            String::new()
        } else {
            format!("{:>width$}", title(column))
        }
    };
    let mut text = pad(&title(Column::Image), widths.image);
    text += &format!(" {}", pad(&title(Column::Gold), widths.class));
    text += &format!("   {}", pad(&title(Column::Predicted), widths.class));
    text += &right(Column::Confidence, 8);
    text += &right(Column::Margin, widths.margin);
    text += &right(Column::Loss, widths.loss);
    if widths.annotation > 0 {
        text += &format!("  {}", title(Column::Annotation));
    }
    Line::styled(text, Style::new().fg(theme.dim))
}

fn line(row: &ImageResult, widths: &Widths, theme: &Theme) -> Line<'static> {
    let (text, dim) = (Style::new().fg(theme.text), Style::new().fg(theme.dim));
    let (mark, answer) = if row.is_right() {
        ("✓", Style::new().fg(theme.good))
    } else {
        ("✗", Style::new().fg(theme.bad).add_modifier(Modifier::BOLD))
    };
    let number = |value: String, width: usize| {
        if width == 0 {
            String::new()
        } else {
            format!("{value:>width$}")
        }
    };
    // Only the file's name, which distinguishes the rows.
    let image = row.prediction.image.rsplit('/').next().unwrap_or_default();
    let image = fit_end(&clean(image), widths.image);
    let mut spans = vec![
        Span::styled(format!("{} ", pad(&image, widths.image)), text),
        Span::styled(format!("{} ", pad(&clean(&row.gold), widths.class)), dim),
        Span::styled(
            format!("{mark} {}", pad(&clean(&row.prediction.prediction), widths.class)),
            answer,
        ),
        Span::styled(number(percent(row.confidence()), 8), text),
        Span::styled(number(percent(row.margin()), widths.margin), dim),
        Span::styled(number(loss(row.loss), widths.loss), dim),
    ];
    if widths.annotation > 0 {
        let said = fit(&clean(&annotation(row)), widths.annotation - 2);
        spans.push(Span::styled(format!("  {said}"), dim));
    }
    Line::from(spans)
}
