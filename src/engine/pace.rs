//! Limits how often progress is reported, and how much of it the journal keeps: a download advances by kilobytes.

use std::time::{Duration, Instant};

/// The least time between two reports on one phase; the first and the last report are exempt.
const MIN_INTERVAL: Duration = Duration::from_millis(500);

/// The last report, unless it ended its phase.
#[derive(Debug, Default)]
pub struct Pace {
    reported: Option<(String, Instant)>,
}

/// Who gets a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// The journal and those who watch: the first and the last report on a phase.
    Kept,
    /// Only those who watch now.
    Shown,
}

impl Pace {
    /// Who gets the report at `now` that `done` of `total` of a phase is done; `None`: nobody.
    pub fn due(&mut self, phase: &str, (done, total): (u64, u64), now: Instant) -> Option<Report> {
        if total > 0 && done >= total {
            self.reported = None;
            return Some(Report::Kept);
        }
        let before = self.reported.as_ref().filter(|(of, _)| of == phase);
        let report = match before {
            None => Report::Kept,
            Some((_, at)) if now.saturating_duration_since(*at) < MIN_INTERVAL => return None,
            Some(_) => Report::Shown,
        };
        self.reported = Some((phase.to_owned(), now));
        Some(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn download_progress_is_sent_twice_a_second_and_journalled_at_both_ends() {
        let begin = Instant::now();
        let mut pace = Pace::default();
        // One piece each millisecond.
        let reports = |phase: &str, from: u64, pace: &mut Pace| -> Vec<(u64, Report)> {
            let at = |ms: u64| begin + Duration::from_millis(from + ms);
            (0..=3_000)
                .filter_map(|ms| Some((ms, pace.due(phase, (ms, 3_000), at(ms))?)))
                .collect()
        };
        let between = [500, 1_000, 1_500, 2_000, 2_500].map(|ms| (ms, Report::Shown));
        let mut expected = vec![(0, Report::Kept)];
        expected.extend(between);
        expected.push((3_000, Report::Kept));
        assert_eq!(reports("a", 0, &mut pace), expected);
        assert_eq!(reports("a", 3_001, &mut pace), expected, "the phase again");
        assert_eq!(reports("b", 6_002, &mut pace), expected);
        assert_eq!(pace.due("c", (1, 0), begin), Some(Report::Kept), "without a known end");
        assert_eq!(pace.due("c", (2, 0), begin + Duration::from_millis(1)), None);
    }
}
