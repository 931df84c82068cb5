//! A share as a bar.

/// The filled and the empty part of a bar of `width` columns that is filled by `share`, rounded to half columns.
pub fn bar(share: f64, width: usize) -> (String, String) {
    let halves = if share.is_finite() {
        (share.clamp(0.0, 1.0) * (width * 2) as f64).round() as usize
    } else {
        0
    };
    let mut filled = "━".repeat(halves / 2);
    if halves % 2 == 1 {
        filled.push('╸');
    }
    (filled, "─".repeat(width - halves.div_ceil(2)))
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars_are_as_wide_as_asked() {
        assert_eq!(bar(0.5, 4), ("━━".to_owned(), "──".to_owned()));
        assert_eq!(bar(0.375, 4), ("━╸".to_owned(), "──".to_owned()));
        assert_eq!(bar(1.0, 2), ("━━".to_owned(), String::new()));
        assert_eq!(bar(f64::NAN, 2), (String::new(), "──".to_owned()));
    }
}
