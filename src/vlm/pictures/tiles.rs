//! A picture as tiles: the input of towers that see pictures at a fixed size.

/// A picture as tiles of one size: first the whole picture squeezed to a square, then the tiles of a larger version,
/// row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Tiles {
    /// `[tiles, patches of a tile, 3 * patch * patch]`; values of a row in the order channel, y, x.
    pub values: Vec<f32>,
    /// Patches on a tile's side.
    pub side: usize,
    /// Rows and columns of the larger picture's tiles.
    pub larger: (usize, usize),
    /// The part of the larger picture that is not black border, in patches: first row and number of rows, then first
    /// column and number of columns.
    pub shown: [(usize, usize); 2],
}

impl Tiles {
    /// The number of tiles.
    #[must_use]
    pub const fn count(&self) -> usize {
        1 + self.larger.0 * self.larger.1
    }
}
