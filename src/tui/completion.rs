//! What can be typed in a line: an example from the data that are shown, and the words that the tab key completes.

use std::collections::BTreeSet;

use super::{browse::Browse, common_prefix::common_prefix, paths, sessions::Sessions, ui::Entry};
use crate::{
    data::View,
    runs::Column,
    session::{SessionState, SessionSummary},
    text::clean,
};

/// The data that examples and words come from.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub browse: &'a Browse,
    pub sessions: &'a Sessions,
}

/// The word of a line that is being typed: its last one.
#[must_use]
pub fn word(line: &str) -> &str {
    line.rsplit(char::is_whitespace).next().unwrap_or("")
}

/// The line with its last word completed as far as all candidates agree; `None` where that adds nothing.
#[must_use]
pub fn completed(entry: Entry, line: &str, known: Known) -> Option<String> {
    if matches!(entry, Entry::Export | Entry::ExportRows) {
        return paths::completed(line);
    }
    let typed = word(line);
    let found = candidates(entry, typed, known);
    let shared = common_prefix(found.iter().map(String::as_str))?;
    (shared.len() > typed.len()).then(|| format!("{}{shared}", &line[..line.len() - typed.len()]))
}

/// The words that begin as `typed` does.
#[must_use]
pub fn candidates(entry: Entry, typed: &str, known: Known) -> Vec<String> {
    let (not, typed) = match typed.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", typed),
    };
    let typed = typed.to_lowercase();
    let all = match entry {
        Entry::Filter | Entry::Pairs => of_images(&typed, known.browse),
        Entry::Sessions => of_sessions(&typed, known.sessions),
        Entry::Columns => Column::names(),
        _ => Vec::new(),
    };
    let begins = all
        .into_iter()
        .filter(|word| word.to_lowercase().starts_with(&typed) && *word != typed);
    begins.map(|word| format!("{not}{word}")).collect()
}

/// The syntax of a line by an example from the data; empty where there is nothing to say.
#[must_use]
pub fn example(entry: Entry, known: Known) -> String {
    match entry {
        Entry::Filter | Entry::Pairs => {
            let classes = known
                .browse
                .rows()
                .map(|rows| rows.labels.as_slice())
                .unwrap_or_default();
            let class = |place: usize| {
                classes
                    .get(place)
                    .map_or_else(|| "fear".to_owned(), |class| spaceless(class))
            };
            let annotated = known.browse.row().and_then(|row| {
                let (view, text) = row.annotation.iter().find(|(_, text)| !text.trim().is_empty())?;
                let word = text.split([' ', ',', ';']).find(|word| !word.is_empty())?;
                Some(format!("{view}:{word}"))
            });
            let annotated = annotated.unwrap_or_else(|| "scene:beach".to_owned());
            format!(
                "wrong  gold:{}  pred:{}  conf>80%  margin<0.1  {}  -word",
                class(0),
                class(1),
                clean(&annotated)
            )
        }
        Entry::Sessions => {
            let run = known.sessions.session();
            let of = |text: fn(&SessionSummary) -> &str, other: &str| {
                let text = run.map(text).filter(|text| !text.is_empty() && !text.contains(' '));
                clean(text.unwrap_or(other))
            };
            format!(
                "state:{}  model:{}  lr<1e-2  best>=80%  tag:paper  -word",
                of(|run| run.state.name(), "finished"),
                of(|run| run.model.rsplit('/').next().unwrap_or(""), "qwen"),
            )
        }
        Entry::Columns => {
            "figures such as test_f1 best_ece samples/s memory, settings such as lr seed views".to_owned()
        }
        Entry::LearningRate => "a number from 0 to 1, such as 3e-4; it holds from the next step on".to_owned(),
        Entry::Export => "a file: report.html  steps.csv  curves.pdf  confusion.svg  reliability.svg  classes.svg  maps.png  table.tex".to_owned(),
        Entry::ExportRows => "a file: rows.csv or rows.jsonl, with the rows shown, in their order".to_owned(),
        Entry::Question => "a question in plain words; the model answers from the image and its aspects".to_owned(),
        Entry::Note => "plain words; #paper is found by tag:paper".to_owned(),
        Entry::Rename | Entry::Remove | Entry::Command | Entry::Overlay => String::new(),
    }
}

fn of_images(typed: &str, browse: &Browse) -> Vec<String> {
    let classes = browse.rows().map(|rows| rows.labels.as_slice()).unwrap_or_default();
    for key in ["gold:", "pred:", "says:", "gold=", "pred=", "says="] {
        if typed.starts_with(key) {
            return classes
                .iter()
                .map(|class| format!("{key}{}", spaceless(class)))
                .collect();
        }
    }
    let keys = ["wrong", "right", "gold:", "pred:", "conf<", "conf>", "margin<", "loss>"];
    let views = View::ALL.into_iter().map(|view| format!("{view}:"));
    keys.into_iter().map(str::to_owned).chain(views).collect()
}

fn of_sessions(typed: &str, sessions: &Sessions) -> Vec<String> {
    let all = sessions.all.as_ref().and_then(|all| all.as_ref().ok());
    let distinct = |key: &str, of: &dyn Fn(&SessionSummary) -> Vec<String>| -> Vec<String> {
        let values: BTreeSet<String> = all.into_iter().flatten().flat_map(of).collect();
        let values = values
            .into_iter()
            .filter(|value| !value.is_empty() && !value.contains(' '));
        values.map(|value| format!("{key}{value}")).collect()
    };
    match typed.split_once(':').map(|(key, _)| key) {
        Some("state") => SessionState::ALL
            .iter()
            .map(|state| format!("state:{}", state.name()))
            .collect(),
        Some("model") => distinct("model:", &|run| vec![run.model.clone()]),
        Some("data") => distinct("data:", &|run| vec![run.dataname.clone()]),
        Some("tag") => distinct("tag:", &|run| {
            let words = run.note.split_whitespace();
            words
                .filter_map(|word| word.strip_prefix('#'))
                .map(str::to_owned)
                .collect()
        }),
        Some(_) => Vec::new(),
        None => {
            let texts = ["state:", "model:", "data:", "tag:", "name:", "note:", "device:"];
            let figures = Column::names()
                .into_iter()
                .filter(|name| !texts.contains(&&*format!("{name}:")));
            texts.into_iter().map(str::to_owned).chain(figures).collect()
        }
    }
}

/// A class as filters write it: spaces separate terms.
fn spaceless(class: &str) -> String {
    clean(class).to_lowercase().replace(char::is_whitespace, "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::evaluated::summaries;

    fn sessions() -> Sessions {
        let mut sessions = Sessions::default();
        sessions.listed(Ok(summaries(9)));
        sessions
    }

    fn tab(entry: Entry, line: &str) -> Option<String> {
        let (browse, sessions) = (Browse::default(), sessions());
        completed(
            entry,
            line,
            Known {
                browse: &browse,
                sessions: &sessions,
            },
        )
    }

    #[test]
    fn the_last_word_is_completed_as_far_as_all_agree() {
        // `state:` and `started`.
        assert_eq!(tab(Entry::Sessions, "run-3 sta"), None);
        assert_eq!(tab(Entry::Sessions, "x state:fi"), Some("x state:finished".to_owned()));
        assert_eq!(tab(Entry::Sessions, "-mode"), Some("-model".to_owned()));
        assert_eq!(tab(Entry::Sessions, "tag:k"), Some("tag:keep".to_owned()));
        assert_eq!(tab(Entry::Columns, "name test_b"), Some("name test_brier".to_owned()));
        assert_eq!(tab(Entry::Columns, "name nothing"), None);
        assert_eq!(tab(Entry::Filter, "wr"), Some("wrong".to_owned()));
        assert_eq!(tab(Entry::Filter, "-sc"), Some("-scene:".to_owned()));
        assert_eq!(tab(Entry::Question, "wh"), None);
    }

    #[test]
    fn examples_hold_what_is_shown_and_are_valid() {
        let (browse, sessions) = (Browse::default(), sessions());
        let known = Known {
            browse: &browse,
            sessions: &sessions,
        };
        let filter = example(Entry::Sessions, known);
        assert!(filter.starts_with("state:live  model:tiny"), "{filter}");
        crate::runs::Query::parse(&filter).unwrap();
        crate::tui::browse::query::Query::parse(&example(Entry::Filter, known)).unwrap();
    }
}
