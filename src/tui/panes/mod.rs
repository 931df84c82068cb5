//! The panes of the screens, one file each: each paints an area from the run's state and what the person looks at.

mod about;
mod accuracy;
mod answers;
mod arrangement;
mod bar;
pub mod choice;
mod classes;
mod comparison;
mod confusion;
mod curves;
mod differences;
mod effects;
pub mod entry;
mod faithfulness;
pub mod form;
mod frame;
pub mod help;
mod image;
pub mod keybar;
mod log;
pub mod message;
pub mod notice;
mod overlay;
mod pair;
mod pairs;
pub mod palette;
mod plot;
mod portrait;
mod probabilities;
pub mod quit;
mod rationale;
mod reliability;
mod rows;
mod sample;
pub mod scene;
mod sessions;
pub mod status;
mod summary;
mod table;
pub mod tabs;

use ratatui::{buffer::Buffer, layout::Rect};

use self::scene::Scene;
use super::ui::Pane;

/// Paints a pane with its border.
pub fn render(pane: Pane, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let paint = match pane {
        Pane::Loss => curves::render,
        Pane::Accuracy => accuracy::render,
        Pane::Sample => sample::render,
        Pane::Rationale => rationale::render,
        Pane::Log => log::render,
        Pane::Table => table::render,
        Pane::Summary => summary::render,
        Pane::Image => image::render,
        Pane::Answers => answers::render,
        Pane::Pairs => pairs::render,
        Pane::Pair => pair::render,
        Pane::Figures => comparison::render,
        Pane::Differences => differences::render,
        Pane::Losses => overlay::render,
        Pane::Sessions => sessions::render,
        Pane::About => about::render,
    };
    scene.ui.places.push((pane, area));
    paint(area, buffer, scene);
}
