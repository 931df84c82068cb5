//! An intervention on an image: muted aspects, blanked patches, a question.

use crate::{data::View, session::Request};

/// The intervention on the image under the cursor, and the request that is being waited for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Intervention {
    pub muted: Vec<View>,
    /// The aspect that was named last.
    pub view: Option<View>,
    /// Blanked merged patches, by row-by-row index.
    pub blanked: Vec<usize>,
    /// The merged patch under the region's cursor: row, column. `None`: no patches are being chosen.
    pub cursor: Option<(usize, usize)>,
    /// The last request that the model has not answered yet.
    pub waiting: Option<Request>,
}

impl Intervention {
    /// Mutes an aspect, or unmutes it.
    pub fn mute(&mut self, view: View) {
        self.view = Some(view);
        toggle(&mut self.muted, view);
        self.muted.sort_unstable();
    }

    /// Mutes all aspects but one; if that is so already, unmutes all.
    pub fn solo(&mut self, view: View) {
        let others: Vec<View> = View::ALL.into_iter().filter(|&other| other != view).collect();
        self.muted = if self.muted == others { Vec::new() } else { others };
    }

    /// Blanks the patch under the cursor of a grid, or restores it.
    pub fn blank(&mut self, [_, width]: [usize; 2]) {
        if let Some((row, column)) = self.cursor {
            toggle(&mut self.blanked, row * width + column);
            self.blanked.sort_unstable();
        }
    }

    /// Moves the region's cursor within a grid.
    pub fn step(&mut self, (rows, columns): (isize, isize), [height, width]: [usize; 2]) {
        if let Some((row, column)) = &mut self.cursor {
            *row = row.saturating_add_signed(rows).min(height.saturating_sub(1));
            *column = column.saturating_add_signed(columns).min(width.saturating_sub(1));
        }
    }

    /// The request for the prediction with this intervention.
    #[must_use]
    pub fn request(&self, image: &str) -> Request {
        Request::Predict {
            image: image.to_owned(),
            muted: self.muted.clone(),
            blanked: self.blanked.clone(),
        }
    }

    /// Whether patches of the image are marked.
    #[must_use]
    pub const fn marks_patches(&self) -> bool {
        !self.blanked.is_empty() || self.cursor.is_some()
    }

    /// Whether nothing is changed.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.muted.is_empty() && self.blanked.is_empty()
    }

    /// Whether `request` is what is waited for.
    #[must_use]
    pub fn waits_for(&self, request: &Request) -> bool {
        self.waiting.as_ref() == Some(request)
    }

    /// Clears the intervention for another image. A pending request stays, because the model will still answer it.
    pub fn clear(&mut self) {
        *self = Self {
            waiting: self.waiting.take(),
            ..Self::default()
        };
    }
}

/// Whether this requests the prediction on the unchanged image.
#[must_use]
pub fn is_plain(request: &Request) -> bool {
    matches!(request, Request::Predict { muted, blanked, .. } if muted.is_empty() && blanked.is_empty())
}

fn toggle<T: PartialEq>(values: &mut Vec<T>, value: T) {
    match values.iter().position(|other| *other == value) {
        Some(place) => drop(values.remove(place)),
        None => values.push(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn muting_and_solo() {
        let mut tried = Intervention::default();
        tried.mute(View::Scene);
        tried.mute(View::Object);
        assert_eq!(tried.muted.len(), 2);
        tried.mute(View::Scene);
        assert_eq!(tried.muted, [View::Object]);
        tried.solo(View::Scene);
        assert!(tried.muted.len() == 5 && !tried.muted.contains(&View::Scene));
        tried.solo(View::Scene);
        assert!(tried.is_plain() && is_plain(&tried.request("a")));
    }

    #[test]
    fn a_region_stays_within_its_grid() {
        let mut tried = Intervention {
            cursor: Some((0, 0)),
            ..Intervention::default()
        };
        tried.step((-1, 5), [2, 3]);
        assert_eq!(tried.cursor, Some((0, 2)));
        tried.step((7, 0), [2, 3]);
        tried.blank([2, 3]);
        assert_eq!(tried.blanked, [5]);
        tried.blank([2, 3]);
        assert!(tried.is_plain());
    }
}
