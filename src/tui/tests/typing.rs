//! Lines that are typed: filters show their rows at once, words are completed, earlier lines come back.

use crossterm::event::KeyCode;

use super::browse::{Harness, dark};

fn shown(desk: &Harness) -> usize {
    desk.app.shown.browse.shown.len()
}

#[test]
fn a_filter_is_live_and_the_old_one_comes_back() {
    let mut desk = Harness::new(60, dark());
    let all = shown(&desk);
    desk.press(KeyCode::Down);
    desk.keys("/");
    let text = desk.text(120, 40);
    assert!(text.contains(" such as wrong  gold:amusement  pred:awe"), "{text}");
    desk.press(KeyCode::Esc);
    // The cursor stays where nothing was typed.
    assert_eq!(desk.app.shown.browse.selected, 1);
    desk.keys("/gold:fe");
    let fear = shown(&desk);
    assert!(fear > 0 && fear < all);
    desk.keys(" conf<");
    assert_eq!(shown(&desk), fear, "what is not whole changes nothing");
    desk.press(KeyCode::Esc);
    assert_eq!((shown(&desk), desk.app.shown.browse.filter.as_str()), (all, ""));
}

#[test]
fn tab_completes_keys_and_classes() {
    let mut desk = Harness::new(60, dark());
    desk.keys("/-pr");
    desk.press(KeyCode::Tab);
    desk.keys("a");
    let text = desk.text(120, 40);
    assert!(text.contains(" tab -pred:amusement  -pred:awe  -pred:anger"), "{text}");
    desk.keys("m");
    desk.press(KeyCode::Tab);
    assert_eq!(desk.app.ui.line.value(), "-pred:amusement");
    desk.press(KeyCode::Tab);
    assert_eq!(desk.app.ui.line.value(), "-pred:amusement");
}

#[test]
fn a_class_that_there_is_not_is_refused_with_the_nearest() {
    let mut desk = Harness::new(60, dark());
    desk.keys("/gold:faer");
    desk.press(KeyCode::Enter);
    let text = desk.text(120, 40);
    assert!(
        text.contains("there is no class `faer`; the nearest is `fear`"),
        "{text}"
    );
}

#[test]
fn earlier_lines_come_back() {
    let mut desk = Harness::new(60, dark());
    for line in ["/wrong", "/right"] {
        desk.keys("x");
        desk.keys(line);
        desk.press(KeyCode::Enter);
    }
    desk.keys("x/co");
    desk.press(KeyCode::Up);
    assert_eq!(desk.app.ui.line.value(), "right");
    desk.press(KeyCode::Up);
    desk.press(KeyCode::Up);
    assert_eq!(desk.app.ui.line.value(), "wrong");
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Down);
    assert_eq!(desk.app.ui.line.value(), "co");
}
