//! The mouse: a click focuses a pane and chooses a row or a step, the wheel scrolls or zooms what it is over.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::tui::{
    app::App,
    keymap::Action,
    ui::{Layer, Pane},
};

/// Lines that a notch of the wheel moves.
const NOTCH: usize = 3;

impl App {
    pub(in crate::tui) fn mouse(&mut self, event: MouseEvent) {
        if self.ui.layer != Layer::Main {
            return;
        }
        let at = Position::new(event.column, event.row);
        let wheel = match event.kind {
            MouseEventKind::ScrollUp => Some(Action::Up),
            MouseEventKind::ScrollDown => Some(Action::Down),
            MouseEventKind::Down(MouseButton::Left) => None,
            _ => return,
        };
        if let Some(&(screen, _)) = self
            .ui
            .tabs
            .iter()
            .find(|(_, area)| wheel.is_none() && area.contains(at))
        {
            return self.show(screen);
        }
        let Some(&(pane, area)) = self.ui.places.iter().find(|(_, area)| area.contains(at)) else {
            return;
        };
        self.ui.focus_on(pane);
        match wheel {
            Some(action) if pane == Pane::Loss => self.wheel_on_curves(action == Action::Up, at),
            Some(action) => (0..NOTCH).for_each(|_| {
                // What the wheel asks for leaves no screen.
                let _ = self.act(action);
            }),
            None if pane == Pane::Loss => self.click_on_curves(at),
            None => self.choose_row(pane, area, at),
        }
    }

    /// Chooses the row of a table that was clicked; its first row stands below border and head.
    fn choose_row(&mut self, pane: Pane, area: Rect, at: Position) {
        let Some(row) = at.y.checked_sub(area.y + 2) else {
            return;
        };
        if at.y + 1 >= area.bottom() {
            return;
        }
        let row = self.ui.scroll.get(&pane).copied().unwrap_or(0) + usize::from(row);
        let by = |selected: usize| row as isize - selected as isize;
        match pane {
            Pane::Table if row < self.browse.shown.len() => self.browse.step(by(self.browse.selected)),
            Pane::Sessions if row < self.sessions.shown.len() => self.sessions.step(by(self.sessions.selected)),
            Pane::Pairs if row < self.compare.shown.len() => self.compare.step(by(self.compare.selected)),
            _ => return,
        }
        self.row_moved();
    }
}
