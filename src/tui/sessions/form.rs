//! The form for a new run: its fields, their values, and the values' problems.

use tui_input::Input;

use crate::tui::{common_prefix::common_prefix, paths};

/// A field with its initial value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub value: String,
    /// What an empty field means.
    pub empty: &'static str,
    /// The choices; if there are none, any text may be typed.
    pub choices: &'static [&'static str],
    /// What the tab key completes.
    pub completes: Completes,
}

/// What is completed in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completes {
    Nothing,
    /// The path of a file or folder.
    Path,
    /// One of these.
    Words(Vec<String>),
}

/// The form.
#[derive(Debug, Default)]
pub struct Form {
    /// The session whose settings the fields begin with.
    pub like: Option<String>,
    pub rows: Vec<Row>,
    /// The row under the cursor; after the fields comes the start button.
    pub at: usize,
    /// Why there is no form, or no run was started.
    pub refused: Option<String>,
    /// The run was started and has not reported anything yet.
    pub starting: bool,
}

/// A field with its current value.
#[derive(Debug)]
pub struct Row {
    pub field: Field,
    pub line: Input,
    pub problem: Option<String>,
}

impl Form {
    /// A form of these fields, or an error message in its place.
    pub fn new(like: Option<String>, fields: Result<Vec<Field>, String>) -> Self {
        let row = |field: Field| Row {
            line: Input::new(field.value.clone()),
            field,
            problem: None,
        };
        match fields {
            Ok(fields) => Self {
                like,
                rows: fields.into_iter().map(row).collect(),
                ..Self::default()
            },
            Err(reason) => Self {
                refused: Some(reason),
                ..Self::default()
            },
        }
    }

    /// The fields' values, in order.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.line.value().trim().to_owned()).collect()
    }

    /// Sets each field's problem.
    pub fn judge(&mut self, problems: Vec<Option<String>>) {
        for (row, problem) in self.rows.iter_mut().zip(problems) {
            row.problem = problem;
        }
    }

    /// Why nothing was started, or the problem of the field under the cursor.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        let problem = self.rows.get(self.at).and_then(|row| row.problem.as_deref());
        self.refused.as_deref().or(problem)
    }

    /// The number of fields with a problem.
    #[must_use]
    pub fn wrong(&self) -> usize {
        self.rows.iter().filter(|row| row.problem.is_some()).count()
    }

    /// The field under the cursor; `None` on the start button.
    pub fn row_mut(&mut self) -> Option<&mut Row> {
        self.rows.get_mut(self.at)
    }

    #[must_use]
    pub fn is_on_start(&self) -> bool {
        self.at == self.rows.len()
    }

    /// Moves the cursor; after the start button comes the first field.
    pub fn step(&mut self, by: isize) {
        let places = self.rows.len() as isize + 1;
        self.at = (self.at as isize + by).rem_euclid(places) as usize;
    }

    /// The number of fields that were changed.
    #[must_use]
    pub fn changed(&self) -> usize {
        self.rows.iter().filter(|row| row.is_changed()).count()
    }

    /// Moves the cursor to the first field with a problem.
    pub fn go_to_wrong(&mut self) {
        let wrong = self.rows.iter().position(|row| row.problem.is_some());
        self.at = wrong.unwrap_or(self.at);
    }
}

impl Row {
    /// Whether the value is another one than at first.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.line.value().trim() != self.field.value
    }

    /// Completes the value; returns false if there is nothing to add.
    pub fn complete(&mut self) -> bool {
        let typed = self.line.value();
        let completed = match &self.field.completes {
            Completes::Nothing => None,
            Completes::Path => paths::completed(typed),
            Completes::Words(words) => {
                let begins = words
                    .iter()
                    .filter(|word| word.to_lowercase().starts_with(&typed.to_lowercase()));
                let shared = common_prefix(begins.map(String::as_str));
                shared.filter(|word| word.len() > typed.len()).map(str::to_owned)
            }
        };
        let Some(line) = completed else { return false };
        self.line = Input::new(line);
        true
    }

    /// Selects the choice `by` places further; returns false if the field takes any text.
    pub fn choose(&mut self, by: isize) -> bool {
        let choices = self.field.choices;
        let at = choices.iter().position(|choice| *choice == self.line.value());
        let at = at.map_or(0, |at| (at as isize + by).rem_euclid(choices.len() as isize) as usize);
        match choices.get(at) {
            Some(choice) => self.line = Input::new((*choice).to_owned()),
            None => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        let field = |name, choices| Field {
            name,
            value: "b".to_owned(),
            empty: "",
            choices,
            completes: Completes::Words(vec!["Bohemian".to_owned(), "Both".to_owned(), "other".to_owned()]),
        };
        Form::new(None, Ok(vec![field("text", &[]), field("choice", &["a", "b", "c"])]))
    }

    #[test]
    fn the_cursor_wraps_around_past_the_start_button() {
        let mut form = form();
        form.step(-1);
        assert!(form.is_on_start() && form.row_mut().is_none());
        form.step(1);
        assert_eq!(form.at, 0);
        form.judge(vec![None, Some("wrong".to_owned())]);
        form.go_to_wrong();
        assert_eq!((form.at, form.wrong()), (1, 1));
    }

    #[test]
    fn a_word_is_completed_as_far_as_all_agree_and_marked_as_changed() {
        let mut form = form();
        assert_eq!(form.changed(), 0);
        assert!(form.rows[0].complete());
        assert_eq!(form.values()[0], "Bo");
        assert!(!form.rows[0].complete(), "two words begin so");
        assert_eq!(form.changed(), 1);
    }

    #[test]
    fn choices_wrap_around_and_a_text_field_has_none() {
        let mut form = form();
        assert!(!form.rows[0].choose(1));
        for chosen in ["c", "a"] {
            assert!(form.rows[1].choose(1));
            assert_eq!(form.values(), ["b", chosen]);
        }
        form.rows[1].choose(-1);
        assert_eq!(form.values()[1], "c");
    }
}
