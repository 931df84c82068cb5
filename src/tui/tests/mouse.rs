//! Clicks and the wheel on what the screens show.

use crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::browse::{Harness, dark};
use crate::{
    keymap::Screen,
    tui::{
        browse::rows::Column,
        input::Input,
        ui::{Layer, Pane, Spot},
    },
};

const CLICK: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

fn mouse(desk: &mut Harness, kind: MouseEventKind, column: u16, row: u16) {
    let modifiers = KeyModifiers::NONE;
    let left = desk.app.input(Input::Mouse(MouseEvent {
        kind,
        column,
        row,
        modifiers,
    }));
    assert_eq!(left, None);
}

/// Paints the screen and clicks on `spot`.
fn click(desk: &mut Harness, (width, height): (u16, u16), spot: Spot) {
    desk.screen(width, height);
    let spots = &desk.app.ui.spots;
    let (_, area) = *spots
        .iter()
        .find(|(of, _)| *of == spot)
        .unwrap_or_else(|| panic!("{spot:?} in {spots:?}"));
    assert!(!area.is_empty());
    mouse(desk, CLICK, area.x + area.width / 2, area.y);
}

#[test]
fn a_click_focuses_and_chooses_and_the_wheel_scrolls() {
    let mut desk = Harness::new(100, dark());
    desk.screen(120, 40);
    mouse(&mut desk, CLICK, 70, 5);
    assert_eq!(desk.app.ui.focus(), Pane::Image);
    // Header, border and headings are above the first row.
    mouse(&mut desk, CLICK, 10, 1 + 2 + 4);
    assert_eq!((desk.app.ui.focus(), desk.app.shown.browse.selected), (Pane::Table, 4));
    mouse(&mut desk, MouseEventKind::ScrollDown, 10, 10);
    assert_eq!(desk.app.shown.browse.selected, 7);
    mouse(&mut desk, CLICK, 10, 0);
    assert_eq!(desk.app.ui.screen, Screen::Train);
    mouse(&mut desk, CLICK, 300, 300);
    mouse(&mut desk, MouseEventKind::Moved, 10, 0);
}

#[test]
fn cells_classes_and_headings_are_chosen_by_a_click() {
    let mut desk = Harness::new(100, dark());
    let size = (120, 40);
    click(&mut desk, size, Spot::Cell(2, 5));
    assert_eq!(
        (
            desk.app.ui.focus(),
            desk.app.shown.cursor.class,
            desk.app.shown.browse.predicted
        ),
        (Pane::Summary, 2, 5)
    );
    desk.press(KeyCode::Enter);
    assert_eq!(desk.app.shown.browse.filter, "gold=contentment pred=disgust");
    desk.keys("xvv");
    click(&mut desk, size, Spot::Class(6));
    assert_eq!(desk.app.shown.cursor.class, 6);
    // The first click sorts in descending order.
    for falling in [true, false] {
        click(&mut desk, size, Spot::Column(Column::Loss));
        assert_eq!(desk.app.shown.browse.sort, Some((Column::Loss, falling)));
    }
    let shown = desk.text(120, 40);
    assert!(shown.contains("by loss ↑") && shown.contains("loss↑"), "{shown}");
    desk.keys("1");
    click(&mut desk, size, Spot::Class(3));
    assert_eq!((desk.app.ui.focus(), desk.app.shown.cursor.class), (Pane::Accuracy, 3));
}

#[test]
fn tabs_commands_and_the_help_answer_the_mouse() {
    let mut desk = Harness::new(100, dark());
    let small = (80, 24);
    click(&mut desk, small, Spot::Tab(Pane::Answers));
    assert_eq!(desk.app.ui.focus(), Pane::Answers);
    desk.keys(":reliab");
    click(&mut desk, small, Spot::Choice(0));
    assert_eq!(desk.app.ui.layer, Layer::Main);
    desk.keys("?");
    desk.screen(80, 24);
    mouse(&mut desk, MouseEventKind::ScrollDown, 40, 12);
    assert_eq!((desk.app.ui.layer, desk.app.ui.help_scroll), (Layer::Help, 3));
    mouse(&mut desk, CLICK, 40, 12);
    assert_eq!(desk.app.ui.layer, Layer::Main);
}

#[test]
fn the_question_before_a_run_is_left_is_answered_by_a_click() {
    let mut desk = Harness::new(10, dark());
    desk.app.ui.layer = Layer::Quit;
    click(&mut desk, (80, 24), Spot::Choice(2));
    assert_eq!(desk.app.ui.layer, Layer::Main);
}

#[test]
fn sessions_are_sorted_by_a_heading() {
    let mut desk = Harness::new(10, dark());
    desk.app.sessions.listed(Ok(crate::made_up::evaluated::summaries(5)));
    desk.app.ui.screen = Screen::Sessions;
    click(&mut desk, (120, 40), Spot::Sort(3));
    assert_eq!(desk.app.sessions.sort.column.name(), "best");
    let shown = desk.text(120, 40);
    assert!(shown.contains("by best"), "{shown}");
    // The details name what differs from the next session.
    let next = desk.app.sessions.row(1).unwrap().name.clone();
    assert!(shown.contains(&next) && shown.contains("settings"), "{shown}");
}

#[test]
fn the_sample_is_predicted_when_it_is_asked_for() {
    let mut desk = Harness::new(10, dark());
    desk.keys("1");
    // The newest look is older than the answer.
    for looks in desk.app.shown.state.panel.values_mut() {
        looks.pop();
    }
    let sample = desk.app.shown.cursor.sample(&desk.app.shown.state).unwrap().clone();
    assert!(sample.step < 600 && !desk.text(120, 40).contains("asked"));
    desk.keys("a");
    desk.settle();
    let shown = desk.text(120, 40);
    assert!(shown.contains("step 600, asked"), "{shown}");
    desk.keys(",");
    assert!(!desk.text(120, 40).contains("asked"), "an earlier look is as it was");
}
