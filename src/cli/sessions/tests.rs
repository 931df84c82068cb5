use std::error::Error;
use std::path::Path;

use serde_json::{Value, json};

use clap::Parser;

use super::{list, show};
use crate::cli::args::{Cli, Command, SessionsCommand};
use crate::session::{Ended, Event, JournalWriter, SessionFolder, SessionStart, Stage, list_sessions};

pub fn start() -> SessionStart {
    SessionStart {
        format: 1,
        program: "0.1.0".into(),
        name: "run".into(),
        settings: json!({"session": "run"}),
        model: "tiny\u{1b}[2J".into(),
        data: "data".into(),
        drawn: None,
        dataname: "EmoSet".into(),
        classes: vec![],
        splits: [0; 3],
        device: "cpu".into(),
        views: vec![],
        plan: vec![(Stage::Prompt, 8)],
    }
}

fn printed(root: &Path, name: Option<&str>, json: bool) -> Result<String, Box<dyn Error>> {
    let mut out = Vec::new();
    match name {
        None => {
            let argv = ["masp", "sessions", "list"].into_iter().chain(json.then_some("--json"));
            let Some(Command::Sessions {
                command: SessionsCommand::List(asked),
            }) = Cli::parse_from(argv).command
            else {
                return Err("not the list".into());
            };
            list::list(&list_sessions(root)?, &asked, &mut out)?;
        }
        Some(name) => show::show(&SessionFolder::open(root, name)?, json, &mut out)?,
    }
    Ok(String::from_utf8(out)?)
}

#[test]
fn text_and_json_describe_the_same_run() -> Result<(), Box<dyn Error>> {
    let root = tempfile::tempdir()?;
    let root = root.path();
    assert!(printed(root, None, false)?.starts_with("no sessions yet"));
    assert_eq!(printed(root, None, true)?, "[]\n");
    let folder = SessionFolder::create(root, "run")?;
    let mut journal = JournalWriter::open(&folder.journal())?;
    journal.append(Event::Session(Box::new(start())))?;
    journal.append(Event::Ended(Ended { reason: "done".into() }))?;

    let table = printed(root, None, false)?;
    assert!(
        table
            .lines()
            .nth(1)
            .is_some_and(|row| row.starts_with("run   finished")),
        "{table}"
    );
    assert!(!table.contains('\u{1b}'), "{table:?}");
    let listed: Value = serde_json::from_str(&printed(root, None, true)?)?;
    assert_eq!(
        (&listed[0]["name"], &listed[0]["state"]),
        (&json!("run"), &json!("finished"))
    );

    let text = printed(root, Some("run"), false)?;
    assert!(
        text.contains("  state       finished\n") && !text.contains('\u{1b}'),
        "{text:?}"
    );
    let shown: Value = serde_json::from_str(&printed(root, Some("run"), true)?)?;
    assert_eq!(
        (&shown["settings"]["session"], &shown["plan"]),
        (&json!("run"), &json!([["prompt", 8]]))
    );
    assert!(printed(root, Some("other"), false).is_err());
    Ok(())
}
