//! Sessions whose curves are overlaid on the run's, and each session's colour, which is the same on all screens.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ratatui::style::Color;

use crate::{
    session::{RunState, SessionFolder, Stage, StageHistory, read_journal},
    theme::{SERIES, Theme},
};

/// The largest number of overlaid sessions: together with the two that are compared each has its own colour.
pub const MOST: usize = SERIES - 2;

/// A session that was read.
#[derive(Debug)]
pub struct Overlaid {
    pub folder: PathBuf,
    pub name: String,
    pub stages: BTreeMap<Stage, StageHistory>,
}

impl Overlaid {
    /// Reads a session's journal.
    ///
    /// # Errors
    /// A message if the folder is not a session's, or its journal cannot be read.
    pub fn read(path: &Path) -> Result<Self, String> {
        let folder = SessionFolder::at(path).ok_or_else(|| format!("{} is not a session's folder", path.display()))?;
        let mut state = RunState::default();
        for record in read_journal(&folder.journal()).map_err(|error| error.to_string())? {
            state.apply(&record);
        }
        Ok(Self {
            folder: path.to_owned(),
            name: folder.name().to_owned(),
            stages: state.stages,
        })
    }
}

/// Which sessions are overlaid on the run's curves, and which session has which colour.
#[derive(Debug, Default)]
pub struct Overlays {
    shown: Vec<Overlaid>,
    /// Counts changes, to invalidate what is cached between frames.
    changes: u64,
    colors: [Option<PathBuf>; SERIES],
}

impl Overlays {
    #[must_use]
    pub fn shown(&self) -> &[Overlaid] {
        &self.shown
    }

    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    #[must_use]
    pub fn holds(&self, folder: &Path) -> bool {
        self.shown.iter().any(|overlaid| overlaid.folder == folder)
    }

    /// Overlays a session on the curves; the sessions in `kept` keep their colours.
    pub fn lay(&mut self, overlaid: Overlaid, kept: &[PathBuf]) {
        if self.holds(&overlaid.folder) || self.shown.len() == MOST {
            return;
        }
        self.claim(&overlaid.folder, kept);
        self.shown.push(overlaid);
        self.changes += 1;
    }

    /// Removes a session; returns whether it was there.
    pub fn take_away(&mut self, folder: &Path) -> bool {
        let before = self.shown.len();
        self.shown.retain(|overlaid| overlaid.folder != folder);
        self.changes += u64::from(self.shown.len() < before);
        self.shown.len() < before
    }

    /// Removes all sessions.
    pub fn clear(&mut self) {
        self.shown.clear();
        self.changes += 1;
    }

    /// Assigns a colour to a session that has none: a free one, otherwise that of a session that is neither overlaid
    /// nor in `kept`.
    pub fn claim(&mut self, folder: &Path, kept: &[PathBuf]) {
        if self.place(folder).is_some() {
            return;
        }
        let needed = |path: &Option<PathBuf>| {
            let path = path.as_ref();
            path.is_some_and(|path| self.holds(path) || kept.contains(path))
        };
        let free = self.colors.iter().position(Option::is_none);
        let place = free.or_else(|| self.colors.iter().position(|path| !needed(path)));
        if let Some(place) = place.and_then(|place| self.colors.get_mut(place)) {
            *place = Some(folder.to_owned());
        }
    }

    /// The colour of a session's curves; the run's own session (`own`) always has a colour that no other session gets.
    #[must_use]
    pub fn color(&self, folder: &Path, own: &Path, theme: &Theme) -> Color {
        if folder == own {
            return theme.smooth;
        }
        let series = theme.series();
        let claimed = self.place(folder).and_then(|place| series.get(place));
        claimed.copied().unwrap_or(theme.dim)
    }

    /// The digit at the end of a session's curve, which distinguishes it without colour.
    #[must_use]
    pub fn sign(&self, folder: &Path) -> Option<char> {
        ('1'..='9').nth(self.place(folder)?)
    }

    fn place(&self, folder: &Path) -> Option<usize> {
        self.colors.iter().position(|path| path.as_deref() == Some(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::Depth;

    fn overlaid(name: &str) -> Overlaid {
        Overlaid {
            folder: name.into(),
            name: name.to_owned(),
            stages: BTreeMap::new(),
        }
    }

    #[test]
    fn a_session_keeps_its_colour_and_no_two_share_one() {
        let theme = Theme::dark(Depth::True);
        let own = Path::new("own");
        let mut overlays = Overlays::default();
        let compared = ["x", "y"].map(PathBuf::from);
        compared.iter().for_each(|folder| overlays.claim(folder, &compared));
        for round in 0..3 {
            for n in 0..MOST {
                overlays.lay(overlaid(&format!("{round}-{n}")), &compared);
            }
            let folders = overlays
                .shown()
                .iter()
                .map(|overlaid| &overlaid.folder)
                .chain(&compared);
            let colors: Vec<_> = folders.map(|folder| overlays.color(folder, own, &theme)).collect();
            assert!(
                (1..colors.len()).all(|n| !colors[..n].contains(&colors[n])),
                "{colors:?}"
            );
            assert_eq!(colors.len(), SERIES);
            assert!(!colors.contains(&overlays.color(own, own, &theme)));
            overlays.lay(overlaid("one too many"), &compared);
            assert_eq!(overlays.shown().len(), MOST);
            overlays.clear();
        }
        assert_eq!(
            overlays.sign(Path::new("y")),
            Some('2'),
            "what is compared kept its place"
        );
    }

    #[test]
    fn a_session_lies_over_the_curves_once() {
        let mut overlays = Overlays::default();
        overlays.lay(overlaid("a"), &[]);
        overlays.lay(overlaid("a"), &[]);
        assert_eq!((overlays.shown().len(), overlays.changes()), (1, 1));
        assert!(overlays.take_away(Path::new("a")) && !overlays.take_away(Path::new("a")));
        let before = overlays.sign(Path::new("a"));
        overlays.lay(overlaid("b"), &[]);
        overlays.lay(overlaid("a"), &[]);
        assert_eq!(overlays.sign(Path::new("a")), before, "the same again");
    }

    #[test]
    fn a_folder_without_a_session_is_an_error() {
        let error = Overlaid::read(Path::new("/nowhere/at-all")).unwrap_err();
        assert!(error.contains("/nowhere/at-all is not a session's folder"), "{error}");
    }
}
