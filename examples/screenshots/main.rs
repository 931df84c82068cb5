//! Draws the README's pictures of the four screens: `scripts/screenshots` calls it on a folder where the demo has run.
//!
//! `cargo run --release --example screenshots -- BINARY FOLDER OUT`

mod svg;
mod terminal;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use terminal::Terminal;

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [binary, folder, out] = arguments.as_slice() else {
        bail!("usage: screenshots BINARY FOLDER OUT");
    };
    let mut screen = Terminal::open(binary, folder, &["attach", "demo"])?;
    let keep = |screen: &Terminal, name: &str| keep(screen, &out.join(name));

    screen.wait_for("accuracy per emotion")?;
    screen.settle();
    keep(&screen, "train.svg")?;

    screen.press("2")?;
    screen.wait_for("predictions")?;
    screen.press("/wrong\r")?;
    screen.wait_for("wrong")?;
    screen.press("\r")?;
    screen.wait_for("evoke")?;
    screen.settle();
    keep(&screen, "browse.svg")?;

    // Both sessions of the demo are marked, the list's first two.
    screen.press("4")?;
    screen.wait_for("demo-prompt-only")?;
    screen.press("gmjm")?;
    screen.settle();
    keep(&screen, "sessions.svg")?;

    screen.press("3")?;
    screen.wait_for("McNemar")?;
    screen.press("\r")?;
    screen.wait_for("why B")?;
    screen.settle();
    keep(&screen, "compare.svg")?;
    screen.press("q")
}

fn keep(screen: &Terminal, path: &Path) -> Result<()> {
    std::fs::write(path, svg::drawn(&screen.cells())).with_context(|| format!("cannot write {}", path.display()))
}
