//! Which runs are at work at once.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::engine::Signals;

/// A run that is at work.
pub trait AtWork {
    /// How it ended.
    type End;

    /// How it has ended; None while it is at work.
    fn ended(&mut self) -> Option<Self::End>;

    /// Has it write a checkpoint and end.
    fn stop(&mut self);

    /// Has it write a checkpoint and go on.
    fn save(&mut self);
}

/// What begins runs, and is told how they end.
pub trait Runs {
    type Run: AtWork;

    /// Begins a run; Err if it is over at once.
    fn begin(&mut self, run: usize) -> Result<Self::Run, <Self::Run as AtWork>::End>;

    fn ended(&mut self, run: usize, end: <Self::Run as AtWork>::End);

    /// A signal asks for the end: the runs at work were told to stop, and no other begins.
    fn stopping(&mut self);
}

/// Carries out the runs 0 to `count`, at most `jobs` at once, and returns when none is at work any more. How one ends does not
/// matter to the others. Once a signal asks for the end, no further run begins, and those at work are told to stop.
pub fn carry_out<R: Runs>(count: usize, jobs: usize, runs: &mut R, signals: &Signals, poll_interval: Duration) {
    let mut waiting: VecDeque<usize> = (0..count).collect();
    let mut at_work: Vec<(usize, R::Run)> = Vec::new();
    let mut stopping = false;
    loop {
        if !stopping && signals.terminate.load(Ordering::Relaxed) {
            stopping = true;
            waiting.clear();
            at_work.iter_mut().for_each(|(_, run)| run.stop());
            runs.stopping();
        }
        if signals.checkpoint.swap(false, Ordering::Relaxed) {
            at_work.iter_mut().for_each(|(_, run)| run.save());
        }
        at_work.retain_mut(|(place, run)| match run.ended() {
            Some(end) => {
                runs.ended(*place, end);
                false
            }
            None => true,
        });
        // One at a time: a signal may arrive between two.
        if at_work.len() < jobs.max(1)
            && let Some(place) = waiting.pop_front()
        {
            match runs.begin(place) {
                Ok(run) => at_work.push((place, run)),
                Err(end) => runs.ended(place, end),
            }
            continue;
        }
        if at_work.is_empty() {
            return;
        }
        std::thread::sleep(poll_interval);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    /// A run that takes so many looks, and counts those at work with it.
    struct Fake {
        looks: usize,
        now: Rc<Cell<usize>>,
        stopped: bool,
    }

    impl AtWork for Fake {
        type End = &'static str;

        fn ended(&mut self) -> Option<&'static str> {
            if self.looks == 0 || self.stopped {
                self.now.set(self.now.get() - 1);
                return Some(if self.stopped { "stopped" } else { "done" });
            }
            self.looks -= 1;
            None
        }

        fn stop(&mut self) {
            self.stopped = true;
        }

        fn save(&mut self) {
            self.looks += 1;
        }
    }

    #[derive(Default)]
    struct Recorded {
        now: Rc<Cell<usize>>,
        most: usize,
        ends: Vec<(usize, &'static str)>,
        told: bool,
        signals: Signals,
        /// The run at whose beginning a signal comes.
        signal_at: Option<usize>,
    }

    impl Runs for Recorded {
        type Run = Fake;

        fn begin(&mut self, run: usize) -> Result<Fake, &'static str> {
            if self.signal_at == Some(run) {
                self.signals.terminate.store(true, Ordering::Relaxed);
            }
            if run == 1 {
                return Err("failed");
            }
            self.now.set(self.now.get() + 1);
            self.most = self.most.max(self.now.get());
            Ok(Fake {
                looks: 30 - run,
                now: Rc::clone(&self.now),
                stopped: false,
            })
        }

        fn ended(&mut self, run: usize, end: &'static str) {
            self.ends.push((run, end));
        }

        fn stopping(&mut self) {
            self.told = true;
        }
    }

    fn carried_out(jobs: usize, signal_at: Option<usize>) -> Recorded {
        let mut runs = Recorded {
            signal_at,
            ..Recorded::default()
        };
        let signals = runs.signals.clone();
        carry_out(5, jobs, &mut runs, &signals, Duration::ZERO);
        runs
    }

    #[test]
    fn all_runs_are_carried_out_and_a_failed_one_does_not_stop_the_others() {
        let one = carried_out(1, None);
        let ends = [(0, "done"), (1, "failed"), (2, "done"), (3, "done"), (4, "done")];
        assert_eq!((&one.ends[..], one.most, one.told), (&ends[..], 1, false));
        let mut two = carried_out(2, None);
        assert_eq!(two.most, 2);
        two.ends.sort_unstable();
        assert_eq!(two.ends, ends);
        assert_eq!(carried_out(9, None).most, 4);
    }

    #[test]
    fn a_signal_stops_those_at_work_and_lets_no_other_begin() {
        let runs = carried_out(2, Some(2));
        assert!(runs.told);
        assert_eq!(runs.ends, [(1, "failed"), (0, "stopped"), (2, "stopped")]);
        assert_eq!(runs.now.get(), 0);
    }
}
