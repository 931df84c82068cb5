//! The filter of the table of runs: terms that must all hold.
//!
//! ```text
//! state:live  model:qwen  data:EmoSet   a column holds this text
//! state=finished                        a column is this text
//! lr<1e-4  best>=80%  steps>100         a number
//! tag:paper                             the note has the word #paper
//! emoset                                name, state, data, model, folder or note hold this
//! -state:failed  -emoset                not
//! ```

use super::column::{Cell, Column};
use crate::{
    relation::{Relation, number},
    session::SessionSummary,
    terms::Terms,
};

/// A filter; the empty one passes all runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query(Terms<What>);

#[derive(Debug, Clone, PartialEq)]
enum What {
    Holds(Column, String),
    Is(Column, String),
    Compared(Column, Relation, f64),
    Tag(String),
    Text(String),
}

impl Query {
    /// Parses a filter, ignoring case.
    ///
    /// # Errors
    /// A sentence on the first term that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        Terms::parse(text, what).map(Self)
    }

    /// Whether a run passes.
    #[must_use]
    pub fn holds(&self, run: &SessionSummary) -> bool {
        self.0.hold(|what| what.holds(run))
    }
}

fn what(word: &str) -> Result<What, String> {
    if let Some((name, relation, value)) = Relation::split(word) {
        return Ok(What::Compared(Column::parse(name)?, relation, number(value)?));
    }
    if let Some((name, value)) = word.split_once('=') {
        return Ok(What::Is(Column::parse(name)?, value.to_owned()));
    }
    match word.split_once(':') {
        Some(("tag", tag)) => Ok(What::Tag(tag.trim_start_matches('#').to_owned())),
        Some((name, part)) => Ok(What::Holds(Column::parse(name)?, part.to_owned())),
        None => Ok(What::Text(word.to_owned())),
    }
}

impl What {
    fn holds(&self, run: &SessionSummary) -> bool {
        match self {
            Self::Holds(column, part) => text(column, run).contains(part),
            Self::Is(column, value) => match (column.cell(run), number(value)) {
                (Cell::Number(own), Ok(value)) => own.to_bits() == value.to_bits(),
                _ => text(column, run) == *value,
            },
            Self::Compared(column, relation, value) => match column.cell(run) {
                Cell::Number(own) => relation.holds(own, *value),
                _ => false,
            },
            Self::Tag(tag) => {
                let note = run.note.to_lowercase();
                note.split_whitespace().any(|word| word.strip_prefix('#') == Some(tag))
            }
            Self::Text(part) => {
                let parts = [
                    &run.name,
                    run.state.name(),
                    &run.dataname,
                    &run.data,
                    &run.model,
                    &run.note,
                ];
                parts.join(" ").to_lowercase().contains(part)
            }
        }
    }
}

fn text(column: &Column, run: &SessionSummary) -> String {
    column.shown(&column.cell(run)).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::evaluated::summaries;

    fn kept(query: &str) -> Vec<String> {
        let query = Query::parse(query).unwrap();
        let runs = summaries(9).into_iter().filter(|run| query.holds(run));
        runs.map(|run| run.name).collect()
    }

    #[test]
    fn all_terms_must_hold() {
        let all = summaries(9);
        let by = |holds: &dyn Fn(&SessionSummary) -> bool| -> Vec<String> {
            all.iter()
                .filter(|run| holds(run))
                .map(|run| run.name.clone())
                .collect()
        };
        assert_eq!(kept("").len(), 9);
        assert_eq!(kept("finished RUN-3"), ["run-3"]);
        assert_eq!(kept("state:live"), by(&|run| run.state.name() == "live"));
        assert_eq!(kept("-state=live").len(), 9 - kept("state=live").len());
        assert_eq!(kept("lr<0.01"), ["run-1"]);
        assert_eq!(kept("lr=3e-3"), ["run-1"]);
        assert_eq!(
            kept("best>=85%"),
            by(&|run| run.best_accuracy.is_some_and(|best| best >= 0.85))
        );
        assert_eq!(kept("tag:keep"), ["run-3"]);
        assert_eq!(kept("tag:kee"), Vec::<String>::new());
        assert_eq!(kept("views:object").len(), 8);
    }

    #[test]
    fn what_is_no_term_is_a_sentence() {
        for (query, said) in [
            ("mood:x", "`mood`"),
            ("lr<fast", "`fast` is not a number"),
            ("epochs>1", "train.epochs"),
        ] {
            let error = Query::parse(query).map(|_| ()).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
