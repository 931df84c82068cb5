//! Text that the terminal marks as pasted: it goes into the line being typed, and never acts as commands.

use tui_input::{Input, InputRequest};

use super::entry::LONGEST;
use crate::tui::{app::App, ui::Layer};

impl App {
    /// Handles pasted text. If nothing is being typed it is ignored, with a notice.
    pub(in crate::tui) fn paste(&mut self, text: &str) {
        match self.ui.layer {
            Layer::Entry(_) => {
                self.ui.edits(true);
                insert(&mut self.ui.line, text);
                (self.ui.refused, self.ui.choice) = (None, 0);
            }
            Layer::Form => {
                let row = self.sessions.form.as_mut().and_then(|form| form.row_mut());
                if let Some(row) = row.filter(|row| row.field.choices.is_empty()) {
                    insert(&mut row.line, text);
                    self.check_form();
                }
            }
            _ => self.ui.notice = Some("nothing is being typed here: the pasted text was left out".to_owned()),
        }
    }
}

/// Inserts `text` at the line's cursor as one line: line breaks become blanks, and text that does not fit is dropped.
fn insert(line: &mut Input, text: &str) {
    let room = LONGEST.saturating_sub(line.value().chars().count());
    let one_line = text.trim_matches(['\r', '\n']);
    for c in one_line.chars().take(room) {
        line.handle(InputRequest::InsertChar(if c.is_control() { ' ' } else { c }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_is_one_line_at_the_cursor_and_bounded() {
        let mut line = Input::new("ab".to_owned());
        line.handle(InputRequest::GoToPrevChar);
        insert(&mut line, "\none\ttwo\r\n");
        assert_eq!(line.value(), "aone twob");
        insert(&mut line, &"x".repeat(2 * LONGEST));
        assert_eq!(line.value().chars().count(), LONGEST);
    }
}
