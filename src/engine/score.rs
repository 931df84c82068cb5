//! The figure by which a stage's checkpoints are compared.

use crate::session::{Evaluation, Stage};

/// A figure with the number of images that it covers: only figures on as many images are comparable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    pub samples: usize,
    /// More is better.
    pub figure: f64,
}

impl Score {
    pub fn of(evaluation: &Evaluation) -> Self {
        Self {
            samples: evaluation.metrics.samples,
            figure: match evaluation.stage {
                Stage::Aspects => -evaluation.loss,
                Stage::Prompt => evaluation.metrics.accuracy,
            },
        }
    }

    /// Whether this is a new best: better than `best`, or the first (not NaN) on this number of images.
    pub fn beats(self, best: Option<Self>) -> bool {
        match best.filter(|best| best.samples == self.samples) {
            Some(best) => self.figure > best.figure,
            None => self.figure > f64::NEG_INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_on_another_number_of_images_replaces_the_best() {
        let score = |samples, figure| Score { samples, figure };
        let best = Some(score(96, 0.7));
        assert!(score(96, 0.71).beats(best) && !score(96, 0.7).beats(best));
        assert!(score(400, 0.6).beats(best), "the first of 400 images");
        assert!(score(96, 0.1).beats(None));
        assert!(!score(96, f64::NAN).beats(None) && !score(96, f64::NAN).beats(best));
    }
}
