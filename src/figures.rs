//! Formats numbers for people.

/// `1204` as `1,204`.
#[must_use]
pub fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// Seconds as `48s`, `3m 12s`, `2h 05m` or `4d 03h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "–".to_owned();
    }
    let s = seconds.max(0.0).round() as u64;
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m {:02}s", s / 60, s % 60),
        3600..86_400 => format!("{}h {:02}m", s / 3600, s % 3600 / 60),
        _ => format!("{}d {:02}h", s / 86_400, s % 86_400 / 3600),
    }
}

/// Seconds as a clock: `0:48`, `12:03`, `2:05:09`.
#[must_use]
pub fn clock(seconds: f64) -> String {
    let s = seconds.max(0.0) as u64;
    if s < 3600 {
        format!("{}:{:02}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3600, s % 3600 / 60, s % 60)
    }
}

/// Bytes of memory as drivers and makers of cards count them: `12.5 MiB`, `3.1 GiB`.
#[must_use]
pub fn memory(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1024.0 {
        format!("{mib:.1} MiB")
    } else {
        format!("{:.1} GiB", mib / 1024.0)
    }
}

/// Bytes with three significant digits: `812 MB`, `1.21 GB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let b = bytes as f64;
    match bytes {
        0..1_000_000 => format!("{:.0} kB", b / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} MB", b / 1e6),
        _ => format!("{:.2} GB", b / 1e9),
    }
}

/// Bytes per second in at most nine columns: `812 B/s`, `12.4 kB/s`, `860 kB/s`, `2.1 MB/s`.
#[must_use]
pub fn rate(bytes: u64) -> String {
    let b = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B/s"),
        1_000..99_950 => format!("{:.1} kB/s", b / 1e3),
        99_950..999_500 => format!("{:.0} kB/s", b / 1e3),
        999_500..99_950_000 => format!("{:.1} MB/s", b / 1e6),
        _ => format!("{:.0} MB/s", b / 1e6),
    }
}

/// A number with so many decimals; a value that rounds to zero has no sign.
#[must_use]
pub fn fixed(number: f64, decimals: usize) -> String {
    unsigned_zero(format!("{number:.decimals$}"))
}

/// A difference with its sign, `+0.3` or `-0.3`; a value that rounds to zero has no sign.
#[must_use]
pub fn signed(number: f64, decimals: usize) -> String {
    unsigned_zero(format!("{number:+.decimals$}"))
}

/// Removes the sign of `-0.0` and `+0.0`, which would suggest a decrease or an increase.
fn unsigned_zero(text: String) -> String {
    match text.strip_prefix(['-', '+']) {
        Some(digits) if digits.bytes().all(|digit| matches!(digit, b'0' | b'.')) => digits.to_owned(),
        _ => text,
    }
}

/// A rate or a norm with about three digits: `0.0412`, `4.18`, `52.1`, `1840`.
#[must_use]
pub fn short(number: f64) -> String {
    match number.abs() {
        n if !n.is_finite() => "–".to_owned(),
        n if n >= 1e6 || (n > 0.0 && n < 1e-3) => format!("{number:.1e}"),
        n if n >= 100.0 => format!("{number:.0}"),
        n if n >= 10.0 => format!("{number:.1}"),
        n if n >= 0.1 => format!("{number:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{number:.4}"),
    }
}

/// A loss in nats: `0.834`, or a dash.
#[must_use]
pub fn loss(nats: f64) -> String {
    match nats.abs() {
        n if !n.is_finite() => "–".to_owned(),
        n if n >= 100.0 => short(nats),
        _ => fixed(nats, 3),
    }
}

/// A share in `[0, 1]` as `82.1 %`, or a dash.
#[must_use]
pub fn percent(share: f64) -> String {
    if share.is_finite() {
        format!("{} %", fixed(share * 100.0, 1))
    } else {
        "–".to_owned()
    }
}

/// An expected calibration error or a Brier score, `0.019`, or a dash. All screens and texts show these as fractions,
/// never as percentages.
#[must_use]
pub fn calibration(fraction: f64) -> String {
    if fraction.is_finite() {
        fixed(fraction, 3)
    } else {
        "–".to_owned()
    }
}

/// Values as block characters, from the lowest at `low` to the highest at `high`; values that are not finite show as
/// the lowest.
#[must_use]
pub fn sparkline(values: &[f64], low: f64, high: f64) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let range = (high - low).max(f64::MIN_POSITIVE);
    let level = |value: &f64| LEVELS[(((value - low) / range).clamp(0.0, 1.0) * 7.0).round() as usize];
    values.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparklines_span_their_range() {
        assert_eq!(sparkline(&[0.0, 0.5, 1.0, f64::NAN, 9.0], 0.0, 1.0), "▁▅█▁█");
        assert_eq!(sparkline(&[3.0, 3.0], 3.0, 3.0), "▁▁");
    }

    #[test]
    fn a_number_that_rounds_to_zero_has_no_sign() {
        assert_eq!(
            [fixed(-0.04, 1), fixed(-0.0, 3), fixed(-0.05, 2)],
            ["0.0", "0.000", "-0.05"]
        );
        assert_eq!(
            [
                signed(-0.04, 1),
                signed(0.04, 1),
                signed(0.0, 0),
                signed(-0.06, 1),
                signed(1.0, 1)
            ],
            ["0.0", "0.0", "0", "-0.1", "+1.0"]
        );
        assert_eq!([percent(-0.0001), loss(-0.0)], ["0.0 %", "0.000"]);
        assert_eq!(
            [signed(f64::NAN, 1), calibration(f64::NAN), calibration(0.0189)],
            ["NaN", "–", "0.019"]
        );
    }

    #[test]
    fn figures_are_formatted_for_people() {
        assert_eq!([count(7), count(1204), count(1_000_000)], ["7", "1,204", "1,000,000"]);
        assert_eq!(
            [duration(47.6), duration(192.0), duration(7500.0), duration(356_400.0)],
            ["48s", "3m 12s", "2h 05m", "4d 03h"]
        );
        assert_eq!([clock(48.9), clock(723.0), clock(7509.0)], ["0:48", "12:03", "2:05:09"]);
        assert_eq!(
            [0, 999, 12_400, 99_999, 999_999, 99_999_999].map(rate),
            ["0 B/s", "999 B/s", "12.4 kB/s", "100 kB/s", "1.0 MB/s", "100 MB/s"]
        );
        assert_eq!([bytes(812_000_000), bytes(1_213_000_000)], ["812 MB", "1.21 GB"]);
        assert_eq!(
            [short(9.2e-6), short(0.0412), short(4.18), short(52.14), short(1840.2)],
            ["9.2e-6", "0.0412", "4.18", "52.1", "1840"]
        );
        assert_eq!(
            [loss(f64::NAN), loss(0.8341), percent(f64::NAN), percent(0.821)],
            ["–", "0.834", "–", "82.1 %"]
        );
    }
}
