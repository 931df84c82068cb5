//! A single pane on the whole body, because it is enlarged or because there is no room for several.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect, Size},
};

use super::{render, scene::Scene, tabs};

/// Paints only the focused pane if it is enlarged or, below a row of tabs, if the body is smaller than `roomy`. Returns
/// whether it did.
pub fn alone(area: Rect, roomy: Size, buffer: &mut Buffer, scene: &mut Scene) -> bool {
    if scene.ui.enlarged {
        render(scene.ui.focus(), area, buffer, scene);
        return true;
    }
    let is_small = area.width < roomy.width || area.height < roomy.height;
    if is_small {
        let [row, pane] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        tabs::render(row, buffer, scene);
        render(scene.ui.focus(), pane, buffer, scene);
    }
    is_small
}
