//! The panes of the screens, one file each: each paints an area from the run's state and what the person looks at.

pub mod about;
pub mod answers;
pub mod arrangement;
pub mod bar;
pub mod choice;
pub mod classes;
pub mod comparison;
pub mod confusion;
pub mod differences;
pub mod effects;
pub mod entry;
pub mod faithfulness;
pub mod form;
pub mod frame;
pub mod help;
pub mod image;
pub mod keybar;
pub mod message;
pub mod notice;
pub mod overlay;
pub mod pair;
pub mod pairs;
pub mod palette;
pub mod plot;
pub mod portrait;
pub mod probabilities;
pub mod quit;
pub mod reliability;
pub mod rows;
pub mod scene;
pub mod sessions;
pub mod summary;
pub mod table;
pub mod tabs;
pub mod words;

use ratatui::{buffer::Buffer, layout::Rect};

use self::scene::Scene;
use super::{train, ui::Pane};

/// Paints a pane with its border.
pub fn render(pane: Pane, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let paint = match pane {
        Pane::Loss => train::panes::curves::render,
        Pane::Accuracy => train::panes::accuracy::render,
        Pane::Sample => train::panes::sample::render,
        Pane::Rationale => train::panes::rationale::render,
        Pane::Log => train::panes::log::render,
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
