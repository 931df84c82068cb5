//! Text for the terminal: nothing from a file or a model may control the terminal, and all text must fit.

use ratatui::{style::Style, text::Span};

/// `text` as one line without control characters: breaks and tabs become spaces; other controls and the marks that turn the
/// writing direction are dropped.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
            c if c.is_control() || turns_direction(c) => None,
            c => Some(c),
        })
        .collect()
}

/// `text` by lines, each as [`clean`] leaves it.
pub fn clean_lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(clean)
}

/// `text` cut to `width` columns, with an ellipsis where something is missing.
#[must_use]
pub fn fit(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut kept = take(graphemes(text).iter().map(String::as_str), width.saturating_sub(1)).concat();
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// `text` cut at its front to `width` columns, because the end of a path is what matters.
#[must_use]
pub fn fit_end(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let graphemes = graphemes(text);
    let mut kept = take(graphemes.iter().rev().map(String::as_str), width.saturating_sub(1));
    if width > 0 {
        kept.push("…");
    }
    kept.reverse();
    kept.concat()
}

/// `text` cut and padded to exactly `width` columns.
#[must_use]
pub fn pad(text: &str, width: usize) -> String {
    let text = fit(text, width);
    let spaces = width.saturating_sub(columns(&text));
    text + &" ".repeat(spaces)
}

/// `text` in lines of at most `width` columns, broken between words; a word that is too long is broken anywhere.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in text.split_whitespace() {
        let long = columns(word);
        if used > 0 && used + 1 + long > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        for grapheme in graphemes(word) {
            let wide = columns(&grapheme);
            if used > 0 && used + wide > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push_str(&grapheme);
            used += wide;
        }
    }
    lines.push(line);
    lines
}

/// The columns that `text` takes.
#[must_use]
pub fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

fn graphemes(text: &str) -> Vec<String> {
    Span::raw(text)
        .styled_graphemes(Style::new())
        .map(|grapheme| grapheme.symbol.to_owned())
        .collect()
}

fn take<'a>(graphemes: impl Iterator<Item = &'a str>, width: usize) -> Vec<&'a str> {
    let mut used = 0;
    graphemes
        .take_while(|grapheme| {
            used += columns(grapheme);
            used <= width
        })
        .collect()
}

const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_removed() {
        let evil = "a\x1b[31mb\u{9b}2Jc\x07d\u{202e}e\nf\tg\u{7f}";
        assert_eq!(clean(evil), "a[31mb2Jcde f g");
        assert_eq!(clean_lines("a\x1b\nb\r\n").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn text_is_cut_by_columns() {
        assert_eq!(
            (fit("happiness", 5), fit("happy", 5), fit("x", 0)),
            ("happ…".into(), "happy".into(), String::new())
        );
        assert_eq!(fit("喜び喜び", 5), "喜び…");
        assert_eq!(fit_end("amusement/amusement_00012.jpg", 10), "…00012.jpg");
        assert_eq!(pad("喜", 4), "喜  ");
    }

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrap("a bright day at the sea", 8), ["a bright", "day at", "the sea"]);
        assert_eq!(wrap("unbreakable", 4), ["unbr", "eaka", "ble"]);
        assert_eq!(
            (wrap("", 4), wrap("ab", 0)),
            (vec![String::new()], vec!["a".into(), "b".into()])
        );
    }
}
