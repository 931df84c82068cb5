//! A line being typed: its keys, and what happens with the text.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use crate::{
    keymap::{Action, Binding, Scope},
    session::{Command, HIGHEST_RATE, Request},
    tui::{
        Exit,
        app::App,
        palette,
        ui::{Entry, Layer, Pane},
    },
};

/// The largest number of characters in a line.
pub const LONGEST: usize = 1000;

impl App {
    pub(in crate::tui) fn type_in(&mut self, entry: Entry, action: Option<Action>, event: KeyEvent) -> Option<Exit> {
        match action {
            Some(Action::Choose) => return self.take_choice(entry),
            Some(Action::Up) => self.ui.choice = self.ui.choice.saturating_sub(1),
            Some(Action::Down) => {
                let found = match entry {
                    Entry::Overlay => self.sessions.others(self.ui.line.value(), &self.shown.folder).len(),
                    _ => self.found().len(),
                };
                self.ui.choice = (self.ui.choice + 1).min(found.saturating_sub(1));
            }
            Some(Action::Message) => self.show_message(),
            Some(_) => {
                self.ui.layer = Layer::Main;
                self.ui.refused = None;
            }
            None => {
                let full = is_full(&self.ui.line, event);
                if let Some(request) = editing(event).filter(|_| !full) {
                    self.ui.edits(matches!(request, InputRequest::InsertChar(_)));
                    self.ui.line.handle(request);
                    (self.ui.refused, self.ui.choice) = (None, 0);
                }
            }
        }
        None
    }

    /// Accepts the typed line, or the marked item of the list above it.
    pub(in crate::tui) fn take_choice(&mut self, entry: Entry) -> Option<Exit> {
        match entry {
            Entry::Command => return self.take_command(),
            Entry::Overlay => self.take_overlay(),
            entry => self.take_line(entry),
        }
        None
    }

    /// The palette's matches for the line.
    fn found(&self) -> Vec<&Binding> {
        let scopes = Scope::of_screen(self.ui.screen);
        palette::find(&self.keymap, scopes, self.offers(), self.ui.line.value())
    }

    /// Executes the command marked in the palette.
    fn take_command(&mut self) -> Option<Exit> {
        let found = self.found();
        let marked = self.ui.choice.min(found.len().saturating_sub(1));
        let Some(action) = found.get(marked).map(|binding| binding.action) else {
            self.ui.refused = Some("no command here matches".to_owned());
            return None;
        };
        self.ui.layer = Layer::Main;
        self.act(action)
    }

    /// Overlays the session marked in the list on the curves, or removes it if it is there.
    fn take_overlay(&mut self) {
        let found = self.sessions.others(self.ui.line.value(), &self.shown.folder);
        let marked = self.ui.choice.min(found.len().saturating_sub(1));
        let Some(path) = found.get(marked).map(|session| session.path.clone()) else {
            self.ui.refused = Some("no session has this name".to_owned());
            return;
        };
        match self.overlay(&path) {
            Ok(_) => self.ui.layer = Layer::Main,
            Err(reason) => self.ui.refused = Some(reason),
        }
    }

    fn take_line(&mut self, entry: Entry) {
        let text = self.ui.line.value().trim().to_owned();
        let taken = match entry {
            Entry::Filter => self.shown.browse.set_filter(&text),
            Entry::Pairs => self.compare.set_filter(&text),
            Entry::Sessions => self.sessions.set_filter(&text),
            Entry::Columns => self.sessions.set_columns(&text),
            Entry::LearningRate => match text.parse::<f64>() {
                Ok(lr) if (0.0..=HIGHEST_RATE).contains(&lr) => {
                    self.tell(Command::SetLearningRate { lr }, "learning rate asked for");
                    Ok(())
                }
                Ok(_) => Err(format!(
                    "`{text}` is not a learning rate; allowed is 0 to {HIGHEST_RATE}"
                )),
                Err(_) => Err(format!("`{text}` is not a learning rate; type a number such as 3e-4")),
            },
            Entry::Export => self.export(&text),
            Entry::ExportRows => self.export_rows(&text),
            Entry::Note | Entry::Rename | Entry::Remove => self.change_session(entry, &text),
            // Handled by `take_command` and `take_overlay`.
            Entry::Command | Entry::Overlay => Ok(()),
            Entry::Question if text.is_empty() => Ok(()),
            Entry::Question => match self.shown.browse.row().map(|row| row.prediction.image.clone()) {
                Some(image) => {
                    let request = Request::Question { image, question: text };
                    match request.refusal() {
                        Some(reason) => Err(reason),
                        None => {
                            self.ask_model(request);
                            self.show_answer(Pane::Answers);
                            Ok(())
                        }
                    }
                }
                None => Err("there is no image to ask about".to_owned()),
            },
        };
        match taken {
            Ok(()) => {
                self.ui.layer = Layer::Main;
                self.row_moved();
            }
            Err(reason) => self.ui.refused = Some(reason),
        }
    }
}

/// Whether the line has no room for the character that a key would add.
pub fn is_full(line: &Input, event: KeyEvent) -> bool {
    line.value().chars().count() >= LONGEST && matches!(event.code, KeyCode::Char(_))
}

/// The edit of the line that a key requests.
pub fn editing(event: KeyEvent) -> Option<InputRequest> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    Some(match (event.code, control) {
        (KeyCode::Char('a'), true) | (KeyCode::Home, _) => InputRequest::GoToStart,
        (KeyCode::Char('e'), true) | (KeyCode::End, _) => InputRequest::GoToEnd,
        (KeyCode::Char('u'), true) => InputRequest::DeleteLine,
        (KeyCode::Char('w'), true) => InputRequest::DeletePrevWord,
        (KeyCode::Char(c), false) => InputRequest::InsertChar(c),
        (KeyCode::Backspace, _) => InputRequest::DeletePrevChar,
        (KeyCode::Delete, _) => InputRequest::DeleteNextChar,
        (KeyCode::Left, true) => InputRequest::GoToPrevWord,
        (KeyCode::Right, true) => InputRequest::GoToNextWord,
        (KeyCode::Left, false) => InputRequest::GoToPrevChar,
        (KeyCode::Right, false) => InputRequest::GoToNextChar,
        _ => return None,
    })
}
