//! A line being typed: its keys, and what happens with the text.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use crate::{
    keymap::Action,
    session::{Command, HIGHEST_RATE, Request},
    tui::{
        Exit,
        app::App,
        completion::{Known, candidates, completed, word},
        host::ENTER_REPLACES,
        palette::{self, Found},
        ui::{Entry, Layer, Pane},
    },
};

/// The largest number of characters in a line.
pub const LONGEST: usize = 1000;
/// The most rows that are filtered with each character: so many took up to 26 ms in a build for tests, and more would hold
/// the keys up.
const MOST_LIVE: usize = 20_000;

impl App {
    pub(in crate::tui) fn type_in(&mut self, entry: Entry, action: Option<Action>, event: KeyEvent) -> Option<Exit> {
        match action {
            Some(Action::Choose) => return self.take_choice(entry),
            Some(Action::Complete) => {
                let known = Known {
                    browse: &self.shown.browse,
                    sessions: &self.sessions,
                };
                if let Some(line) = completed(entry, self.ui.line.value(), known) {
                    self.replace_line(entry, line);
                }
            }
            Some(Action::Up) if !has_list(entry) => {
                let history = self.ui.history.entry(entry).or_default();
                if let Some(line) = history.earlier(self.ui.line.value()) {
                    self.replace_line(entry, line);
                }
            }
            Some(Action::Down) if !has_list(entry) => {
                if let Some(line) = self.ui.history.entry(entry).or_default().later() {
                    self.replace_line(entry, line);
                }
            }
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
                let begun = std::mem::take(&mut self.ui.begun);
                self.show_filtered(entry, &begun);
            }
            None => {
                let full = is_full(&self.ui.line, event);
                if let Some(request) = editing(event).filter(|_| !full) {
                    self.ui.edits(matches!(request, InputRequest::InsertChar(_)));
                    self.ui.line.handle(request);
                    (self.ui.refused, self.ui.choice) = (None, 0);
                    let line = self.ui.line.value().to_owned();
                    self.filter_as_typed(entry, &line);
                }
            }
        }
        None
    }

    fn replace_line(&mut self, entry: Entry, line: String) {
        self.ui.replaced = false;
        self.filter_as_typed(entry, &line);
        self.ui.line = Input::new(line);
        self.ui.refused = None;
    }

    /// Shows what a filter passes while it is typed, but for a last word that may become a key.
    fn filter_as_typed(&mut self, entry: Entry, line: &str) {
        let known = Known {
            browse: &self.shown.browse,
            sessions: &self.sessions,
        };
        let typed = word(line);
        let is_begun = !typed.contains([':', '=', '<', '>']) && !candidates(entry, typed, known).is_empty();
        let whole = if is_begun { line.len() - typed.len() } else { line.len() };
        self.show_filtered(entry, &line[..whole]);
    }

    /// Shows what a filter passes; one that is invalid changes nothing.
    fn show_filtered(&mut self, entry: Entry, line: &str) {
        let (rows, now) = match entry {
            Entry::Filter => {
                let browse = &self.shown.browse;
                (browse.rows().map_or(0, |rows| rows.len()), &browse.filter)
            }
            Entry::Pairs => (self.compare.images(), &self.compare.filter),
            Entry::Sessions => (0, &self.sessions.filter),
            _ => return,
        };
        // The same filter again would put the cursor on the first row.
        if rows > MOST_LIVE || now == line.trim() {
            return;
        }
        let taken = match entry {
            Entry::Filter => self.shown.browse.set_filter(line),
            Entry::Pairs => self.compare.set_filter(line),
            _ => self.sessions.set_filter(line),
        };
        if taken.is_ok() {
            self.row_moved();
        }
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
    fn found(&self) -> Vec<Found<'_>> {
        palette::find(&self.keymap, self.ui.screen, self.offers(), self.ui.line.value())
    }

    /// Executes the command marked in the palette.
    fn take_command(&mut self) -> Option<Exit> {
        let found = self.found();
        let marked = self.ui.choice.min(found.len().saturating_sub(1));
        let Some(Found { binding, screen }) = found.get(marked).copied() else {
            self.ui.refused = Some("no command matches".to_owned());
            return None;
        };
        let action = binding.action;
        self.ui.layer = Layer::Main;
        if let Some(screen) = screen {
            self.show(screen);
        }
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
        // The line was not edited since the refusal: that would have removed it.
        let replace = self
            .ui
            .refused
            .as_deref()
            .is_some_and(|said| said.ends_with(ENTER_REPLACES));
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
            Entry::Export => self.export(&text, replace),
            Entry::ExportRows => self.export_rows(&text, replace),
            Entry::Note | Entry::Rename | Entry::Remove => self.change_session(entry, &text),
            // Handled by `take_command` and `take_overlay`.
            Entry::Command | Entry::Overlay => Ok(()),
            Entry::Question if text.is_empty() => Ok(()),
            Entry::Question => match self.shown.browse.row().map(|row| row.prediction.image.clone()) {
                Some(image) => {
                    let request = Request::Question {
                        image,
                        question: text.clone(),
                    };
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
                self.ui.history.entry(entry).or_default().keep(&text);
                self.ui.layer = Layer::Main;
                self.row_moved();
            }
            Err(reason) => self.ui.refused = Some(reason),
        }
    }
}

/// Whether the arrow keys move in a list above the line.
const fn has_list(entry: Entry) -> bool {
    matches!(entry, Entry::Command | Entry::Overlay)
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
