//! An aspect's attention over the picture: the mean of its queries, in viridis, which covers the picture where attention is high.

use image::{Rgb, RgbImage};

use crate::session::AspectSeen;

/// How much of the picture the map's colour covers, at the lowest and at the highest weight.
const LEAST_COVER: f32 = 0.1;
const MOST_COVER: f32 = 0.9;

/// The mean of an aspect's queries over the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMap {
    /// Merged patches.
    pub height: usize,
    pub width: usize,
    /// `[height * width]`, row by row; sums to 1.
    pub weights: Vec<f32>,
    lowest: f32,
    highest: f32,
}

impl AttentionMap {
    /// The mean over the queries, or one query's own map.
    ///
    /// # Errors
    /// A message if the file's grid and weights do not match, or there is no such query.
    pub fn of(aspect: &AspectSeen, query: Option<usize>) -> Result<Self, String> {
        let Some(query) = query else {
            return Self::mean(aspect);
        };
        let one = aspect
            .attention
            .get(query)
            .ok_or_else(|| format!("there is no query {}", query + 1))?;
        Self::mean(&AspectSeen {
            attention: vec![one.clone()],
            ..aspect.clone()
        })
    }

    /// The mean over the queries.
    ///
    /// # Errors
    /// A message if the file's grid and weights do not match.
    pub fn mean(aspect: &AspectSeen) -> Result<Self, String> {
        let [height, width] = aspect.grid;
        if aspect.whole_grid().is_none() {
            return Err(format!(
                "the attention map does not have the {height} x {width} weights of its grid"
            ));
        }
        let mut weights = vec![0.0; height * width];
        for (sum, weight) in aspect.attention.iter().flat_map(|query| weights_of(query).enumerate()) {
            weights[sum] += weight / aspect.attention.len() as f32;
        }
        Ok(Self::new(height, width, weights))
    }

    /// A map of `height * width` weights.
    #[must_use]
    pub fn new(height: usize, width: usize, weights: Vec<f32>) -> Self {
        let (lowest, highest) = weights
            .iter()
            .fold((f32::INFINITY, 0.0_f32), |(low, high), &w| (low.min(w), high.max(w)));
        Self {
            height,
            width,
            weights,
            lowest,
            highest,
        }
    }

    /// The highest weight and where it is: row, column, weight.
    #[must_use]
    pub fn peak(&self) -> (usize, usize, f32) {
        let (at, weight) =
            self.weights.iter().enumerate().fold(
                (0, 0.0),
                |best, (at, &weight)| if weight > best.1 { (at, weight) } else { best },
            );
        (at / self.width, at % self.width, weight)
    }

    /// The weight at a position in the picture (`x` and `y` in `[0, 1)`), scaled so that the map's range is `[0, 1]`,
    /// with linear interpolation between the patches' centres. A constant map is 0 everywhere.
    #[must_use]
    pub fn relative(&self, x: f32, y: f32) -> f32 {
        let (low, high) = (self.lowest, self.highest);
        if high - low <= 1e-3 * high {
            return 0.0;
        }
        let along = |place: f32, count: usize| {
            let at = (place * count as f32 - 0.5).clamp(0.0, (count - 1) as f32);
            (at as usize, (at as usize + 1).min(count - 1), at.fract())
        };
        let ((x0, x1, fx), (y0, y1, fy)) = (along(x, self.width), along(y, self.height));
        let at = |row: usize, column: usize| self.weights.get(row * self.width + column).copied().unwrap_or(0.0);
        let row = |row| at(row, x0) * (1.0 - fx) + at(row, x1) * fx;
        ((row(y0) * (1.0 - fy) + row(y1) * fy) - low) / (high - low)
    }

    /// The share of the attention on the outermost patches, if the map hugs the border: if it lies there for more than half
    /// of what separates even attention from attention to the border alone. Vision towers are known to store what concerns the
    /// whole picture in border patches ("border sinks"), so such a map says little about places.
    #[must_use]
    pub fn on_border(&self) -> Option<f32> {
        let (height, width) = (self.height, self.width);
        let inner = height.saturating_sub(2) * width.saturating_sub(2);
        let whole: f32 = self.weights.iter().sum();
        if inner == 0 || whole <= 0.0 {
            return None;
        }
        let is_border = |at: usize| {
            let (row, column) = (at / width, at % width);
            row == 0 || column == 0 || row + 1 == height || column + 1 == width
        };
        let on_border = self.weights.iter().enumerate().filter(|(at, _)| is_border(*at));
        let share = on_border.map(|(_, weight)| weight).sum::<f32>() / whole;
        let even = 1.0 - inner as f32 / (height * width) as f32;
        (share > even + (1.0 - even) / 2.0).then_some(share)
    }

    /// The map blended over `picture`, which shows where weights are low and is covered by the map's colour where they are
    /// high. `strength` in `[0, 1]` is the highest weight's opacity.
    #[must_use]
    pub fn over(&self, picture: &RgbImage, strength: f32) -> RgbImage {
        let (width, height) = picture.dimensions();
        RgbImage::from_fn(width, height, |x, y| {
            let heat = self.relative((x as f32 + 0.5) / width as f32, (y as f32 + 0.5) / height as f32);
            let Rgb([r, g, b]) = *picture.get_pixel(x, y);
            let grey = 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b);
            let cover = strength * (LEAST_COVER + (MOST_COVER - LEAST_COVER) * heat);
            let colour = sequential(heat);
            let blend = |part: u8, colour: u8| {
                // Half grey, so that the picture's own colours are not taken for the map's.
                let picture = 0.5 * (f32::from(part) + grey);
                (f32::from(colour) * cover + picture * (1.0 - cover)) as u8
            };
            Rgb([blend(r, colour[0]), blend(g, colour[1]), blend(b, colour[2])])
        })
    }
}

/// The sequential colours (viridis) at `t` in `[0, 1]`.
#[must_use]
pub fn sequential(t: f32) -> [u8; 3] {
    colorous::VIRIDIS
        .eval_continuous(f64::from(t.clamp(0.0, 1.0)))
        .into_array()
}

fn weights_of(query: &[f32]) -> impl Iterator<Item = f32> + '_ {
    query
        .iter()
        .map(|weight| if weight.is_finite() { weight.max(0.0) } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aspect(grid: [usize; 2], attention: &[&[f32]]) -> AspectSeen {
        AspectSeen {
            grid,
            attention: attention.iter().map(|query| query.to_vec()).collect(),
            text: String::new(),
        }
    }

    #[test]
    fn the_mean_of_the_queries_has_its_peak_where_they_agree() {
        let map = AttentionMap::mean(&aspect([2, 2], &[&[0.1, 0.1, 0.1, 0.7], &[0.3, 0.1, 0.1, 0.5]])).unwrap();
        let (row, column, weight) = map.peak();
        assert_eq!((row, column), (1, 1));
        assert!((weight - 0.6).abs() < 1e-6);
        assert_eq!((map.relative(0.99, 0.99), map.relative(0.99, 0.0)), (1.0, 0.0));
        let over = map.over(
            &RgbImage::from_fn(2, 2, |x, _| Rgb([if x == 0 { 255 } else { 0 }; 3])),
            1.0,
        );
        let hot = sequential(1.0).map(|part| (f32::from(part) * MOST_COVER) as u8);
        assert_eq!(over.get_pixel(1, 1).0, hot);
        let cold = over.get_pixel(0, 0).0;
        assert!(cold.iter().all(|part| *part > 200), "the white picture shows: {cold:?}");
    }

    #[test]
    fn a_map_that_hugs_the_border_is_known() {
        let at = |weight: &dyn Fn(usize, usize) -> f32| {
            let weights = (0..64).map(|at| weight(at / 8, at % 8)).collect();
            AttentionMap::new(8, 8, weights).on_border()
        };
        assert_eq!(at(&|_, _| 1.0), None, "even");
        assert_eq!(at(&|row, column| if (row, column) == (4, 4) { 1.0 } else { 0.0 }), None);
        assert_eq!(at(&|row, _| if row == 0 { 1.0 } else { 0.0 }), Some(1.0));
        let share = at(&|row, _| if row == 7 { 4.5 } else { 0.3 }).unwrap();
        assert!((share - 42.0 / 52.8).abs() < 1e-5, "{share}");
        assert_eq!(
            AttentionMap::new(2, 9, vec![1.0; 18]).on_border(),
            None,
            "there is nothing but border"
        );
    }

    #[test]
    fn one_query_alone() {
        let seen = aspect([1, 2], &[&[1.0, 0.0], &[0.2, 0.8]]);
        assert_eq!(AttentionMap::of(&seen, Some(1)).unwrap().peak(), (0, 1, 0.8));
        assert_eq!(
            AttentionMap::of(&seen, None).unwrap(),
            AttentionMap::mean(&seen).unwrap()
        );
        assert!(AttentionMap::of(&seen, Some(2)).is_err());
    }

    #[test]
    fn malformed_files_are_errors_not_panics() {
        assert!(AttentionMap::mean(&aspect([0, 3], &[&[]])).is_err());
        assert!(AttentionMap::mean(&aspect([usize::MAX, 2], &[&[1.0]])).is_err());
        assert!(AttentionMap::mean(&aspect([2, 2], &[&[1.0, 0.0]])).is_err());
        assert!(AttentionMap::mean(&aspect([1, 1], &[])).is_err());
        let flat = AttentionMap::mean(&aspect([1, 2], &[&[f32::NAN, -1.0]])).unwrap();
        assert_eq!((flat.relative(0.2, 0.5), flat.peak()), (0.0, (0, 0, 0.0)));
    }
}
