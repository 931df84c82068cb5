//! How attention maps are shown: the mean of the queries or one of them, and how opaque.

/// How maps are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct MapStyle {
    /// The one query whose map is shown; `None`: the mean.
    pub query: Option<usize>,
    /// Index into [`STRENGTHS`].
    strength: usize,
}

/// The map's possible opacities.
const STRENGTHS: [f32; 3] = [1.0, 0.6, 0.3];

impl MapStyle {
    /// Goes to the next query of `count`; after the last one to the mean.
    #[must_use]
    pub fn next_query(self, count: usize) -> Self {
        let next = self.query.map_or(0, |query| query + 1);
        Self {
            query: (next < count).then_some(next),
            ..self
        }
    }

    /// The next strength.
    #[must_use]
    pub const fn next_strength(self) -> Self {
        Self {
            strength: (self.strength + 1) % STRENGTHS.len(),
            ..self
        }
    }

    #[must_use]
    pub fn strength(self) -> f32 {
        STRENGTHS.get(self.strength).copied().unwrap_or(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_last_query_comes_the_mean() {
        let style = MapStyle::default().next_query(2).next_query(2);
        assert_eq!((style.query, style.next_query(2).query), (Some(1), None));
        assert!(style.next_strength().strength() < style.strength());
    }
}
