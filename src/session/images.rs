//! Where a session's images are. Those of a drawn dataset that is gone are drawn again in the user's cache.

use std::path::{Path, PathBuf};

use super::SessionStart;
use crate::{
    data::synth::{Recipe, SynthError},
    user_cache,
};

/// More pictures than this are not drawn unless `masp data synth` is told to: it takes long, and a journal may come from anywhere.
const MOST_PICTURES: usize = 10_000;
/// The same for their side, in pixels.
const LARGEST_SIDE: u32 = 256;

impl SessionStart {
    /// The folder in which the dataset's images are now: the recorded one, or the one in the user's cache.
    #[must_use]
    pub fn images(&self) -> PathBuf {
        let data = Path::new(&self.data);
        let found = self
            .drawn
            .as_ref()
            .and_then(|recipe| recipe.find(data, &user_cache::folder()));
        found.unwrap_or_else(|| data.to_owned())
    }

    /// Whether [`SessionStart::draw_missing_images`] has something to do: the dataset was drawn, is gone, and is not too
    /// large to be drawn again.
    #[must_use]
    pub fn misses_images(&self) -> bool {
        self.missing().is_some()
    }

    /// Draws the images again, if they are missing. `progress` is called with the number of pictures done and in all, from
    /// several threads.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn draw_missing_images(&self, progress: impl Fn(usize, usize) + Sync) -> Result<(), SynthError> {
        let missing = self.missing();
        missing.map_or(Ok(()), |recipe| {
            recipe.draw_again(&user_cache::folder(), progress).map(drop)
        })
    }

    fn missing(&self) -> Option<&Recipe> {
        self.drawn.as_ref().filter(|recipe| {
            let options = &recipe.options;
            let small = options.images() <= MOST_PICTURES && options.size <= LARGEST_SIDE;
            small && recipe.can_be_drawn() && recipe.find(Path::new(&self.data), &user_cache::folder()).is_none()
        })
    }
}
