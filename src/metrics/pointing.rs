//! The pointing game: does a heatmap's maximum lie on the thing that the aspect names? (Zhang et al., arXiv
//! 1608.00507.)

/// A box in the picture, in fractions of its width and height: all in `[0, 1]`, left <= right, top <= bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoundingBox {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl BoundingBox {
    fn holds(&self, x: f64, y: f64) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }
}

/// Whether the maximal cell of a map hits one of the boxes: the cell's centre lies in the box, or the box's
/// centre lies in the cell (a box may be smaller than a cell).
///
/// `grid` is `[height, width]`, `map` its cells row by row; on a tie the first cell counts. None where the
/// map does not fit the grid or holds no number.
#[must_use]
pub fn pointing_hit(grid: [usize; 2], map: &[f32], boxes: &[BoundingBox]) -> Option<bool> {
    let cells = grid[0].checked_mul(grid[1])?;
    let numbers = map.iter().copied().enumerate().filter(|(_, weight)| !weight.is_nan());
    let (maximal, _) = numbers.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    (map.len() == cells).then(|| cell_hits(grid, maximal, boxes))
}

/// The hit rate of a map whose maximum is equally likely in each cell: the share of cells that hit one
/// of the boxes. 0 for an empty grid.
#[must_use]
pub fn expected_hit_rate(grid: [usize; 2], boxes: &[BoundingBox]) -> f64 {
    let cells = grid[0].saturating_mul(grid[1]);
    super::share((0..cells).filter(|&cell| cell_hits(grid, cell, boxes)).count(), cells)
}

fn cell_hits([height, width]: [usize; 2], cell: usize, boxes: &[BoundingBox]) -> bool {
    let (row, column) = (cell / width, cell % width);
    let middle = |index: usize, count: usize| (index as f64 + 0.5) / count as f64;
    let (x, y) = (middle(column, width), middle(row, height));
    // A cell is closed above and on its left; the last one on both sides.
    let cell_at = |at: f64, count: usize| ((at * count as f64) as usize).min(count - 1);
    boxes.iter().any(|b| {
        let centre_cell = (
            cell_at((b.top + b.bottom) / 2.0, height),
            cell_at((b.left + b.right) / 2.0, width),
        );
        b.holds(x, y) || centre_cell == (row, column)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: [usize; 2] = [2, 4];

    fn boxed(left: f64, top: f64, right: f64, bottom: f64) -> [BoundingBox; 1] {
        [BoundingBox {
            left,
            top,
            right,
            bottom,
        }]
    }

    fn peak(cell: usize) -> Vec<f32> {
        (0..8).map(|i| if i == cell { 0.9 } else { 0.1 }).collect()
    }

    #[test]
    fn the_cells_centre_lies_in_the_box() {
        // Cell 1 is row 0, column 1: its centre is (.375, .25).
        assert_eq!(pointing_hit(GRID, &peak(1), &boxed(0.3, 0.2, 1.0, 1.0)), Some(true));
        assert_eq!(pointing_hit(GRID, &peak(1), &boxed(0.38, 0.2, 1.0, 1.0)), Some(false));
        assert_eq!(pointing_hit(GRID, &peak(0), &boxed(0.3, 0.2, 1.0, 1.0)), Some(false));
    }

    #[test]
    fn the_boxs_centre_lies_in_the_cell() {
        let small = boxed(0.99, 0.99, 1.01, 1.01);
        assert_eq!(pointing_hit(GRID, &peak(7), &small), Some(true));
        assert_eq!(pointing_hit(GRID, &peak(6), &small), Some(false));
        assert_eq!(expected_hit_rate(GRID, &small), 1.0 / 8.0);
        // A centre on the line between two cells belongs to the right one.
        let between = boxed(0.24, 0.1, 0.26, 0.2);
        assert_eq!(pointing_hit(GRID, &peak(1), &between), Some(true));
        assert_eq!(pointing_hit(GRID, &peak(0), &between), Some(false));
    }

    #[test]
    fn a_random_map_hits_as_often_as_its_cells_do() {
        // Centres of columns 1, 2 and 3 in row 0 and in row 1; the box's own centre is among these cells.
        assert_eq!(expected_hit_rate(GRID, &boxed(0.3, 0.2, 1.0, 1.0)), 6.0 / 8.0);
        assert_eq!(expected_hit_rate(GRID, &[]), 0.0);
        assert_eq!(expected_hit_rate([0, 4], &boxed(0.0, 0.0, 1.0, 1.0)), 0.0);
    }

    #[test]
    fn a_map_of_the_wrong_size_gives_no_result() {
        let all = boxed(0.0, 0.0, 1.0, 1.0);
        assert_eq!(pointing_hit(GRID, &[0.5; 7], &all), None);
        assert_eq!(pointing_hit(GRID, &[f32::NAN; 8], &all), None);
        assert_eq!(pointing_hit([0, 0], &[], &all), None);
        let mut map = peak(3);
        map[0] = f32::NAN;
        assert_eq!(pointing_hit(GRID, &map, &boxed(0.8, 0.0, 1.0, 0.5)), Some(true));
    }
}
