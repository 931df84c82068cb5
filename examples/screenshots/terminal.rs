//! The program in a pseudo-terminal, and what stands on its screen.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use portable_pty::{Child, CommandBuilder, PtyPair, PtySize, native_pty_system};

const SIZE: PtySize = PtySize {
    rows: 40,
    cols: 120,
    pixel_width: 0,
    pixel_height: 0,
};
/// Opening a model takes the longest.
const TIMEOUT: Duration = Duration::from_secs(60);

pub struct Terminal {
    seen: Arc<Mutex<vt100::Parser>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    /// Closed, it would be a terminal that is gone.
    _pair: PtyPair,
}

impl Terminal {
    pub fn open(binary: &Path, folder: &Path, arguments: &[&str]) -> Result<Self> {
        let pair = native_pty_system().openpty(SIZE)?;
        let mut command = CommandBuilder::new(std::path::absolute(binary)?);
        command.args(arguments);
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.env("COLORFGBG", "15;0");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command)?;
        let seen = Arc::new(Mutex::new(vt100::Parser::new(SIZE.rows, SIZE.cols, 0)));
        let (mut output, parser) = (pair.master.try_clone_reader()?, Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                parser
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .process(&bytes[..count]);
            }
        });
        Ok(Self {
            seen,
            keys: pair.master.take_writer()?,
            child,
            _pair: pair,
        })
    }

    pub fn press(&mut self, keys: &str) -> Result<()> {
        for key in keys.chars() {
            self.keys.write_all(key.to_string().as_bytes())?;
            self.keys.flush()?;
            std::thread::sleep(Duration::from_millis(30));
        }
        Ok(())
    }

    pub fn wait_for(&self, what: &str) -> Result<()> {
        let begin = Instant::now();
        loop {
            let text = self.with(|screen| screen.contents());
            if text.contains(what) {
                return Ok(());
            }
            if begin.elapsed() > TIMEOUT {
                bail!("never saw {what:?}:\n{text}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for pictures, which come a moment later than what is around them.
    #[expect(clippy::unused_self, reason = "it is this terminal that is waited for")]
    pub fn settle(&self) {
        std::thread::sleep(Duration::from_secs(2));
    }

    /// Row by row.
    pub fn cells(&self) -> Vec<Vec<vt100::Cell>> {
        self.with(|screen| {
            let row = |row| {
                (0..SIZE.cols)
                    .filter_map(|col| screen.cell(row, col).cloned())
                    .collect()
            };
            (0..SIZE.rows).map(row).collect()
        })
    }

    fn with<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.seen.lock().unwrap_or_else(PoisonError::into_inner).screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
