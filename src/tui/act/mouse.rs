//! The mouse: a click focuses a pane and chooses the item under it; the wheel scrolls or zooms what is under it.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::{
    keymap::Action,
    tui::{
        Exit,
        app::App,
        ui::{Entry, Layer, Pane, Spot},
    },
};

/// Lines per notch of the wheel.
const NOTCH: usize = 3;

impl App {
    pub(in crate::tui) fn mouse(&mut self, event: MouseEvent) -> Option<Exit> {
        let at = Position::new(event.column, event.row);
        let wheel = match event.kind {
            MouseEventKind::ScrollUp => Some(Action::Up),
            MouseEventKind::ScrollDown => Some(Action::Down),
            MouseEventKind::Down(MouseButton::Left) => None,
            _ => return None,
        };
        let spot = self.ui.spots.iter().rev().find(|(_, area)| area.contains(at));
        let spot = spot.map(|(spot, _)| *spot).filter(|_| wheel.is_none());
        match (self.ui.layer, spot, wheel) {
            (Layer::Main, ..) => self.mouse_on_panes(at, spot, wheel),
            (Layer::Quit, Some(Spot::Choice(place)), _) => {
                self.ui.choice = place;
                return self.choose(Action::Choose);
            }
            (Layer::Entry(entry @ (Entry::Command | Entry::Overlay)), Some(Spot::Choice(place)), _) => {
                self.ui.choice = place;
                return self.take_choice(entry);
            }
            (Layer::Help | Layer::Message, _, Some(action)) => (0..NOTCH).for_each(|_| self.scroll_help(action)),
            (Layer::Help, ..) => self.ui.layer = Layer::Main,
            (Layer::Message, ..) => self.ui.layer = self.ui.under,
            _ => {}
        }
        None
    }

    fn mouse_on_panes(&mut self, at: Position, spot: Option<Spot>, wheel: Option<Action>) {
        if let Some(&(screen, _)) = self
            .ui
            .tabs
            .iter()
            .find(|(_, area)| wheel.is_none() && area.contains(at))
        {
            return self.show(screen);
        }
        if let Some(Spot::Tab(pane)) = spot {
            return self.ui.focus_on(pane);
        }
        let Some(&(pane, area)) = self.ui.places.iter().find(|(_, area)| area.contains(at)) else {
            return;
        };
        self.ui.focus_on(pane);
        match wheel {
            Some(action) if pane == Pane::Loss => self.wheel_on_curves(action == Action::Up, at),
            Some(action) => (0..NOTCH).for_each(|_| {
                // The wheel's actions never leave the screens.
                let _ = self.act(action);
            }),
            None if pane == Pane::Loss => self.click_on_curves(at),
            None => match spot {
                Some(spot) => self.choose_spot(spot),
                None => self.choose_row(pane, area, at),
            },
        }
    }

    /// Puts the cursor on a class or a cell, or sorts by a heading.
    fn choose_spot(&mut self, spot: Spot) {
        match spot {
            Spot::Class(class) => self.shown.cursor.class = class,
            Spot::Cell(gold, said) => (self.shown.cursor.class, self.shown.browse.predicted) = (gold, said),
            Spot::Column(column) => {
                self.shown.browse.sort_by(column);
                self.row_moved();
            }
            Spot::Sort(column) => self.sessions.sort_by(column),
            Spot::Tab(_) | Spot::Choice(_) => {}
        }
    }

    /// Chooses the clicked row of a table. The first row is below the border and the heading.
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
            Pane::Table if row < self.shown.browse.shown.len() => {
                self.shown.browse.step(by(self.shown.browse.selected));
            }
            Pane::Sessions if row < self.sessions.shown.len() => self.sessions.step(by(self.sessions.selected)),
            Pane::Pairs if row < self.compare.shown.len() => self.compare.step(by(self.compare.selected)),
            _ => return,
        }
        self.row_moved();
    }
}
