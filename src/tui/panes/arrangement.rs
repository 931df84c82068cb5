//! Where the sample pane's parts go: the picture and the six maps are tiles, as large as the pane allows.
//!
//! ```text
//! row:     picture  face    object  scene       column:  picture  verdict, probabilities
//!          verdict  action  bright  color                face     object  scene
//!          probabilities, beside where that is wider     action   bright  color
//!          legend                                        legend
//! ```

use ratatui::layout::Rect;

/// The fewest columns of a tile's picture.
const SMALLEST_TILE: u16 = 4;
/// If tiles would be smaller than this, the probabilities are left out instead.
const SMALL_TILE: u16 = 8;
/// Rows for the probabilities below the tiles.
const FEW_PROBABILITIES: u16 = 5;
/// The columns that the probabilities need.
pub const PROBABILITIES: u16 = 24;

/// Where each part goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Arrangement {
    /// The picture, then the six maps; a row of text above each.
    pub tiles: [Rect; 7],
    pub verdict: Rect,
    pub probabilities: Option<Rect>,
    pub legend: Option<Rect>,
}

impl Arrangement {
    /// The arrangement with the larger tiles.
    #[must_use]
    pub fn fitting(area: Rect) -> Self {
        let legend = (area.height >= 9).then(|| Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        });
        let area = Rect {
            height: area.height - u16::from(legend.is_some()),
            ..area
        };
        let (beside, below) = (PROBABILITIES + 1, FEW_PROBABILITIES);
        let room = |width, height| (area.width.saturating_sub(width), area.height.saturating_sub(height));
        let row = tile(room(beside, 0), 4, 2).max(tile(room(0, below), 4, 2));
        let column = tile(room(0, 0), 3, 3);
        let arranged = if column > row {
            Self::column(area, column)
        } else if row < SMALL_TILE {
            Self::row(area, tile(room(0, 0), 4, 2))
        } else {
            Self::row(area, row)
        };
        Self { legend, ..arranged }
    }

    fn row(area: Rect, width: u16) -> Self {
        let grid = Grid::new(area, width);
        let right = area.width.saturating_sub(4 * (width + 1));
        let below = area.height.saturating_sub(2 * grid.high);
        let probabilities = if right >= PROBABILITIES {
            let x = area.right() - right;
            Some(Rect {
                x,
                y: area.y + 1,
                width: right,
                height: area.height - 1,
            })
        } else {
            let air = u16::from(below > 4);
            let y = area.y + 2 * grid.high + air;
            (below >= 2).then(|| Rect {
                y,
                height: below - air,
                ..area
            })
        };
        let places = [(0, 0), (1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (3, 1)];
        let tiles = places.map(|(x, y)| grid.tile(x, y));
        Self {
            tiles,
            verdict: grid.tile(0, 1),
            probabilities,
            legend: None,
        }
    }

    fn column(area: Rect, width: u16) -> Self {
        let maps = 2 * Grid::new(area, width).high;
        // The picture has the rows that the maps leave.
        let by_height = area.height.saturating_sub(maps + 1) * 2;
        let by_width = area.width.saturating_sub(PROBABILITIES + 2);
        let picture = Grid::new(area, (by_height.min(by_width) & !1).max(width)).tile(0, 0);
        let grid = Grid::new(
            Rect {
                y: picture.bottom(),
                height: area.bottom() - picture.bottom(),
                ..area
            },
            width,
        );
        let x = picture.right() + 2;
        let beside = Rect {
            x,
            width: area.right().saturating_sub(x),
            ..picture
        };
        let verdict = Rect {
            height: beside.height.min(5),
            ..beside
        };
        let rest = Rect {
            y: verdict.bottom(),
            height: beside.height - verdict.height,
            ..beside
        };
        let [a, b, c, d, e, f] = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)].map(|(x, y)| grid.tile(x, y));
        let tiles = [picture, a, b, c, d, e, f];
        let probabilities = (rest.height >= 2).then_some(rest);
        Self {
            tiles,
            verdict,
            probabilities,
            legend: None,
        }
    }
}

/// The columns of a tile's picture if `across` x `down` tiles share a `room`. The picture has half as many rows, so the
/// number is even.
fn tile(room: (u16, u16), across: u16, down: u16) -> u16 {
    let by_width = room.0.saturating_sub(across - 1) / across;
    let by_height = (room.1 / down).saturating_sub(1) * 2;
    (by_width.min(by_height) & !1).max(SMALLEST_TILE)
}

/// Tiles of equal size, a column apart.
struct Grid {
    area: Rect,
    width: u16,
    /// Including the label's row.
    high: u16,
}

impl Grid {
    const fn new(area: Rect, width: u16) -> Self {
        Self {
            area,
            width,
            high: width.div_ceil(2) + 1,
        }
    }

    fn tile(&self, x: u16, y: u16) -> Rect {
        let (left, top) = (self.area.x + x * (self.width + 1), self.area.y + y * self.high);
        Rect::new(left, top, self.width, self.high).intersection(self.area)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_inside_and_do_not_overlap() {
        for (width, height) in [(50, 20), (80, 46), (76, 15), (12, 3), (4, 4), (120, 20), (30, 60)] {
            let area = Rect::new(3, 2, width, height);
            let arranged = Arrangement::fitting(area);
            let parts = arranged.tiles.iter().chain([&arranged.verdict]);
            let parts: Vec<&Rect> = parts.chain(&arranged.probabilities).chain(&arranged.legend).collect();
            for (n, part) in parts.iter().enumerate() {
                assert_eq!(area.intersection(**part), **part, "{part} in {area}");
                assert!(parts[..n].iter().all(|other| !other.intersects(**part)), "{arranged:?}");
            }
        }
    }

    #[test]
    fn larger_tiles_are_preferred() {
        let wide = Arrangement::fitting(Rect::new(0, 0, 50, 20));
        assert_eq!((wide.tiles[0].width, wide.tiles[3].y), (10, 0));
        let high = Arrangement::fitting(Rect::new(0, 0, 78, 46));
        assert_eq!((high.tiles[1].width, high.tiles[1].x), (24, 0));
        assert_eq!(high.tiles[0].width, 36, "the picture has the rows that are left");
        assert_eq!(high.tiles[6].bottom(), 45);
    }
}
