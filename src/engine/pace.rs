//! Limits how often progress is reported: a download advances by kilobytes, and the journal keeps each line for ever.

use std::time::{Duration, Instant};

/// The least time between two reports on one phase; the first and the last report are exempt.
const GAP: Duration = Duration::from_millis(500);

/// The last report, unless it ended its phase.
#[derive(Debug, Default)]
pub struct Pace {
    told: Option<(String, Instant)>,
}

impl Pace {
    /// Whether to report at `now` that `done` of `total` of a phase is done.
    pub fn is_due(&mut self, phase: &str, (done, total): (u64, u64), now: Instant) -> bool {
        if total > 0 && done >= total {
            self.told = None;
            return true;
        }
        let just_told = self
            .told
            .as_ref()
            .is_some_and(|(of, at)| of == phase && now.saturating_duration_since(*at) < GAP);
        if !just_told {
            self.told = Some((phase.to_owned(), now));
        }
        !just_told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_of_many_pieces_is_told_twice_a_second_and_at_its_ends() {
        let begin = Instant::now();
        let mut pace = Pace::default();
        // One piece each millisecond.
        let told = |phase: &str, from: u64, pace: &mut Pace| -> Vec<u64> {
            let at = |ms: u64| begin + Duration::from_millis(from + ms);
            (0..=3_000)
                .filter(|&ms| pace.is_due(phase, (ms, 3_000), at(ms)))
                .collect()
        };
        let expected = [0, 500, 1_000, 1_500, 2_000, 2_500, 3_000];
        assert_eq!(told("a", 0, &mut pace), expected);
        assert_eq!(told("a", 3_001, &mut pace), expected, "the phase again");
        assert_eq!(told("b", 6_002, &mut pace), expected);
        assert!(pace.is_due("c", (1, 0), begin), "without a known end");
        assert!(!pace.is_due("c", (2, 0), begin + Duration::from_millis(1)));
    }
}
