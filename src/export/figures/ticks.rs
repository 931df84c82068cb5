//! The numbers at an axis.

/// The numbers from `from` to `to` at steps of 1, 2 or 5 times a power of ten: at most `most`, or two.
pub fn ticks(from: f64, to: f64, most: usize) -> Vec<f64> {
    let range = to - from;
    if !(range.is_finite() && range > 0.0) {
        return vec![from];
    }
    let rough = range / most.saturating_sub(1).max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= rough * (1.0 - 1e-9))
        .unwrap_or(10.0 * power);
    let (first, last) = ((from / step - 1e-6).ceil(), (to / step + 1e-6).floor());
    let count = (last - first).max(0.0) as usize;
    // Counting avoids the errors of a sum; adding 0.0 drops the sign of zero.
    (0..=count.min(1000)).map(|n| (first + n as f64) * step + 0.0).collect()
}

/// The ticks' texts, all with as many decimals as they need; large numbers in thousands.
pub fn labels(ticks: &[f64]) -> Vec<String> {
    let step = ticks
        .windows(2)
        .map(|two| two[1] - two[0])
        .fold(f64::INFINITY, f64::min);
    let largest = ticks.iter().fold(0.0_f64, |largest, tick| largest.max(tick.abs()));
    if largest >= 1e6 || (largest > 0.0 && largest < 1e-3) {
        return ticks
            .iter()
            .map(|tick| if *tick == 0.0 { "0".to_owned() } else { power(*tick) })
            .collect();
    }
    if largest >= 10_000.0 && step >= 100.0 {
        let decimals = usize::from(step % 1000.0 >= 1.0);
        return ticks
            .iter()
            .map(|tick| {
                if *tick == 0.0 {
                    "0".to_owned()
                } else {
                    format!("{:.decimals$}k", tick / 1e3)
                }
            })
            .collect();
    }
    let decimals = if step.is_finite() && step < 1.0 {
        (-step.log10() - 1e-9).ceil().max(0.0) as usize
    } else {
        0
    };
    ticks.iter().map(|tick| format!("{tick:.decimals$}")).collect()
}

/// `2·10⁻⁵`, with the digits that a tick needs.
fn power(number: f64) -> String {
    let written = format!("{number:.1e}");
    let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let digits = digits.strip_suffix(".0").unwrap_or(digits);
    let raised: String = exponent
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            c => c
                .to_digit(10)
                .and_then(|digit| char::from_u32(0x2070 + digit))
                .unwrap_or(c),
        })
        .collect();
    format!("{digits}·10{raised}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        let told = |from, to, most| labels(&ticks(from, to, most)).join(" ");
        assert_eq!(told(0.0, 3.47, 5), "0 1 2 3");
        assert_eq!(told(0.0, 600.0, 5), "0 200 400 600");
        assert_eq!(told(0.0, 1.0, 6), "0.0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(told(0.0, 0.07, 5), "0.00 0.02 0.04 0.06");
        assert_eq!(told(0.0, 1e-4, 6), "0 2·10⁻⁵ 4·10⁻⁵ 6·10⁻⁵ 8·10⁻⁵ 1·10⁻⁴");
        assert_eq!(told(0.0, 120_000.0, 4), "0 50k 100k");
        assert_eq!(told(72.0, 96.0, 4), "80 90");
        assert_eq!(told(-1.0, 1.0, 3), "-1 0 1");
    }

    #[test]
    fn no_range_has_one_tick() {
        for (from, to) in [(1.0, 1.0), (2.0, 1.0), (0.0, f64::NAN), (0.0, f64::INFINITY)] {
            assert_eq!(ticks(from, to, 5), [from]);
        }
        assert!(ticks(0.0, f64::MAX, 5).len() <= 6);
        assert!(ticks(0.0, f64::MIN_POSITIVE, 5).len() <= 1001);
    }
}
