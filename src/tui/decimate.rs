//! A long series on few columns: each column keeps its lowest and highest value, so that no peak is lost.

/// What the points of one column of the plot span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    pub min: f64,
    pub max: f64,
    /// In the series' order, to join the columns.
    pub first: f64,
    pub last: f64,
}

/// Spreads `points` (step, value) with steps in `lo..=hi` over `columns` columns; `None` where no finite value fell.
#[must_use]
pub fn decimate(
    points: impl Iterator<Item = (u64, f64)>,
    lo: f64,
    hi: f64,
    columns: usize,
) -> Vec<Option<Column>> {
    let mut spread = vec![None; columns];
    let scale = columns.saturating_sub(1) as f64 / (hi - lo).max(f64::MIN_POSITIVE);
    for (step, value) in points.filter(|(_, value)| value.is_finite()) {
        let place = (step as f64 - lo) * scale;
        if !(-0.5..columns as f64).contains(&place) {
            continue;
        }
        let Some(column) = spread.get_mut(place.round() as usize) else {
            continue;
        };
        let column = column.get_or_insert(Column {
            min: value,
            max: value,
            first: value,
            last: value,
        });
        column.min = column.min.min(value);
        column.max = column.max.max(value);
        column.last = value;
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_points_keep_every_columns_peaks() {
        let value = |step: u64| {
            if step == 123_456 {
                1e3
            } else if step == 765_432 {
                -1e3
            } else {
                (step as f64 * 0.7).sin()
            }
        };
        let (columns, end) = (200, 1_000_003); // a prime: no step lies between two columns
        let spread = decimate(
            (1..=end).map(|step| (step, value(step))),
            0.0,
            end as f64,
            columns,
        );
        assert_eq!(spread.len(), columns);
        let mut expected = vec![(f64::INFINITY, f64::NEG_INFINITY); columns];
        for step in 1..=end {
            let column = (step as f64 / end as f64 * (columns - 1) as f64).round() as usize;
            let (min, max) = &mut expected[column];
            (*min, *max) = (min.min(value(step)), max.max(value(step)));
        }
        let found: Vec<_> = spread
            .iter()
            .map(|column| column.map_or((0.0, 0.0), |column| (column.min, column.max)))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(
            spread
                .iter()
                .flatten()
                .filter(|column| column.max == 1e3 || column.min == -1e3)
                .count(),
            2
        );
    }

    #[test]
    fn what_is_outside_or_not_finite_is_left_out() {
        let points = [(1, 5.0), (2, f64::NAN), (3, 7.0), (90, 9.0)];
        let spread = decimate(points.into_iter(), 0.0, 10.0, 11);
        assert_eq!(spread.iter().flatten().count(), 2);
        assert_eq!(
            (spread[1].map(|c| c.last), spread[3].map(|c| c.first)),
            (Some(5.0), Some(7.0))
        );
        assert!(decimate(points.into_iter(), 0.0, 10.0, 0).is_empty());
        assert_eq!(
            decimate([(5, 1.0), (5, 2.0)].into_iter(), 5.0, 5.0, 1)[0].map(|c| (c.first, c.last)),
            Some((1.0, 2.0))
        );
    }
}
