//! The image under Browse's cursor, as the model saw it last.

use std::path::Path;

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    text::{clean, fit_end},
    tui::{
        panes::{
            frame::{bordered, nothing_yet},
            portrait::{self, Portrait},
            scene::Scene,
        },
        pictures::Source,
        ui::Pane,
    },
};

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let browse = scene.browse;
    let Some(row) = browse.row() else {
        let inner = bordered(Pane::Image, "image", "", area, buffer, scene);
        return nothing_yet("no image is chosen", inner, buffer, scene.theme);
    };
    let id = &row.prediction.image;
    let name = fit_end(&clean(id), usize::from(area.width).saturating_sub(14));
    let inner = bordered(Pane::Image, "image", &name, area, buffer, scene);
    let answers = browse.answers(id);
    let tried = &browse.intervention;
    let answer = answers.and_then(|answers| {
        let tried = answers.tried.as_ref().filter(|_| !tried.is_plain());
        tried.or(answers.plain.as_ref()).cloned()
    });
    let said = match answer.as_ref().map(|answer| &answer.found) {
        Some(crate::session::Found::Prediction(prediction)) => prediction.prediction.clone(),
        _ => row.prediction.prediction.clone(),
    };
    let other = browse.evaluation().filter(|kept| !kept.own_data);
    let other = other.and_then(|kept| kept.data.as_deref()).map(Path::new);
    let root = other.unwrap_or(scene.images);
    let portrait = Portrait {
        source: Source::image(root, id, answer, ""),
        gold: &row.gold,
        prediction: &said,
        tried: Some(tried),
    };
    portrait::render(&portrait, inner, buffer, scene);
}
