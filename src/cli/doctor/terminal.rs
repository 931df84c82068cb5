//! Checks the terminal that the workbench would use.

use std::io::{self, IsTerminal};

use super::finding::Finding;
use crate::theme::{Depth, Theme};

/// From this size on all panes are shown side by side.
const ALL_PANES_FIT: (u16, u16) = (80, 24);

/// The findings from the terminal and the environment.
pub(super) fn findings() -> Vec<Finding> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let size = rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| (size.ws_col, size.ws_row));
    let interactive = io::stdin().is_terminal() && io::stdout().is_terminal();
    let mut findings = vec![screen(if interactive { size } else { None }), colours(variable)];
    findings.extend(remote(variable));
    findings
}

/// The finding for a terminal of `size` columns and rows; `size` is None if input or output is not a terminal.
fn screen(size: Option<(u16, u16)>) -> Finding {
    match size {
        None => Finding::note(
            "terminal",
            "standard input or output is not a terminal, so commands print plain lines on standard error",
        ),
        Some((columns, rows)) if columns >= ALL_PANES_FIT.0 && rows >= ALL_PANES_FIT.1 => {
            Finding::ok("terminal", format!("{columns} columns, {rows} rows"))
        }
        Some((columns, rows)) => Finding::note(
            "terminal",
            format!(
                "{columns} columns, {rows} rows: all panes fit from {} x {} on; enlarge the window",
                ALL_PANES_FIT.0, ALL_PANES_FIT.1
            ),
        ),
    }
}

fn colours(variable: impl Fn(&str) -> Option<String>) -> Finding {
    let term = variable("TERM").unwrap_or_else(|| "not set".to_owned());
    match Theme::from_environment(&variable).depth {
        Depth::True => Finding::ok("colours", format!("16 million (TERM is {term})")),
        Depth::Indexed => Finding::note(
            "colours",
            format!("256 (TERM is {term}); set COLORTERM=truecolor if the terminal can show more"),
        ),
        Depth::Sixteen | Depth::Eight => Finding::note(
            "colours",
            format!("a few (TERM is {term}); set COLORTERM=truecolor if the terminal can show more"),
        ),
        Depth::Mono if variable("NO_COLOR").is_some() => Finding::note(
            "colours",
            "none, because NO_COLOR is set; unset it to see heatmaps in colour",
        ),
        Depth::Mono => Finding::note("colours", format!("none, because TERM is {term}")),
    }
}

fn remote(variable: impl Fn(&str) -> Option<String>) -> Option<Finding> {
    variable("SSH_CONNECTION").or_else(|| variable("SSH_TTY")).map(|_| {
        Finding::note(
            "ssh",
            "this is a remote shell: pictures are drawn with half blocks; a run continues if the connection breaks, and `masp \
             attach` shows it again",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    #[test]
    fn size_colours_and_a_remote_shell_are_noted() {
        assert_eq!(screen(Some((80, 24))).level, Level::Ok);
        assert_eq!([screen(Some((79, 24))).level, screen(None).level], [Level::Note; 2]);
        let found = |variables: &[(&str, &str)]| {
            let find = |name: &str| {
                variables
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            (colours(find).text, remote(find).is_some())
        };
        assert!(found(&[("TERM", "xterm-kitty")]).0.starts_with("16 million"));
        assert!(found(&[("TERM", "xterm"), ("NO_COLOR", "1")]).0.contains("NO_COLOR"));
        assert_eq!(
            found(&[("TERM", "dumb"), ("SSH_TTY", "/dev/pts/1")]),
            ("none, because TERM is dumb".into(), true)
        );
    }
}
