//! Every screen and layer at sizes from the smallest to a very large terminal, one after another on the same terminal.

use crossterm::event::KeyCode;
use ratatui::{Terminal, backend::TestBackend};

use super::browse::{Harness, dark};
use crate::tui::ui::{Entry, Layer};

#[rustfmt::skip]
const SIZES: [(u16, u16); 14] = [
    (80, 24), (20, 5), (400, 120), (1, 1), (120, 40), (43, 9), (200, 55), (21, 120), (400, 6), (2, 2), (36, 11), (99, 30),
    (100, 29), (170, 42),
];

/// The frame on a resized terminal must equal the one on a new terminal.
fn same_as_new(desk: &mut Harness, terminal: &mut Terminal<TestBackend>, what: &str) {
    for (width, height) in SIZES {
        // Pictures arrive after the first frame, so both frames are painted without them.
        desk.app.display.show_pictures = false;
        terminal.backend_mut().resize(width, height);
        terminal.draw(|frame| desk.app.draw(frame)).unwrap();
        let mut fresh = Terminal::new(TestBackend::new(width, height)).unwrap();
        fresh.draw(|frame| desk.app.draw(frame)).unwrap();
        assert_eq!(terminal.backend(), fresh.backend(), "{what} at {width} x {height}");
    }
}

#[test]
fn no_size_panics_and_resizing_leaves_nothing_behind() {
    let mut desk = Harness::new(60, dark());
    desk.press(KeyCode::Enter);
    desk.settle();
    desk.app.sessions.listed(Ok(crate::made_up::evaluated::summaries(40)));
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
    for screen in ["1", "2", "3", "4"] {
        desk.keys(screen);
        for (keys, leave) in [("", false), ("?", true), (":", true), ("z", false), ("z", false)] {
            desk.keys(keys);
            same_as_new(&mut desk, &mut terminal, &format!("screen {screen}, key `{keys}`"));
            if leave {
                desk.press(KeyCode::Esc);
            }
        }
        // Each pane in turn, because small sizes show only one.
        for _ in 0..5 {
            desk.press(KeyCode::Tab);
            for enlarged in [true, false] {
                desk.app.ui.enlarged = enlarged;
                same_as_new(&mut desk, &mut terminal, &format!("screen {screen}, a pane"));
            }
        }
        for layer in [Layer::Quit, Layer::Form, Layer::Entry(Entry::Filter), Layer::Region] {
            desk.app.ui.layer = layer;
            same_as_new(&mut desk, &mut terminal, &format!("screen {screen}, {layer:?}"));
        }
        desk.app.ui.layer = Layer::Main;
    }
}
