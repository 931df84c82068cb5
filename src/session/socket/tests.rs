use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::{
    client::connect_in,
    folder::{Identity, socket_in},
    *,
};
use crate::session::{Answer, Command, Event, Found, Record, Request, SessionFolder, Stage, StopAfter};

const TIMEOUT: Duration = Duration::from_secs(10);

/// A session with a run that listens.
struct Run {
    session: SessionFolder,
    folders: Vec<PathBuf>,
    commands: Receiver<Command>,
    answers: Sender<Record>,
    server: Option<Server>,
    _root: tempfile::TempDir,
}

fn run() -> Run {
    let root = tempfile::tempdir().unwrap();
    let session = SessionFolder::create(root.path(), "run").unwrap();
    let folders = vec![root.path().join("sockets")];
    let (commands, taken) = bounded(64);
    let (answers, told) = unbounded();
    let server = Listening::bind_in(&session, folders.clone())
        .unwrap()
        .serve(commands, told)
        .unwrap();
    Run {
        session,
        folders,
        commands: taken,
        answers,
        server: Some(server),
        _root: root,
    }
}

impl Run {
    fn connect(&self) -> Result<Connection, SocketError> {
        connect_in(&self.session, &self.folders)
    }

    fn socket(&self) -> PathBuf {
        socket_in(&self.folders[0], Identity::of(&self.session).unwrap()).unwrap()
    }

    /// A greeted viewer that sends raw bytes.
    fn raw(&self) -> (UnixStream, BufReader<UnixStream>) {
        let stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(
            line.contains("\"protocol\":1") && line.contains("\"session\":\"run\""),
            "{line}"
        );
        (stream, reader)
    }
}

fn answer(text: &str) -> Record {
    let answer = Answer {
        stage: Stage::Prompt,
        step: 3,
        request: Request::Question {
            image: "a".into(),
            question: "b".into(),
        },
        found: Found::Text(text.into()),
    };
    Record::new(7, 1.5, Event::Answer(Box::new(answer)))
}

#[test]
fn viewers_send_commands_and_all_receive_the_answers() {
    let run = run();
    let viewers = [run.connect().unwrap(), run.connect().unwrap()];
    viewers[0].commands.send(Command::Pause).unwrap();
    assert_eq!(run.commands.recv_timeout(TIMEOUT), Ok(Command::Pause));
    let stop = Command::Stop {
        after: StopAfter::Epoch,
    };
    viewers[1].commands.send(stop.clone()).unwrap();
    assert_eq!(run.commands.recv_timeout(TIMEOUT), Ok(stop));
    run.answers.send(answer("\u{1b}[2J stays data")).unwrap();
    for viewer in &viewers {
        assert_eq!(viewer.answers.recv_timeout(TIMEOUT), Ok(answer("\u{1b}[2J stays data")));
    }
}

#[test]
fn a_viewer_may_die_at_any_time() {
    let run = run();
    drop(run.connect().unwrap());
    let (mut half, reader) = run.raw();
    half.write_all(b"{\"command\":\"pau").unwrap();
    drop((half, reader));
    let stays = run.connect().unwrap();
    // Nobody reads from this viewer, and its buffers are smaller than what the run sends.
    let (_deaf, _) = run.raw();
    let long = answer(&"x".repeat(1 << 20));
    for _ in 0..3 {
        run.answers.send(long.clone()).unwrap();
    }
    for _ in 0..3 {
        assert!(stays.answers.recv_timeout(TIMEOUT).is_ok());
    }
    stays.commands.send(Command::Evaluate).unwrap();
    assert_eq!(run.commands.recv_timeout(TIMEOUT), Ok(Command::Evaluate));
}

#[test]
fn an_invalid_line_is_refused_and_other_viewers_are_served() {
    let run = run();
    let long = vec![b'{'; LONGEST_COMMAND as usize + 10];
    for bad in [
        b"reboot\n".as_slice(),
        b"{\"command\":\"format\"}\n",
        b"\xff\xfe\n",
        &long,
    ] {
        let (mut stream, mut reader) = run.raw();
        // It hangs up in the middle of a line that is too long.
        drop(stream.write_all(bad));
        let mut said = String::new();
        drop(reader.read_to_string(&mut said));
        let reset = bad.len() > 1000 && said.is_empty();
        assert!(reset || said.contains("\"say\":\"refused\""), "{said:?}");
    }
    assert!(run.commands.is_empty());
    run.connect().unwrap().commands.send(Command::Checkpoint).unwrap();
    assert_eq!(run.commands.recv_timeout(TIMEOUT), Ok(Command::Checkpoint));
}

#[test]
fn the_end_of_the_run_is_the_end_of_its_socket() {
    let mut run = run();
    let viewer = run.connect().unwrap();
    drop(run.server.take());
    assert!(viewer.answers.recv_timeout(TIMEOUT).is_err());
    assert!(!run.socket().exists());
    assert!(matches!(run.connect(), Err(SocketError::Nobody)));
}

#[test]
fn a_stale_socket_refuses_and_is_replaced() {
    let mut run = run();
    drop(run.server.take());
    drop(UnixListener::bind(run.socket()).unwrap());
    assert!(run.socket().exists());
    assert!(matches!(run.connect(), Err(SocketError::Nobody)));
    let (commands, _taken) = bounded(1);
    let listening = Listening::bind_in(&run.session, run.folders.clone()).unwrap();
    let _server = listening.serve(commands, unbounded().1).unwrap();
    assert!(run.connect().is_ok());
}

#[test]
fn a_socket_that_a_logout_removed_comes_back() {
    let run = run();
    std::fs::remove_dir_all(&run.folders[0]).unwrap();
    let begin = Instant::now();
    while run.connect().is_err() {
        assert!(begin.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn another_protocol_version_and_other_programs_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let session = SessionFolder::create(root.path(), "run").unwrap();
    let folders = [root.path().to_owned()];
    for (greeting, newer) in [
        ("{\"masp\":\"9\",\"protocol\":2,\"session\":\"run\"}\n", true),
        ("hello\n", false),
    ] {
        let path = socket_in(root.path(), Identity::of(&session).unwrap()).unwrap();
        drop(std::fs::remove_file(&path));
        let listener = UnixListener::bind(&path).unwrap();
        let greet = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(greeting.as_bytes()).unwrap();
        });
        let error = connect_in(&session, &folders).unwrap_err();
        greet.join().unwrap();
        assert_eq!(matches!(error, SocketError::Version { theirs: 2 }), newer, "{error}");
        assert_eq!(matches!(error, SocketError::Stranger { .. }), !newer, "{error}");
    }
}

#[test]
fn a_viewer_above_the_limit_is_refused_until_another_has_left() {
    let run = run();
    let mut viewers: Vec<Connection> = (0..32).map(|_| run.connect().unwrap()).collect();
    let refused = run.connect().unwrap_err();
    assert!(matches!(refused, SocketError::Refused { .. }), "{refused}");
    assert!(
        refused.to_string().contains("32 viewers watch this run already"),
        "{refused}"
    );
    viewers.pop();
    let begin = Instant::now();
    let late = loop {
        match run.connect() {
            Ok(late) => break late,
            Err(_) => assert!(begin.elapsed() < TIMEOUT),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    late.commands.send(Command::Pause).unwrap();
    assert_eq!(run.commands.recv_timeout(TIMEOUT), Ok(Command::Pause));
}

#[test]
fn a_session_with_the_name_of_a_moved_one_does_not_answer_for_it() {
    let mut first = run();
    let (path, moved) = (
        first.session.path().to_owned(),
        first.session.path().with_file_name("moved"),
    );
    let opened = first.session.kept_open().unwrap();
    std::fs::rename(&path, &moved).unwrap();
    let session = SessionFolder::create(path.parent().unwrap(), "run").unwrap();
    assert!(matches!(connect_in(&session, &first.folders), Err(SocketError::Nobody)));
    let (commands, of_second) = bounded(64);
    let second = Listening::bind_in(&session, first.folders.clone()).unwrap();
    let second = second.serve(commands, unbounded().1).unwrap();

    // Through the folder that was opened, and through its new name.
    let renamed = SessionFolder::at(&moved).unwrap();
    for viewer in [&opened, &renamed] {
        let connection = connect_in(viewer, &first.folders).unwrap();
        connection.commands.send(Command::Pause).unwrap();
        assert_eq!(first.commands.recv_timeout(TIMEOUT).unwrap(), Command::Pause);
    }
    let connection = connect_in(&session, &first.folders).unwrap();
    connection.commands.send(Command::Resume).unwrap();
    assert_eq!(of_second.recv_timeout(TIMEOUT).unwrap(), Command::Resume);
    assert!(first.commands.try_recv().is_err());

    // A run that ends removes only its own socket.
    drop(first.server.take());
    assert!(connect_in(&opened, &first.folders).is_err() && connect_in(&session, &first.folders).is_ok());
    drop(second);
}
