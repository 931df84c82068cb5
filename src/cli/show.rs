//! `predict --show`: the picture, each aspect's heatmap and the prediction, on the normal screen.

mod pictures;
mod text;

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::session::Prediction;
use crate::{
    data::image_file::DecodeOptions,
    theme::{Depth, Theme},
};

/// The widest line in columns; longer ones are hard to read.
const WIDEST: usize = 144;
/// The width in columns if that of the terminal is unknown.
const USUAL: usize = 80;

/// Prints the image at `path` with its six attention maps, then the prediction in words. `decode` is how the model was
/// given the image. If standard output is not a terminal or has no colours, it prints only the words.
///
/// # Errors
/// A closed output.
pub fn show(path: &Path, prediction: &Prediction, decode: DecodeOptions) -> io::Result<()> {
    let terminal = io::stdout().is_terminal();
    let columns = if terminal { columns() } else { USUAL };
    // The lock is reentrant, so viuer can write to standard output by itself on this thread.
    let mut out = io::stdout().lock();
    if terminal {
        match Theme::from_environment(|name| std::env::var(name).ok()).depth {
            Depth::Mono => writeln!(out, "no pictures: this terminal has no colours (NO_COLOR or TERM)")?,
            Depth::Sixteen | Depth::Eight => {
                writeln!(
                    out,
                    "no pictures: TERM names a terminal with few colours; set COLORTERM=truecolor if it can show more"
                )?;
            }
            depth => pictures::print(path, prediction, decode, (columns, depth), &mut out)?,
        }
    }
    for line in text::lines(prediction, columns) {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout()).map(|size| usize::from(size.ws_col));
    size.ok().filter(|&columns| columns > 0).unwrap_or(USUAL).min(WIDEST)
}
