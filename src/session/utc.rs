//! Seconds since the Unix epoch as a date and time of day in UTC.

use jiff::{Timestamp, civil::DateTime, tz::Offset};

/// The first second of the year 1, and the last second that jiff knows, on the last day but one of the year 9999.
const RANGE: (f64, f64) = (-62_135_596_800.0, 253_402_207_200.0);

/// A date and time of day in UTC, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utc(DateTime);

impl Utc {
    /// From seconds since the epoch. Times outside the years 1 to 9999 are clamped to that range; NaN gives the epoch.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Self {
        let seconds = seconds.clamp(RANGE.0, RANGE.1).floor() as i64;
        let moment = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        Self(Offset::UTC.to_datetime(moment))
    }

    /// `2026-11-22 13:09`.
    #[must_use]
    pub fn to_minutes(self) -> String {
        self.0.strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// `20261122-130924`, fit for a file's name.
    #[must_use]
    pub fn to_name(self) -> String {
        self.0.strftime("%Y%m%d-%H%M%S").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Utc;

    #[test]
    fn known_moments() {
        for (seconds, name) in [
            (0.0, "19700101-000000"),
            (951_782_400.0, "20000229-000000"),
            (1_772_323_199.9, "20260228-235959"),
            (1_772_323_200.0, "20260301-000000"),
            (4_107_542_399.0, "21000228-235959"),
            (4_107_542_400.0, "21000301-000000"),
            (-1.0, "19691231-235959"),
            (f64::INFINITY, "99991230-220000"),
            (f64::NEG_INFINITY, "00010101-000000"),
            (f64::NAN, "19700101-000000"),
        ] {
            assert_eq!(Utc::from_seconds(seconds).to_name(), name);
        }
        assert_eq!(Utc::from_seconds(951_827_340.0).to_minutes(), "2000-02-29 12:29");
    }
}
