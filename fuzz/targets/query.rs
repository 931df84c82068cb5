//! The filter of Browse, typed and submitted.

#![no_main]

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use libfuzzer_sys::fuzz_target;
use masp_fuzz::with_screens;

fuzz_target!(|text: &str| {
    with_screens(|screens| {
        let mut press = |code| _ = screens.press(KeyEvent::new(code, KeyModifiers::NONE));
        // Closes whatever the previous input has left open.
        for code in [
            KeyCode::Esc,
            KeyCode::Esc,
            KeyCode::Char('2'),
            KeyCode::Char('x'),
            KeyCode::Char('/'),
        ] {
            press(code);
        }
        text.chars().take(200).for_each(|c| press(KeyCode::Char(c)));
        press(KeyCode::Enter);
    });
});
