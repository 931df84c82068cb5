//! A picture as one grid of patches: the input of towers that see pictures at their own size.

/// The number of patches of a picture: frames (of `temporal_patch_size`), rows, columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid {
    pub t: usize,
    pub h: usize,
    pub w: usize,
}

impl Grid {
    /// The number of patches, before merging.
    #[must_use]
    pub const fn patches(&self) -> usize {
        self.t * self.h * self.w
    }

    /// The number of rows of merged patches.
    #[must_use]
    pub const fn merged_h(&self, merge: usize) -> usize {
        self.h / merge
    }

    /// The number of columns of merged patches.
    #[must_use]
    pub const fn merged_w(&self, merge: usize) -> usize {
        self.w / merge
    }
}

/// A picture as the vision tower takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Patches {
    /// `[grid.patches(), 3 * temporal * patch * patch]`: rows in merge order (one merged block after the other), values
    /// of a row in the order channel, frame, y, x.
    pub values: Vec<f32>,
    pub grid: Grid,
}
