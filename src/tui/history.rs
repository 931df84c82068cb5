//! Lines typed before, which the arrow keys bring back.

/// The most lines kept.
const MOST: usize = 50;

#[derive(Debug, Clone, Default)]
pub struct History {
    /// The newest last.
    lines: Vec<String>,
    /// How many lines back the line shown is; 0: it is the one being typed.
    back: usize,
    /// The line being typed, while an older one is shown.
    draft: String,
}

impl History {
    /// A new line begins.
    pub fn begin(&mut self) {
        self.back = 0;
    }

    /// Keeps a line that was taken.
    pub fn keep(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        self.lines.retain(|kept| kept != line);
        self.lines.push(line.to_owned());
        if self.lines.len() > MOST {
            self.lines.remove(0);
        }
    }

    /// The line before `line`, which is shown now; `None` where there is none.
    pub fn earlier(&mut self, line: &str) -> Option<String> {
        let found = self.lines.len().checked_sub(self.back + 1)?;
        if self.back == 0 {
            line.clone_into(&mut self.draft);
        }
        self.back += 1;
        self.lines.get(found).cloned()
    }

    /// The line after the one shown, at last the one that was being typed; `None` where that is shown.
    pub fn later(&mut self) -> Option<String> {
        self.back = self.back.checked_sub(1)?;
        match self.lines.len().checked_sub(self.back) {
            Some(found) if self.back > 0 => self.lines.get(found).cloned(),
            _ => Some(std::mem::take(&mut self.draft)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_and_the_draft_last() {
        let mut history = History::default();
        ["a", "b", "", "a"].into_iter().for_each(|line| history.keep(line));
        history.begin();
        assert_eq!(history.earlier("draft"), Some("a".to_owned()));
        assert_eq!(history.earlier("a"), Some("b".to_owned()));
        assert_eq!(history.earlier("b"), None);
        assert_eq!(history.later(), Some("a".to_owned()));
        assert_eq!(history.later(), Some("draft".to_owned()));
        assert_eq!(history.later(), None);
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut history = History::default();
        (0..2 * MOST).for_each(|n| history.keep(&n.to_string()));
        assert_eq!((history.lines.len(), history.lines[0].as_str()), (MOST, "50"));
    }
}
