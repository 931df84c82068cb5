//! Seconds since the Unix epoch as a date and time of day in UTC (proleptic Gregorian calendar).

/// A date and time of day in UTC, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utc {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
}

impl Utc {
    /// From seconds since the epoch. Times outside the years 1 to 9999 are clamped to that range; NaN gives the epoch.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Self {
        let seconds = seconds.clamp(-62_135_596_800.0, 253_402_300_799.0).floor() as i64;
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Years that begin in March have their leap day last; 400 of them are 146,097 days.
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    /// `2026-11-22 13:09`.
    #[must_use]
    pub fn to_minutes(self) -> String {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            ..
        } = self;
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
    }

    /// `20261122-130924`, fit for a file's name.
    #[must_use]
    pub fn to_name(self) -> String {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self;
        format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
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
            (f64::INFINITY, "99991231-235959"),
        ] {
            assert_eq!(Utc::from_seconds(seconds).to_name(), name);
        }
        assert_eq!(Utc::from_seconds(951_827_340.0).to_minutes(), "2000-02-29 12:29");
    }
}
