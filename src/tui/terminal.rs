//! Takes the terminal for the workbench and restores it on every way out: leaving, panic, hang-up.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Stdout, Write},
    panic,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crossterm::{
    cursor::{Hide, MoveTo, Show},
    queue,
    style::{Print, ResetColor},
    terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::Terminal;
use rustix::process::{Signal, kill_current_process_group};

use super::{
    abilities::Abilities,
    backend::TerminalBackend,
    meter::{Counting, Meter},
};

/// A terminal that buffers a whole frame before writing it, and counts the bytes.
pub type Screen = Terminal<TerminalBackend<BufWriter<Counting<Stdout>>>>;

/// The approximate size of a frame with pictures.
const FRAME_BYTES: usize = 64 << 10;

/// Reports button presses and the wheel, in SGR form. crossterm's own command also requests every movement, which would
/// load a slow connection.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";
/// Marks pasted text, so that it does not act as commands.
const PASTE_ON: &str = "\x1b[?2004h";
const PASTE_OFF: &str = "\x1b[?2004l";

type Hook = Box<dyn Fn(&panic::PanicHookInfo<'_>) + Sync + Send>;

/// Raw mode and the alternate screen, until dropped.
pub struct Guard {
    /// Whether the terminal is still ours to restore.
    held: Arc<AtomicBool>,
    /// Messages of panics in other threads; printed after the screens are left.
    panics: Arc<Mutex<Vec<String>>>,
    before: Arc<Hook>,
    can: Abilities,
}

impl Guard {
    /// Takes the terminal and turns on what it `can` do; `meter` counts the bytes sent. A panic of this thread restores
    /// the terminal first; the messages of panics in other threads wait until the screens are left.
    ///
    /// # Errors
    /// If standard output is not a terminal.
    pub fn take(can: Abilities, few_colours: bool, meter: Meter) -> io::Result<(Self, Screen)> {
        enable_raw_mode()?;
        let guard = Self {
            held: Arc::new(AtomicBool::new(true)),
            panics: Arc::default(),
            before: Arc::new(panic::take_hook()),
            can,
        };
        let (held, panics, before) = (
            Arc::clone(&guard.held),
            Arc::clone(&guard.panics),
            Arc::clone(&guard.before),
        );
        let screen_thread = thread::current().id();
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == screen_thread {
                restore(&held, can);
                before(info);
            } else if held.load(Ordering::SeqCst) {
                if let Ok(mut panics) = panics.lock() {
                    panics.push(info.to_string());
                }
            } else {
                before(info);
            }
        }));
        enter(io::stdout(), can)?;
        let to = BufWriter::with_capacity(FRAME_BYTES, meter.counting(io::stdout()));
        let screen = Terminal::new(TerminalBackend::new(to, few_colours))?;
        Ok((guard, screen))
    }

    /// Restores the terminal, stops this process and its group, and takes the terminal again when the shell continues
    /// them.
    ///
    /// # Errors
    /// Where the terminal cannot be taken again.
    pub fn suspend(&self) -> io::Result<()> {
        restore(&self.held, self.can);
        kill_current_process_group(Signal::TSTP)?;
        enable_raw_mode()?;
        self.held.store(true, Ordering::SeqCst);
        enter(io::stdout(), self.can)
    }

    /// For a terminal that is gone: restores nothing and replaces it by /dev/null, because printing to a dead terminal
    /// panics.
    ///
    /// # Errors
    /// Where /dev/null cannot be opened.
    pub fn abandon(self) -> io::Result<()> {
        self.held.store(false, Ordering::SeqCst);
        let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&null)?;
        rustix::stdio::dup2_stderr(&null)?;
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore(&self.held, self.can);
        // The panic hook cannot be changed while this thread panics. Ours then stays; it forwards to the previous one.
        if !thread::panicking() {
            let before = Arc::clone(&self.before);
            panic::set_hook(Box::new(move |info| before(info)));
        }
        if let Ok(panics) = self.panics.lock() {
            for message in panics.iter() {
                let _ = writeln!(io::stderr(), "{message}");
            }
        }
    }
}

fn enter(mut to: impl Write, can: Abilities) -> io::Result<()> {
    if can.alternate {
        queue!(to, EnterAlternateScreen)?;
    }
    // Without an alternate screen, old text would remain in cells that are not painted.
    queue!(to, Clear(ClearType::All), Hide)?;
    if can.mouse {
        queue!(to, Print(MOUSE_ON))?;
    }
    if can.paste {
        queue!(to, Print(PASTE_ON))?;
    }
    to.flush()
}

fn leave(mut to: impl Write, can: Abilities) -> io::Result<()> {
    if can.paste {
        queue!(to, Print(PASTE_OFF))?;
    }
    if can.mouse {
        queue!(to, Print(MOUSE_OFF))?;
    }
    if can.alternate {
        queue!(to, LeaveAlternateScreen)?;
    } else {
        // The shell continues at the top of the cleared screen.
        queue!(to, ResetColor, Clear(ClearType::All), MoveTo(0, 0))?;
    }
    queue!(to, Show)?;
    to.flush()
}

/// Runs at most once. Errors are ignored, because nothing could be done about them.
fn restore(held: &AtomicBool, can: Abilities) {
    if held.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
        let _ = leave(io::stdout(), can);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_the_modes_that_it_has_and_gives_them_back() {
        let modes = |can: Abilities| {
            let (mut entered, mut left) = (Vec::new(), Vec::new());
            enter(&mut entered, can).unwrap();
            leave(&mut left, can).unwrap();
            [entered, left].map(|bytes| String::from_utf8(bytes).unwrap())
        };
        let all = Abilities {
            cursor: true,
            alternate: true,
            mouse: true,
            paste: true,
        };
        let [entered, left] = modes(all);
        for mode in ["1049", "1000", "1006", "2004", "25"] {
            let (on, off) = match mode {
                "25" => ("l", "h"),
                _ => ("h", "l"),
            };
            assert!(entered.contains(&format!("\x1b[?{mode}{on}")), "{mode}: {entered:?}");
            assert!(left.contains(&format!("\x1b[?{mode}{off}")), "{mode}: {left:?}");
        }
        let none = Abilities {
            alternate: false,
            mouse: false,
            paste: false,
            ..all
        };
        for (sent, is_left) in modes(none).into_iter().zip([false, true]) {
            assert!(
                ["1049", "1000", "1006", "2004"].iter().all(|mode| !sent.contains(mode)),
                "{sent:?}"
            );
            assert!(sent.contains("\x1b[2J"), "{sent:?}");
            assert_eq!(sent.contains("\x1b[1;1H"), is_left, "{sent:?}");
        }
    }
}
