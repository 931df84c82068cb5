//! Measures the bytes per second that the screens send to the terminal.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// Counts the bytes of each second with output. Clones share the count.
#[derive(Debug, Clone)]
pub struct Meter {
    begin: Instant,
    seconds: Arc<Mutex<Seconds>>,
}

#[derive(Debug, Default)]
struct Seconds {
    /// The second being counted, since the start, and its bytes so far.
    second: u64,
    bytes: u64,
    /// The bytes of the previous second with output.
    last: Option<u64>,
}

impl Meter {
    fn add(&self, bytes: usize, now: Instant) {
        let second = now.duration_since(self.begin).as_secs();
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        if second != seconds.second {
            if seconds.bytes > 0 {
                seconds.last = Some(seconds.bytes);
            }
            (seconds.second, seconds.bytes) = (second, 0);
        }
        seconds.bytes += bytes as u64;
    }

    /// The bytes of the last complete second with output. It changes at most once a second, and stays while nothing is
    /// sent.
    #[must_use]
    pub fn last_busy(&self, now: Instant) -> Option<u64> {
        let seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let over = now.duration_since(self.begin).as_secs() > seconds.second;
        let counted = Some(seconds.bytes).filter(|&bytes| over && bytes > 0);
        counted.or(seconds.last)
    }

    /// A writer whose bytes are counted.
    pub const fn counting<W: Write>(self, to: W) -> Counting<W> {
        Counting { to, meter: self }
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            begin: Instant::now(),
            seconds: Arc::default(),
        }
    }
}

/// See [`Meter::counting`].
#[derive(Debug)]
pub struct Counting<W> {
    to: W,
    meter: Meter,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.meter.add(count, Instant::now());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_last_busy_second_is_shown_once_it_is_over() {
        let meter = Meter::default();
        let at = |ms| meter.begin + Duration::from_millis(ms);
        meter.add(100, at(100));
        meter.add(50, at(900));
        assert_eq!(meter.last_busy(at(950)), None);
        assert_eq!([1000, 60_000].map(|ms| meter.last_busy(at(ms))), [Some(150); 2]);
        meter.add(7, at(60_100));
        assert_eq!([60_200, 61_000].map(|ms| meter.last_busy(at(ms))), [Some(150), Some(7)]);
    }

    #[test]
    fn writers_count_together() {
        let meter = Meter::default();
        let mut writers = [meter.clone().counting(Vec::new()), meter.clone().counting(Vec::new())];
        for writer in &mut writers {
            writer.write_all(b"abc").unwrap();
        }
        assert_eq!(meter.last_busy(Instant::now() + Duration::from_secs(2)), Some(6));
    }
}
