//! Finds a drawn dataset by its recipe, and draws it again where it is gone: the same recipe gives the same files.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{
    info::{GENERATOR, Info, Recipe},
    write::{SynthError, synthesise},
};

impl Recipe {
    /// The recipe of the drawn dataset in `dir`; `None` where there is none.
    #[must_use]
    pub fn of(dir: &Path) -> Option<Self> {
        Some(Info::read(dir)?.synth.recipe)
    }

    /// Where its files are: in `dir`, or drawn again in `cache`; `None` where they are in neither.
    #[must_use]
    pub fn find(&self, dir: &Path, cache: &Path) -> Option<PathBuf> {
        let is_ours = |dir: &PathBuf| Self::of(dir).as_ref() == Some(self);
        [dir.to_owned(), self.place(cache)].into_iter().find(is_ours)
    }

    /// Whether this version of the generator draws what the recipe means.
    #[must_use]
    pub const fn can_be_drawn(&self) -> bool {
        self.generator == GENERATOR
    }

    /// Draws the dataset in `cache` and returns its folder. `progress` as for [`synthesise`].
    ///
    /// # Errors
    /// As [`synthesise`].
    pub fn draw_again(&self, cache: &Path, progress: impl Fn(usize, usize) + Sync) -> Result<PathBuf, SynthError> {
        let place = self.place(cache);
        match synthesise(&place, &self.options, progress) {
            // Another process may have drawn it meanwhile.
            Err(error) if Self::of(&place).as_ref() != Some(self) => Err(error),
            _ => Ok(place),
        }
    }

    /// Its folder in the cache.
    fn place(&self, cache: &Path) -> PathBuf {
        let hash = Sha256::digest(format!("{self:?}"));
        let name: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        cache.join("drawn").join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::synth::{Options, few};

    #[test]
    fn a_dataset_that_is_gone_is_drawn_again_and_another_one_is_not_taken_for_it() {
        let root = tempfile::tempdir().unwrap();
        let cache = root.path().join("cache");
        let drawn = few(root.path());
        let recipe = Recipe::of(&drawn).unwrap();
        assert_eq!(recipe.find(&drawn, &cache), Some(drawn.clone()));
        let before = std::fs::read(drawn.join("val.json")).unwrap();

        let other = Recipe {
            options: Options {
                seed: 1,
                ..recipe.options.clone()
            },
            ..recipe.clone()
        };
        assert_eq!(other.find(&drawn, &cache), None);
        assert_ne!(other.place(&cache), recipe.place(&cache));

        std::fs::remove_dir_all(&drawn).unwrap();
        assert_eq!(recipe.find(&drawn, &cache), None);
        let again = recipe.draw_again(&cache, |_, _| ()).unwrap();
        assert_eq!(std::fs::read(again.join("val.json")).unwrap(), before);
        assert_eq!(recipe.find(&drawn, &cache), Some(again.clone()));
        // As where another process was faster.
        assert_eq!(recipe.draw_again(&cache, |_, _| ()).unwrap(), again);
    }
}
