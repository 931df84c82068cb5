//! Lines of viewers on a run's control socket. `scripts/fuzz` names a folder for it with `XDG_RUNTIME_DIR`.

#![no_main]

use std::{
    fs,
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use libfuzzer_sys::fuzz_target;
use masp::session::{
    Command, SessionFolder,
    socket::{Listening, Server},
};
use masp_fuzz::{folder, printable};

/// A run that listens until the process ends, and its socket's path.
static RUN: OnceLock<(Server, PathBuf)> = OnceLock::new();

fn listen() -> (Server, PathBuf) {
    let session = SessionFolder::create(&folder(), "run").expect("a session");
    let (told, taken) = crossbeam_channel::unbounded::<Command>();
    std::thread::spawn(move || taken.iter().for_each(drop));
    let (answers, given) = crossbeam_channel::unbounded();
    let server = Listening::bind(&session)
        .expect("a socket")
        .serve(told, given)
        .expect("threads");
    // No answers are sent, and the run does not end.
    std::mem::forget(answers);
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").expect("XDG_RUNTIME_DIR, as scripts/fuzz sets it");
    (server, socket_below(Path::new(&runtime)).expect("the socket"))
}

fn socket_below(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries.into_iter().find_map(|path| match path.extension() {
        Some(ending) if ending == "sock" => Some(path),
        _ => socket_below(&path),
    })
}

fuzz_target!(|bytes: &[u8]| {
    let (_, path) = RUN.get_or_init(listen);
    let mut stream = UnixStream::connect(path).expect("the run listens");
    // The run closes the connection at the first line that is not a command.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut said = String::new();
    if stream.read_to_string(&mut said).is_ok() {
        said.lines().for_each(printable);
    }
});
