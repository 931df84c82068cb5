//! A model downloaded from a hub, here a server in this process: progress is reported without flooding the journal.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use masp::session::{Event, read_journal};

use super::{command, journal, train, workplace};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// In bytes: 1,024 reads of 8 KiB.
const WEIGHTS: usize = 8 << 20;

/// Answers one request of the hub's client, which asks for a file's first byte before it asks for the file.
fn serve(stream: &TcpStream, files: &HashMap<&str, Vec<u8>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let mut begin = None;
    for line in lines.by_ref() {
        let line = line?.to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            let (from, to) = range.split_once('-').unwrap_or((range, ""));
            begin = Some((from.parse().unwrap_or(0), to.parse::<usize>().ok()));
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let mut to = stream;
    let head = |status: &str, length: usize, more: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n")
    };
    if path.starts_with("/api/models/") {
        let siblings: Vec<_> = files
            .keys()
            .map(|name| serde_json::json!({ "rfilename": name }))
            .collect();
        let info = serde_json::json!({ "sha": COMMIT, "siblings": siblings }).to_string();
        to.write_all(head("200 OK", info.len(), "").as_bytes())?;
        return to.write_all(info.as_bytes());
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some(file) = files.get(name) else {
        return to.write_all(head("404 Not Found", 0, "").as_bytes());
    };
    let (from, until) = begin.unwrap_or((0, None));
    let until = until.map_or(file.len(), |last: usize| (last + 1).min(file.len()));
    let part = &file[from.min(until)..until];
    let more = format!(
        "ETag: \"{name}\"\r\nx-repo-commit: {COMMIT}\r\nContent-Range: bytes {from}-{}/{}\r\n",
        until.saturating_sub(1),
        file.len()
    );
    to.write_all(head("206 Partial Content", part.len(), &more).as_bytes())?;
    to.write_all(part)
}

#[test]
fn download_progress_is_reported_a_few_times_a_second_until_the_end() {
    let folder = workplace();
    let folder = folder.path();
    let small = |name| (name, b"{}".to_vec());
    let files = HashMap::from([
        small("config.json"),
        small("tokenizer.json"),
        small("preprocessor_config.json"),
        ("model.safetensors", vec![7; WEIGHTS]),
    ]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // This test does not care if a client closes the connection early.
            drop(serve(&stream, &files));
        }
    });
    let output = command(folder)
        .args(train("far", &["--headless", "--model", "someone/model"]))
        .env("HF_ENDPOINT", &endpoint)
        .env("HF_HOME", folder.join("hub"))
        .env_remove("HF_HUB_OFFLINE")
        .env_remove("HF_HUB_CACHE")
        .env_remove("HF_TOKEN")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // The file is not a model, but it arrived completely.
    assert_eq!(output.status.code(), Some(1), "{said}");
    let kept = folder.join("hub/hub/models--someone--model/snapshots").join(COMMIT);
    assert_eq!(
        fs::metadata(kept.join("model.safetensors")).unwrap().len(),
        WEIGHTS as u64,
        "{said}"
    );

    let records = read_journal(&journal(folder, "far")).unwrap();
    let progress = records.iter().filter_map(|record| match &record.event {
        Event::Progress(progress) if progress.phase == "downloading model.safetensors" => Some(progress),
        _ => None,
    });
    let progress: Vec<_> = progress.collect();
    let time = |event: &dyn Fn(&Event) -> bool| records.iter().find(|record| event(&record.event)).unwrap().time;
    let began = time(&|event| matches!(event, Event::Phase(phase) if phase.name.starts_with("downloading")));
    let ended = time(&|event| matches!(event, Event::Ended(_)));
    // At most two lines per second, plus the first and the last.
    let most = 4.0 + 2.0 * (ended - began);
    assert!(
        !progress.is_empty() && progress.len() as f64 <= most,
        "{} in {} s",
        progress.len(),
        ended - began
    );
    let last = progress.last().unwrap();
    assert_eq!((last.done, last.total), (WEIGHTS as u64, WEIGHTS as u64));
    assert!(progress.windows(2).all(|two| two[0].done <= two[1].done));
}
