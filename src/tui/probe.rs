//! Queries the terminal before anything else reads from it.
//!
//! ratatui-image has such a query, too. But if a terminal does not answer, its thread stays behind and swallows the
//! next keys. Here reading ends at the time limit, and keys typed meanwhile are passed on.

use std::{
    io::{self, Write},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use crossterm::event::KeyEvent;
use ratatui::layout::Size;

use super::{
    graphics::{Answer, Choice, asks_for_kitty, cell_size, choose},
    input, typed,
};
use crate::images::Images;
use crate::operating_system::{Watched, wait};

/// Queries the background colour.
const BACKGROUND: &[u8] = b"\x1b]11;?\x1b\\";
/// Queries support for kitty's protocol: a picture of one pixel that is not shown.
const KITTY: &[u8] = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\";
/// Queries a cell's size in pixels, then the terminal's attributes. Every terminal answers the latter, which ends the
/// wait.
const QUESTION: &[u8] = b"\x1b[16t\x1b[c";
/// A local terminal answers in a few milliseconds. A later answer is harmless, because crossterm ignores it.
const LIMIT: Duration = Duration::from_millis(200);
/// A later answer about the background or kitty's protocol would be read as keys, so the wait for those is longer.
const LONGER_LIMIT: Duration = Duration::from_secs(1);
/// The attribute of terminals that support sixel.
const SIXEL: &str = "4";

/// The results of the queries.
#[derive(Debug)]
pub struct Found {
    /// How pictures are shown.
    pub choice: Choice,
    /// Whether the background is light, if that was asked and answered.
    pub light: Option<bool>,
    /// Keys that were typed meanwhile.
    pub typed: Vec<KeyEvent>,
}

/// Finds out how to show pictures on this process's terminal, and with `background` whether its background is light.
///
/// # Errors
/// Where there is no terminal.
pub fn find(images: Images, background: bool) -> io::Result<Found> {
    let terminal = input::terminal()?;
    let mut typed = Vec::new();
    let mut question = |question: &[u8], limit| {
        // If the terminal cannot be read, the input thread will report it.
        let (answer, keys) = ask(&terminal, io::stdout(), question, limit).unwrap_or_default();
        typed.extend(keys);
        answer
    };
    let variable = |name: &str| std::env::var(name).ok();
    let more = [
        background.then_some(BACKGROUND),
        asks_for_kitty(images, variable).then_some(KITTY),
    ];
    let more: Vec<&[u8]> = more.into_iter().flatten().collect();
    let known = (!more.is_empty()).then(|| question(&[&more[..], &[QUESTION]].concat().concat(), LONGER_LIMIT));
    let choice = choose(images, variable, cell_size(&terminal), || {
        known.unwrap_or_else(|| question(QUESTION, LIMIT))
    });
    Ok(Found {
        choice,
        light: known.and_then(|known| known.light),
        typed,
    })
}

/// Queries the terminal that `output` writes to, and waits for its answer on `input`, at most `limit` (twice that once
/// an answer has begun). Also returns the keys that were typed meanwhile.
///
/// # Errors
/// Where the terminal cannot be written to or read from.
fn ask(
    input: impl AsFd,
    mut output: impl Write,
    question: &[u8],
    limit: Duration,
) -> io::Result<(Answer, Vec<KeyEvent>)> {
    output.write_all(question)?;
    output.flush()?;
    let begin = Instant::now();
    let mut bytes = Vec::new();
    let heard = loop {
        let heard = Replies::of(&bytes);
        let limit = if heard.unfinished { limit * 2 } else { limit };
        let Some(left) = limit.checked_sub(begin.elapsed()).filter(|_| !heard.answered) else {
            break heard;
        };
        let mut watched = [Watched::for_input(&input)];
        wait(&mut watched, Some(left))?;
        if !watched[0].would_not_wait() {
            continue;
        }
        let mut some = [0; 256];
        match rustix::io::read(&input, &mut some)? {
            // The terminal is gone; the input thread will report it.
            0 => break heard,
            count => bytes.extend_from_slice(&some[..count]),
        }
    };
    let mut answer = heard.answer;
    if heard.answered && question.windows(KITTY.len()).any(|part| part == KITTY) {
        // The attributes are the last answer, so a terminal without an answer on kitty's protocol by then does not
        // support it.
        answer.kitty = answer.kitty.or(Some(false));
    }
    Ok((answer, typed::keys(&heard.typed)))
}

/// The bytes received, sorted into answers and keys.
#[derive(Debug, Default, PartialEq)]
struct Replies {
    answer: Answer,
    /// Whether the attributes have arrived, which are the last answer.
    answered: bool,
    /// Whether an escape sequence is incomplete.
    unfinished: bool,
    /// Bytes that are not part of an answer.
    typed: Vec<u8>,
}

impl Replies {
    fn of(bytes: &[u8]) -> Self {
        let mut heard = Self::default();
        let mut rest = bytes;
        while let Some((&first, after)) = rest.split_first() {
            if let Some(body) = rest.strip_prefix(b"\x1b]11;") {
                // Terminated by BEL, or by the string terminator.
                let Some(end) = body.iter().position(|byte| matches!(byte, 0x07 | 0x1b)) else {
                    heard.unfinished = true;
                    break;
                };
                heard.answer.light = is_light(&body[..end]);
                rest = &body[end + 1..];
                rest = rest.strip_prefix(b"\\").unwrap_or(rest);
                continue;
            }
            if let Some(body) = rest.strip_prefix(b"\x1b_G") {
                let Some(end) = body.iter().position(|byte| *byte == 0x1b) else {
                    heard.unfinished = true;
                    break;
                };
                // `i=31;OK`, or an error's name and a sentence.
                heard.answer.kitty = Some(body[..end].ends_with(b";OK"));
                rest = &body[end + 1..];
                rest = rest.strip_prefix(b"\\").unwrap_or(rest);
                continue;
            }
            let Some(sequence) = rest.strip_prefix(b"\x1b[") else {
                heard.typed.push(first);
                rest = after;
                continue;
            };
            let Some(end) = sequence.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
                heard.unfinished = true;
                heard.typed.extend_from_slice(rest);
                break;
            };
            let (body, after) = sequence.split_at(end + 1);
            if !heard.take(body) {
                heard.typed.extend_from_slice(b"\x1b[");
                heard.typed.extend_from_slice(body);
            }
            rest = after;
        }
        heard
    }

    /// Handles a sequence if it is an answer.
    fn take(&mut self, body: &[u8]) -> bool {
        let Ok(body) = std::str::from_utf8(body) else {
            return false;
        };
        if let Some(attributes) = body.strip_prefix('?').and_then(|body| body.strip_suffix('c')) {
            // The first attribute is the terminal's class.
            self.answer.sixel = Some(attributes.split(';').skip(1).any(|attribute| attribute == SIXEL));
            self.answered = true;
            return true;
        }
        let Some(size) = body.strip_prefix("6;").and_then(|body| body.strip_suffix('t')) else {
            return false;
        };
        let mut sides = size.split(';').map(|side| side.parse().unwrap_or(0_u16));
        if let (Some(height @ 1..), Some(width @ 1..)) = (sides.next(), sides.next()) {
            self.answer.cell = Some(Size::new(width, height));
        }
        true
    }
}

/// Whether `rgb:ffff/f0f0/e0e0` (one to four digits a part) is a light colour, by its luminance.
fn is_light(color: &[u8]) -> Option<bool> {
    let color = std::str::from_utf8(color).ok()?;
    let parts = color.strip_prefix("rgb:").or_else(|| color.strip_prefix("rgba:"))?;
    let part = |digits: &str| {
        let most = 16_f64.powi(i32::try_from(digits.len()).ok()?) - 1.0;
        (digits.len() <= 4).then_some(f64::from(u16::from_str_radix(digits, 16).ok()?) / most)
    };
    let mut parts = parts.split('/').map(part);
    let mut next = || parts.next().flatten();
    Some(0.2126 * next()? + 0.7152 * next()? + 0.0722 * next()? > 0.5)
}

#[cfg(test)]
mod tests {
    use std::{io::Read, os::unix::net::UnixStream, thread};

    use crossterm::event::KeyCode;

    use super::*;

    fn asked(says: &[&'static [u8]]) -> (Answer, Vec<KeyCode>, Duration) {
        asked_for(QUESTION, says)
    }

    fn asked_for(asks: &[u8], says: &[&'static [u8]]) -> (Answer, Vec<KeyCode>, Duration) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let says = says.to_vec();
        let expected = asks.to_vec();
        let terminal = thread::spawn(move || {
            let mut question = vec![0; expected.len()];
            theirs.read_exact(&mut question).unwrap();
            assert_eq!(question, expected);
            for piece in says {
                theirs.write_all(piece).unwrap();
                thread::sleep(Duration::from_millis(10));
            }
            theirs
        });
        let begin = Instant::now();
        let (answer, keys) = ask(&ours, &ours, asks, LIMIT).unwrap();
        let took = begin.elapsed();
        drop(terminal.join().unwrap());
        (answer, keys.into_iter().map(|key| key.code).collect(), took)
    }

    #[test]
    fn the_device_attributes_report_sixel() {
        let (answer, keys, _) = asked(&[b"\x1b[6;18;9t\x1b[?63;1;2;4;6;22c"]);
        assert_eq!(
            (answer.sixel, answer.cell, keys),
            (Some(true), Some(Size::new(9, 18)), Vec::new())
        );
        let without = Answer {
            sixel: Some(false),
            ..Answer::default()
        };
        assert_eq!(asked(&[b"\x1b[?4;6;22c"]).0, without, "a class is no attribute");
        assert_eq!(asked(&[b"\x1b[6;0;0t\x1b[?1;44c"]).0, without);
        assert_eq!(asked(&[b"\x1b[6;0;0t"]).0.sixel, None, "it has not said");
    }

    #[test]
    fn only_kitty_answers_the_kitty_query() {
        let question = [KITTY, QUESTION].concat();
        let kitty = |says: &[&'static [u8]]| {
            let (answer, keys, _) = asked_for(&question, says);
            assert_eq!(keys, Vec::new());
            answer.kitty
        };
        assert_eq!(kitty(&[b"\x1b_Gi=31;OK\x1b\\\x1b[6;18;9t\x1b[?62;c"]), Some(true));
        assert_eq!(kitty(&[b"\x1b_Gi=31;O", b"K\x1b", b"\\\x1b[?62;c"]), Some(true));
        assert_eq!(
            kitty(&[b"\x1b_Gi=31;EINVAL:no shared memory\x1b\\\x1b[?62c"]),
            Some(false)
        );
        assert_eq!(kitty(&[b"\x1b[?6c"]), Some(false), "it passed the question over");
        assert_eq!(kitty(&[]), None, "it has said nothing at all");
        assert_eq!(asked(&[b"\x1b[?6c"]).0.kitty, None, "it was not asked");
    }

    #[test]
    fn light_and_dark_backgrounds_are_distinguished() {
        let light = |says| asked(&[says]).0.light;
        assert_eq!(light(b"\x1b]11;rgb:ffff/ffff/dddd\x1b\\\x1b[?62c"), Some(true));
        assert_eq!(light(b"\x1b]11;rgb:10/12/18\x07\x1b[?62c"), Some(false));
        assert_eq!(light(b"\x1b]11;rgba:f/f/f/8\x07\x1b[?62c"), Some(true));
        for odd in [
            b"\x1b]11;rgb:zz/1\x07\x1b[?62c".as_slice(),
            b"\x1b]11;\x07\x1b[?62c",
            b"\x1b[?62c",
        ] {
            let (answer, keys, _) = asked(&[odd]);
            assert_eq!((answer.light, keys), (None, Vec::new()));
        }
        let (answer, keys, _) = asked(&[b"a\x1b]11;rgb:ffff/ff", b"ff/ffff\x1b\\b\x1b[?62c"]);
        assert_eq!(
            (answer.light, keys),
            (Some(true), vec![KeyCode::Char('a'), KeyCode::Char('b')])
        );
    }

    #[test]
    fn keys_typed_during_the_queries_are_not_lost() {
        let (answer, keys, _) = asked(&[b"q\x1b[6;18;", b"9t\x1b[A", b"2\x1b[?62;4", b"c"]);
        assert!(answer.sixel == Some(true) && answer.cell.is_some());
        assert_eq!(keys, [KeyCode::Char('q'), KeyCode::Up, KeyCode::Char('2')]);
    }

    #[test]
    fn a_silent_terminal_delays_no_longer_than_the_limit() {
        let (answer, keys, took) = asked(&[b"j"]);
        assert_eq!((answer, keys), (Answer::default(), vec![KeyCode::Char('j')]));
        assert!(took >= LIMIT && took < LIMIT * 3, "{took:?}");
    }
}
