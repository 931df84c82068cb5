//! Walkthroughs in the real loop: files with keys, and with words that the screen must then show.
//!
//! A line of a walk is `open NAME` (a session of the folder, or `sessions`, or `replay NAME`), `size 80x24`, `type
//! KEYS` (`<enter>`, `<esc>`, `<tab>`, `<left>`, ... are keys), `click WORDS`, `wheel up WORDS`, `see WORDS` or `not
//! WORDS`, which wait until that is true. A line that begins with `#` is a comment.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{Terminal, backend::TestBackend};

use super::host::MadeUpHost;
use crate::{
    made_up::evaluated,
    session::read_journal,
    text::columns,
    theme::{Depth, Theme},
    tui::{Viewer, app::App, event_loop, input::Input},
};

const TIMEOUT: Duration = Duration::from_secs(20);

struct Walk<'a> {
    root: &'a Path,
    app: App,
    terminal: Terminal<TestBackend>,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Path) -> Self {
        Self {
            root,
            app: Self::app(root, "sessions"),
            terminal: Terminal::new(TestBackend::new(120, 40)).unwrap(),
        }
    }

    fn app(root: &Path, what: &str) -> App {
        let folder = |name: &str| crate::session::SessionFolder::open(root, name).unwrap();
        let mut viewer = match what.split_once(' ') {
            Some(("replay", name)) => Viewer::replay(&folder(name), read_journal(&folder(name).journal()).unwrap()),
            _ if what == "sessions" => Viewer::new(root.to_owned(), ""),
            _ => Viewer::of_session(folder(what).path()).unwrap(),
        };
        viewer.theme = Theme::dark(Depth::True);
        viewer.sessions = Some(root.to_owned());
        viewer.host = Some(Box::new(MadeUpHost { root: root.to_owned() }));
        App::new(viewer).unwrap()
    }

    /// Lets the loop run for a moment, then returns the screen's rows.
    fn screen(&mut self) -> Vec<String> {
        let gone = self.app.inbox.inputs();
        let timer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(60));
            // Its end is the terminal's.
            drop(gone);
        });
        let exit = event_loop::run(&mut self.terminal, &mut self.app);
        timer.join().unwrap();
        let buffer = self.terminal.backend().buffer();
        let rows = buffer.content.chunks(usize::from(buffer.area.width));
        let mut lines: Vec<String> = rows
            .map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect())
            .collect();
        lines.push(format!("left by {exit:?}"));
        lines
    }

    /// Waits until the screen shows `words`, or with `wanted` false until it does not.
    fn wait(&mut self, words: &str, wanted: bool) -> Vec<String> {
        let begin = Instant::now();
        loop {
            let lines = self.screen();
            if lines.iter().any(|line| line.contains(words)) == wanted {
                return lines;
            }
            assert!(
                begin.elapsed() < TIMEOUT,
                "`{words}` {wanted} never came:\n{}",
                lines.join("\n")
            );
        }
    }

    fn send(&self, input: Input) {
        self.app.inbox.inputs().finish(input);
    }

    fn keys(&self, mut keys: &str) {
        while let Some(first) = keys.chars().next() {
            let named = keys.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let (code, rest) = match named.and_then(|(name, rest)| Some((key(name)?, rest))) {
                Some(named) => named,
                None => (KeyCode::Char(first), &keys[first.len_utf8()..]),
            };
            self.send(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)));
            keys = rest;
        }
    }

    fn mouse(&mut self, kind: MouseEventKind, words: &str) {
        let lines = self.wait(words, true);
        let (row, line) = lines.iter().enumerate().find(|(_, line)| line.contains(words)).unwrap();
        let column = columns(line.split(words).next().unwrap()) + columns(words) / 2;
        self.send(Input::Mouse(MouseEvent {
            kind,
            column: column as u16,
            row: row as u16,
            modifiers: KeyModifiers::NONE,
        }));
    }

    fn step(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "open" => self.app = Self::app(self.root, rest),
            "size" => {
                let (width, height) = rest.split_once('x').unwrap();
                self.terminal
                    .backend_mut()
                    .resize(width.parse().unwrap(), height.parse().unwrap());
                self.send(Input::Resized(None));
            }
            "type" => self.keys(rest),
            "click" => self.mouse(MouseEventKind::Down(MouseButton::Left), rest),
            "wheel" => match rest.split_once(' ').unwrap() {
                ("up", words) => self.mouse(MouseEventKind::ScrollUp, words),
                (_, words) => self.mouse(MouseEventKind::ScrollDown, words),
            },
            "see" => drop(self.wait(rest, true)),
            "not" => drop(self.wait(rest, false)),
            _ => panic!("no such step: {line}"),
        }
    }
}

fn key(name: &str) -> Option<KeyCode> {
    Some(match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "backspace" => KeyCode::Backspace,
        "tab" => KeyCode::Tab,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pgdn" => KeyCode::PageDown,
        _ => return None,
    })
}

/// Each walk has its own folder with the sessions `a` and `b`; their predictions differ on some images.
fn walk(name: &str, text: &str) {
    let root = tempfile::tempdir().unwrap();
    evaluated::session(root.path(), "a", 60, false);
    evaluated::session(root.path(), "b", 60, true);
    let mut walk = Walk::new(root.path());
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            println!("{name}, line {}: {line}", number + 1);
            walk.step(line);
        }
    }
}

#[test]
fn all_walkthroughs_show_the_expected_screens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui/tests/walks");
    let mut walks: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    walks.sort();
    assert!(walks.len() >= 5);
    thread::scope(|scope| {
        for path in &walks {
            scope.spawn(move || walk(&path.display().to_string(), &fs::read_to_string(path).unwrap()));
        }
    });
}
