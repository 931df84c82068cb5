//! One image of the panel, at the look under the cursor.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Scene, bordered, nothing_yet,
    portrait::{self, Portrait},
};
use crate::tui::{
    figures::count,
    pictures::Source,
    text::{clean, columns, fit_end},
    ui::Pane,
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
    let note = if room >= 8 { format!("{step} · {name}") } else { step };
    let title = format!("sample {place}/{slots}");
    let inner = bordered(Pane::Sample, &title, &note, area, buffer, scene);
    let portrait = Portrait {
        source: Source::seen(&sample),
        gold: &sample.gold,
        prediction: &sample.prediction,
        tried: None,
    };
    portrait::render(&portrait, inner, buffer, scene);
}
