//! Vision tokens as MASP's modules hand them on: averages of the vision tokens that show an aspect.

use masp::data::View;
use masp::data::synth::Scene;
use rand::Rng;

use super::labels::holds_middle;
use super::params::gaussian;
use super::shape::Shape;

/// The number of tokens that MASP makes of an aspect.
pub const QUERIES: usize = 5;

/// A scene and its vision tokens `[tokens][hidden]`.
pub struct Picture {
    pub scene: Scene,
    pub tokens: Vec<Vec<f32>>,
}

impl Picture {
    /// [`QUERIES`] averages for an aspect, each with the attention of a query that has learned roughly where to look:
    /// sharper or duller, and with noise.
    pub fn pooled(&self, view: View, shape: &Shape, rng: &mut impl Rng) -> Vec<Vec<f32>> {
        let boxes: Vec<[f32; 4]> = match view {
            View::FacialExpression => self.scene.person.iter().map(|person| person.face).collect(),
            View::HumanAction => self.scene.person.iter().map(|person| person.body).collect(),
            View::Object => self.scene.objects.iter().map(|thing| thing.bounds).collect(),
            View::Scene | View::Brightness | View::Colorfulness => Vec::new(),
        };
        let first = rng.random_range(0..2);
        // MASP's queries do not divide several boxes among them: what they learn lies between looking at one each and
        // all looking at all.
        let share_of_all = f64::from(rng.random_range(0..=2)) / 2.0;
        (0..QUERIES)
            .map(|query| {
                let focus: Vec<&[f32; 4]> = if boxes.is_empty() || rng.random_bool(share_of_all) {
                    boxes.iter().collect()
                } else {
                    vec![&boxes[(first + query) % boxes.len()]]
                };
                let (sharpness, noise) = (rng.random_range(2.0..6.0), rng.random_range(0.0..2.0));
                let weight = |token: usize, rng: &mut _| {
                    let inside = focus.iter().any(|bounds| holds_middle(bounds, token, shape));
                    (if inside { sharpness } else { 0.0 } + noise * gaussian(rng)).exp()
                };
                let weights: Vec<f32> = (0..self.tokens.len()).map(|token| weight(token, rng)).collect();
                average(&self.tokens, &weights)
            })
            .collect()
    }

    /// What stands in the picture's place, and the aspects that it tells of for certain: one aspect's averages as in
    /// MASP's first stage, all averages and all tokens as in its second, all tokens, or some of them.
    pub fn run(&self, shape: &Shape, kind: Run, rng: &mut impl Rng) -> (Vec<Vec<f32>>, Vec<View>) {
        match kind {
            Run::Aspect => {
                let known: Vec<View> = (View::ALL.into_iter())
                    .filter(|view| super::facts::answer(&self.scene, *view).is_some())
                    .collect();
                let view = super::questions::hard_ones_more(&known, rng);
                (self.pooled(view, shape, rng), vec![view])
            }
            Run::AspectsAndTokens => {
                let mut run: Vec<Vec<f32>> = View::ALL
                    .into_iter()
                    .flat_map(|view| self.pooled(view, shape, rng))
                    .collect();
                run.extend(self.tokens.iter().cloned());
                (run, View::ALL.to_vec())
            }
            Run::Aspects => {
                let run = View::ALL
                    .into_iter()
                    .flat_map(|view| self.pooled(view, shape, rng))
                    .collect();
                (run, View::ALL.to_vec())
            }
            Run::Few => {
                let run = (View::ALL.into_iter())
                    .flat_map(|view| {
                        let kept = rng.random_range(1..=2);
                        self.pooled(view, shape, rng).into_iter().take(kept).collect::<Vec<_>>()
                    })
                    .collect();
                (run, View::ALL.to_vec())
            }
            Run::Tokens => (self.tokens.clone(), View::ALL.to_vec()),
        }
    }
}

/// What stands between `<|vision_start|>` and `<|vision_end|>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    Tokens,
    /// One aspect's averages.
    Aspect,
    /// One or two averages of each aspect: short, for what needs many sequences.
    Few,
    /// All aspects' averages.
    Aspects,
    AspectsAndTokens,
}

fn average(tokens: &[Vec<f32>], weights: &[f32]) -> Vec<f32> {
    let total: f32 = weights.iter().sum();
    let mut mean = vec![0.0; tokens.first().map_or(0, Vec::len)];
    for (token, weight) in tokens.iter().zip(weights) {
        mean.iter_mut()
            .zip(token)
            .for_each(|(mean, value)| *mean += value * weight / total);
    }
    mean
}
