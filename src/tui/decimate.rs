//! Reduces a long series to few columns. Each column keeps its lowest and highest value, so that no peak is lost.

/// The range of the points in one column of the plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    pub min: f64,
    pub max: f64,
    /// The first and last value, in the series' order, join neighbouring columns.
    pub first: f64,
    pub last: f64,
}

/// A series reduced to columns. It takes points one by one, so that a frame only processes new points, however long the
/// series is.
#[derive(Debug, Clone, Default)]
pub struct Decimated {
    lo: f64,
    scale: f64,
    columns: Vec<Option<Column>>,
}

impl Decimated {
    /// For steps in `lo..=hi` over `columns` columns.
    #[must_use]
    pub fn new(lo: f64, hi: f64, columns: usize) -> Self {
        let scale = columns.saturating_sub(1) as f64 / (hi - lo).max(f64::MIN_POSITIVE);
        Self {
            lo,
            scale,
            columns: vec![None; columns],
        }
    }

    /// Adds a point; ignores it if it is out of range or not finite.
    pub fn push(&mut self, step: u64, value: f64) {
        let place = ((step as f64 - self.lo) * self.scale).round();
        if !value.is_finite() || place < 0.0 {
            return;
        }
        let Some(column) = self.columns.get_mut(place as usize) else {
            return;
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

    /// The columns in order; `None` for a column without points.
    #[must_use]
    pub fn columns(&self) -> &[Option<Column>] {
        &self.columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(points: impl Iterator<Item = (u64, f64)>, lo: f64, hi: f64, columns: usize) -> Vec<Option<Column>> {
        let mut decimated = Decimated::new(lo, hi, columns);
        points.for_each(|(step, value)| decimated.push(step, value));
        decimated.columns().to_vec()
    }

    #[test]
    fn a_million_points_keep_every_columns_peaks() {
        let value = |step: u64| match step {
            123_456 => 1e3,
            765_432 => -1e3,
            step => (step as f64 * 0.7).sin(),
        };
        // A prime, so that no step lies exactly between two columns.
        let (columns, end) = (200, 1_000_003);
        let found = spread((1..=end).map(|step| (step, value(step))), 0.0, end as f64, columns);
        let mut expected = vec![(f64::INFINITY, f64::NEG_INFINITY); columns];
        for step in 1..=end {
            let column = (step as f64 / end as f64 * (columns - 1) as f64).round() as usize;
            let (min, max) = &mut expected[column];
            (*min, *max) = (min.min(value(step)), max.max(value(step)));
        }
        let ranges = found.iter().map(|column| column.map_or((0.0, 0.0), |c| (c.min, c.max)));
        assert_eq!(ranges.collect::<Vec<_>>(), expected);
        let peaks = found
            .iter()
            .flatten()
            .filter(|column| column.max == 1e3 || column.min == -1e3);
        assert_eq!(peaks.count(), 2);
    }

    #[test]
    fn points_outside_the_range_or_not_finite_are_skipped() {
        let points = [(1, 5.0), (2, f64::NAN), (3, 7.0), (90, 9.0)];
        let found = spread(points.into_iter(), 0.0, 10.0, 11);
        assert_eq!(found.iter().flatten().count(), 2);
        assert_eq!(
            (found[1].map(|c| c.last), found[3].map(|c| c.first)),
            (Some(5.0), Some(7.0))
        );
        assert!(spread(points.into_iter(), 0.0, 10.0, 0).is_empty());
        let same = spread([(5, 1.0), (5, 2.0)].into_iter(), 5.0, 5.0, 1);
        assert_eq!(same[0].map(|c| (c.first, c.last)), Some((1.0, 2.0)));
    }
}
