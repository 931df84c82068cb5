//! Replays a journal: records arrive with their original timing, but faster.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::session::{Event, Record};

/// The speeds to choose from.
pub const SPEEDS: [f64; 9] = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
/// The speed at which a replay begins unless the command line names one.
pub const USUAL_SPEED: f64 = 10.0;
/// The gap between two processes of a session is shortened to this many seconds.
const LONGEST_GAP: f64 = 1.0;

/// A journal and the position in it.
#[derive(Debug)]
pub struct Player {
    pub records: Arc<Vec<Record>>,
    /// Seconds from the first record to each record, with shortened gaps between processes.
    times: Vec<f64>,
    /// The record that comes next.
    next: usize,
    /// Seconds of the journal that have been played.
    at: f64,
    /// Index into [`SPEEDS`].
    speed: usize,
    pub paused: bool,
    /// The time at which `at` was valid.
    clock: Instant,
}

/// A place in the journal.
#[derive(Debug)]
pub struct Place {
    next: usize,
    at: f64,
}

impl Player {
    /// Plays `records` at `speed` times their pace, one of [`SPEEDS`], starting at `now`.
    #[must_use]
    pub fn new(records: Vec<Record>, speed: f64, now: Instant) -> Self {
        let mut time = 0.0;
        let mut times = Vec::with_capacity(records.len());
        let mut before: Option<f64> = None;
        for record in &records {
            let passed = before.map_or(0.0, |before| (record.time - before - record.clock_jump_s()).max(0.0));
            time += if matches!(record.event, Event::Resumed(_)) {
                passed.min(LONGEST_GAP)
            } else {
                passed
            };
            before = Some(record.time);
            times.push(time);
        }
        Self {
            records: Arc::new(records),
            times,
            next: 0,
            at: 0.0,
            speed: SPEEDS.iter().position(|&of| of >= speed).unwrap_or(SPEEDS.len() - 1),
            paused: false,
            clock: now,
        }
    }

    /// The records that are due by `now` and were not returned before.
    pub fn advance(&mut self, now: Instant) -> Range<usize> {
        let passed = now.saturating_duration_since(self.clock).as_secs_f64();
        self.clock = now;
        if !self.paused {
            self.at = (self.at + passed * self.pace()).min(self.length());
        }
        let from = self.next;
        self.next = self.times.partition_point(|&time| time <= self.at).max(from);
        from..self.next
    }

    /// When the next record is due; `None` while paused or at the end.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let next = self.times.get(self.next).filter(|_| !self.paused)?;
        let wait = (next - self.at).max(0.0) / self.pace();
        // Long gaps are waited for in pieces of at most an hour.
        Some(self.clock + Duration::from_secs_f64(wait.min(3600.0)))
    }

    /// Moves by a share of the whole; returns the number of records before the new position.
    pub fn seek(&mut self, share: f64, now: Instant) -> usize {
        self.at = (self.at + share * self.length()).clamp(0.0, self.length());
        self.clock = now;
        self.next = self.times.partition_point(|&time| time <= self.at);
        self.next
    }

    /// The current position.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place {
            next: self.next,
            at: self.at,
        }
    }

    /// Returns to the position before a seek.
    pub const fn go_back(&mut self, place: &Place, now: Instant) {
        (self.next, self.at, self.clock) = (place.next, place.at, now);
    }

    /// Continues from `now`; the time until then does not count as played.
    pub const fn go_on(&mut self, now: Instant) {
        self.clock = now;
    }

    /// Changes the speed by steps; the time until `now` counts at the old speed.
    pub fn change_speed(&mut self, by: isize) {
        self.speed = self.speed.saturating_add_signed(by).min(SPEEDS.len() - 1);
    }

    /// `▶ 10x  35 %`
    #[must_use]
    pub fn label(&self) -> String {
        let share = if self.length() > 0.0 {
            self.at / self.length()
        } else {
            1.0
        };
        let sign = if self.paused { "⏸" } else { "▶" };
        format!("{sign} {}x {:>3.0} %", self.pace(), share * 100.0)
    }

    fn pace(&self) -> f64 {
        SPEEDS.get(self.speed).copied().unwrap_or(1.0)
    }

    fn length(&self) -> f64 {
        self.times.last().copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Log, Resumed, Stage};

    fn records(times: &[f64]) -> Vec<Record> {
        let record = |(seq, &time): (usize, &f64)| Record {
            seq: seq as u64,
            time,
            event: Event::Log(Log::new("")),
        };
        times.iter().enumerate().map(record).collect()
    }

    fn after(begin: Instant, seconds: f64) -> Instant {
        begin + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_replay_runs_ten_times_as_fast() {
        let begin = Instant::now();
        let mut player = Player::new(records(&[100.0, 110.0, 130.0]), 10.0, begin);
        assert_eq!(player.advance(begin), 0..1);
        assert_eq!(player.due(), Some(after(begin, 1.0)));
        assert_eq!(player.advance(after(begin, 0.9)), 1..1);
        assert_eq!(player.advance(after(begin, 1.01)), 1..2);
        assert_eq!(player.advance(after(begin, 9.0)), 2..3);
        assert_eq!((player.due(), player.label().ends_with("100 %")), (None, true));
    }

    #[test]
    fn pausing_seeking_and_speed() {
        let begin = Instant::now();
        let mut player = Player::new(records(&[0.0, 10.0, 20.0, 30.0, 40.0]), 10.0, begin);
        player.paused = true;
        assert_eq!((player.advance(after(begin, 50.0)), player.due()), (0..1, None));
        assert_eq!(player.seek(0.5, after(begin, 50.0)), 3);
        assert_eq!(player.seek(-0.3, after(begin, 50.0)), 1);
        player.paused = false;
        player.change_speed(100);
        assert_eq!(
            player.advance(after(begin, 50.13)),
            1..3,
            "8 seconds were seen, 13 more come"
        );
        player.change_speed(-100);
        assert!(player.label().starts_with("▶ 0.25x"), "{}", player.label());
    }

    #[test]
    fn the_gap_between_two_processes_is_shortened() {
        let mut records = records(&[0.0, 5.0, 90_000.0, 90_001.0]);
        records[2].event = Event::Resumed(Resumed {
            stage: Stage::Prompt,
            from_step: 1,
            plan: vec![],
        });
        let player = Player::new(records, 10.0, Instant::now());
        assert_eq!(player.length(), 7.0);
    }
}
