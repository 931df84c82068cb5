//! What the screens' panes share, what lies on top of every screen, and the function that paints each pane. A pane
//! paints an area from the run's state and what the person looks at.

pub mod alone;
pub mod arrangement;
pub mod bar;
pub mod choice;
pub mod entry;
pub mod frame;
pub mod help;
pub mod hint;
pub mod keybar;
pub mod message;
pub mod notice;
pub mod palette;
pub mod plot;
pub mod portrait;
pub mod probabilities;
pub mod quit;
pub mod rows;
pub mod scene;
pub mod tabs;
pub mod words;

use ratatui::{buffer::Buffer, layout::Rect};

use self::scene::Scene;
use super::{browse, compare, sessions, train, ui::Pane};

/// Paints a pane with its border.
pub fn render(pane: Pane, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let paint = match pane {
        Pane::Loss => train::panes::curves::render,
        Pane::Accuracy => train::panes::accuracy::render,
        Pane::Sample => train::panes::sample::render,
        Pane::Rationale => train::panes::rationale::render,
        Pane::Log => train::panes::log::render,
        Pane::Table => browse::panes::table::render,
        Pane::Summary => browse::panes::summary::render,
        Pane::Image => browse::panes::image::render,
        Pane::Answers => browse::panes::answers::render,
        Pane::Pairs => compare::panes::pairs::render,
        Pane::Pair => compare::panes::pair::render,
        Pane::Figures => compare::panes::figures::render,
        Pane::Differences => compare::panes::differences::render,
        Pane::Losses => compare::panes::losses::render,
        Pane::Sessions => sessions::panes::list::render,
        Pane::About => sessions::panes::about::render,
    };
    scene.ui.places.push((pane, area));
    paint(area, buffer, scene);
}
