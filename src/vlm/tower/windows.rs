//! The attention windows: squares of merged tokens, cut from the top left, and smaller at the right and bottom edges.

/// An order of a picture's merged tokens that groups them by window, and windows by size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    /// For each place in window order, the merged token in reading order.
    pub order: Vec<usize>,
    /// For each size of window: the number of windows, and the merged tokens in each.
    pub sizes: Vec<(usize, usize)>,
}

impl Windows {
    /// The windows of a picture of `height` x `width` merged tokens, each `side` x `side`.
    #[must_use]
    pub fn new((height, width): (usize, usize), side: usize) -> Self {
        let side = side.max(1);
        let cut = |length: usize| {
            (0..length)
                .step_by(side)
                .map(move |from| from..(from + side).min(length))
        };
        let mut windows: Vec<Vec<usize>> = cut(height)
            .flat_map(|rows| {
                cut(width).map(move |columns| {
                    let row = |row| columns.clone().map(move |column| row * width + column);
                    rows.clone().flat_map(row).collect()
                })
            })
            .collect();
        windows.sort_by_key(|window| std::cmp::Reverse(window.len()));
        let mut sizes: Vec<(usize, usize)> = Vec::new();
        for window in &windows {
            match sizes.last_mut() {
                Some((count, tokens)) if *tokens == window.len() => *count += 1,
                _ => sizes.push((1, window.len())),
            }
        }
        Self {
            order: windows.concat(),
            sizes,
        }
    }

    /// For each patch in window order, its index `[patches]` in merge order; each merged token has `patches`.
    #[must_use]
    pub fn patches(&self, patches: usize) -> Vec<u32> {
        let of_token = |&token: &usize| (token * patches..(token + 1) * patches).map(|patch| patch as u32);
        self.order.iter().flat_map(of_token).collect()
    }

    /// For each patch in merge order, its place in window order.
    #[must_use]
    pub fn patch_places(&self, patches: usize) -> Vec<u32> {
        let of_token = |&place: &u32| (0..patches as u32).map(move |patch| place * patches as u32 + patch);
        self.places().iter().flat_map(of_token).collect()
    }

    /// For each merged token in reading order, its place in window order.
    #[must_use]
    pub fn places(&self) -> Vec<u32> {
        let mut places = vec![0; self.order.len()];
        for (place, &token) in self.order.iter().enumerate() {
            places[token] = place as u32;
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_cut_from_the_top_left_and_grouped_by_size() {
        let windows = Windows::new((3, 5), 2);
        assert_eq!(windows.sizes, [(2, 4), (3, 2), (1, 1)]);
        assert_eq!(windows.order[..8], [0, 1, 5, 6, 2, 3, 7, 8]);
        assert_eq!(windows.order[8..], [4, 9, 10, 11, 12, 13, 14]);
        let places = windows.places();
        for (place, &token) in windows.order.iter().enumerate() {
            assert_eq!(places[token], place as u32);
        }
        assert_eq!(windows.patches(4)[4..8], [4, 5, 6, 7]);
        let (order, back) = (windows.patches(4), windows.patch_places(4));
        assert!((0..60).all(|patch| order[back[patch] as usize] == patch as u32));
        assert_eq!(Windows::new((1, 1), 4).sizes, [(1, 1)]);
    }
}
