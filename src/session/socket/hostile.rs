//! Properties for hostile viewers and runs, which may send any bytes. The run takes commands or refuses them and goes on
//! listening; the viewer gets answers or an error message.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    thread,
    time::Duration,
};

use crossbeam_channel::unbounded;
use proptest::prelude::*;

use super::{
    client::connect_in,
    folder::{Identity, socket_in},
    *,
};
use crate::{
    hostile::{changed, config, is_sentence},
    session::{Command, SessionFolder, hostile::records},
};

fn commands() -> Vec<Vec<u8>> {
    let lines = [
        r#"{"command":"pause"}"#,
        r#"{"command":"stop","after":"epoch"}"#,
        r#"{"command":"set_learning_rate","lr":1e-3}"#,
        r#"{"command":"ask","ask":"predict","image":"a","muted":["scene"],"blanked":[1,2]}"#,
        r#"{"command":"ask","ask":"question","image":"a","question":"why?"}"#,
    ];
    vec![lines.map(|line| format!("{line}\n")).concat().into_bytes()]
}

fn greeting() -> String {
    let greeting = Greeting {
        masp: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        session: "run".to_owned(),
    };
    serde_json::to_string(&greeting).unwrap() + "\n"
}

fn said() -> Vec<Vec<u8>> {
    let answer = records()
        .into_iter()
        .find(|record| record["event"] == "answer")
        .unwrap();
    let answer = Message::Answer(Box::new(serde_json::from_value(answer).unwrap()));
    let refused = Message::Refused {
        reason: "no".to_owned(),
    };
    let line = |said: &Message| serde_json::to_string(said).unwrap() + "\n";
    vec![[greeting(), line(&answer), line(&refused)].concat().into_bytes()]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_viewers_line_is_a_command_or_refused(bytes in changed(commands())) {
        let root = tempfile::tempdir()?;
        let session = SessionFolder::create(root.path(), "run")?;
        let folders = vec![root.path().join("sockets")];
        let ((told, taken), (_answers, answers)) = (unbounded::<Command>(), unbounded());
        let _server = Listening::bind_in(&session, folders.clone())?.serve(told, answers)?;
        let mut stream = UnixStream::connect(socket_in(&folders[0], Identity::of(&session)?)?)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        // The other side may have hung up after the previous line.
        let _ = stream.write_all(&bytes).and_then(|()| stream.shutdown(Shutdown::Write));
        let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
        prop_assert_eq!(lines.next().map(|line| line + "\n"), Some(greeting()));
        for line in lines {
            match serde_json::from_str(&line)? {
                Message::Refused { reason } => prop_assert!(is_sentence(&reason), "{reason:?}"),
                Message::Answer(_) => prop_assert!(false, "nothing was asked"),
            }
        }
        prop_assert!(taken.try_iter().count() <= bytes.iter().filter(|byte| **byte == b'\n').count());
        prop_assert!(connect_in(&session, &folders).is_ok(), "the next one is heard");
    }

    #[test]
    fn a_runs_line_is_an_answer_or_ends_the_connection(bytes in changed(said())) {
        let root = tempfile::tempdir()?;
        let session = SessionFolder::create(root.path(), "run")?;
        let path = socket_in(root.path(), Identity::of(&session)?)?;
        let listener = UnixListener::bind(&path)?;
        let run = thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            stream.write_all(&bytes)?;
            stream.shutdown(Shutdown::Write)?;
            stream.read_to_end(&mut Vec::new())
        });
        match connect_in(&session, &[root.path().to_owned()]) {
            Err(error) => prop_assert!(is_sentence(&error.to_string()), "{:?}", error.to_string()),
            Ok(Connection { commands, answers }) => {
                prop_assert!(answers.iter().count() <= 2);
                drop(commands);
            }
        }
        // The viewer has hung up by now, whatever answer it got.
        let _ = run.join();
    }
}
