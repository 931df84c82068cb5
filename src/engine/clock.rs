//! Detects jumps of the system clock: time for which the clock was set, or the machine slept, must not count as work.

use std::time::Instant;

use crate::session::{Log, now};

/// In seconds; a smaller difference is the usual clock correction.
const LEAST_JUMP: f64 = 2.0;

/// Compares the system clock with a monotonic one, which nobody can set and which stands still while the machine sleeps.
#[derive(Debug)]
pub struct Clock {
    begun: Instant,
    /// The last reading of both clocks, system then monotonic, in seconds.
    last: Option<(f64, f64)>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            last: None,
        }
    }
}

impl Clock {
    /// The seconds by which the system clock has run ahead of the monotonic one since the last call; negative if it was set
    /// back, `None` on the first call or if the difference is less than 2 s.
    pub fn jump(&mut self) -> Option<f64> {
        let steady = self.begun.elapsed().as_secs_f64();
        self.jump_at((now(), steady))
    }

    fn jump_at(&mut self, (system, steady): (f64, f64)) -> Option<f64> {
        let last = self.last.replace((system, steady))?;
        let jump = (system - last.0) - (steady - last.1);
        (jump.abs() >= LEAST_JUMP).then_some(jump)
    }
}

/// The log line for a jump.
pub fn jump_line(jump: f64) -> Log {
    let text = if jump > 0.0 {
        format!(
            "the clock jumped {jump:.0} s ahead: it was set, or the machine was suspended; this time does not \
                 count as work"
        )
    } else {
        format!("the clock was set back by {:.0} s", -jump)
    };
    Log {
        clock_jump_s: Some(jump),
        ..Log::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_jump_is_reported_once() {
        let mut clock = Clock::default();
        assert_eq!(clock.jump_at((1000.0, 5.0)), None);
        assert_eq!(
            clock.jump_at((1600.5, 605.0)),
            None,
            "ten minutes of work, a small correction"
        );
        assert_eq!(clock.jump_at((5210.5, 615.0)), Some(3600.0));
        assert_eq!(clock.jump_at((5220.5, 625.0)), None);
        assert_eq!(clock.jump_at((1630.5, 635.0)), Some(-3600.0));
        assert!(jump_line(3600.0).text.contains("3600 s ahead") && jump_line(-3600.0).text.contains("back by 3600 s"));
    }

    #[test]
    fn a_running_clock_is_not_a_jump() {
        let mut clock = Clock::default();
        assert_eq!([clock.jump(), clock.jump()], [None, None]);
    }
}
