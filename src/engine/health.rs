//! Health checks of a run that goes on: each finding is a sentence.

use crate::data::View;
use crate::session::{Ema, Metrics, Prediction, Step};

/// Weight of the past in the moving averages of loss and throughput.
const MEMORY: f64 = 0.95;
/// Steps before the first judgement.
const WARM_UP: u32 = 20;
/// A loss above this multiple of its moving average is a spike.
const SPIKE: f64 = 3.0;
/// In nats: a moving average below this counts as this much, because jumps of a small loss are noise.
const SMALL_LOSS: f64 = 0.1;
/// Steps after a spike in which no other one is reported.
const QUIET: u64 = 50;
/// Training is slow below this share of the usual throughput, for this many steps in a row.
const SLOW: (f64, u32) = (1.0 / 3.0, 5);
/// The model has collapsed if it predicts one class for more than the first share of the images, and less than the second
/// share have that label.
const COLLAPSE: (f64, f64) = (0.8, 0.5);
/// A heatmap is dead if one patch has more than this share of the attention, or if its entropy exceeds this share of the
/// highest possible one.
const DEAD: f64 = 0.99;
/// The soft prompt drifts if its norm has grown by more than this factor.
const DRIFT: f64 = 10.0;
/// Memory is low below this share of the machine's memory.
const MEMORY_LEFT: f64 = 0.05;

/// What the checks remember of a stage.
#[derive(Debug)]
pub struct Health {
    steps: u32,
    loss: Ema,
    usual_loss: f64,
    last_spike: Option<u64>,
    speed: Ema,
    usual_speed: f64,
    slow: u32,
    first_norm: Option<f64>,
    warned: Vec<String>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            steps: 0,
            loss: Ema::new(MEMORY),
            usual_loss: f64::NAN,
            last_spike: None,
            speed: Ema::new(MEMORY),
            usual_speed: f64::NAN,
            slow: 0,
            first_norm: None,
            warned: Vec::new(),
        }
    }
}

impl Health {
    /// Judges a step: its loss and its speed.
    pub fn step(&mut self, step: &Step) -> Vec<String> {
        let mut said = Vec::new();
        if step.samples_per_s == 0.0 {
            // The step learnt nothing: no picture of it could be read, or it was left out. A warning has already said which.
            return said;
        }
        if !step.loss.is_finite() {
            said.extend(self.once(vec!["the loss is not finite".to_owned()]));
        }
        self.steps += 1;
        let judged = self.steps > WARM_UP;
        let quiet = self.last_spike.is_some_and(|last| step.step < last + QUIET);
        if judged && !quiet && step.loss > SPIKE * self.usual_loss.max(SMALL_LOSS) {
            self.last_spike = Some(step.step);
            said.push(format!(
                "the loss jumped to {:.3}, {:.1} times its earlier value",
                step.loss,
                step.loss / self.usual_loss
            ));
        }
        let (share, steps) = SLOW;
        if judged && step.samples_per_s < share * self.usual_speed {
            self.slow += 1;
            if self.slow == steps {
                said.push(format!(
                    "training has slowed down to {:.1} samples a second from {:.1}",
                    step.samples_per_s, self.usual_speed
                ));
            }
        } else {
            self.slow = 0;
            self.usual_speed = self.speed.next(step.samples_per_s);
        }
        self.usual_loss = self.loss.next(step.loss);
        said
    }

    /// Judges an evaluation: whether the model predicts one class for nearly all images.
    pub fn evaluation(metrics: &Metrics) -> Option<String> {
        let (said, right) = COLLAPSE;
        let all: u64 = metrics.confusion.counts.iter().flatten().sum();
        let share = |count: u64| count as f64 / all.max(1) as f64;
        let collapsed = metrics.confusion.labels.iter().enumerate().find_map(|(class, label)| {
            let of = |row: &Vec<u64>| row.get(class).copied().unwrap_or(0);
            let predicted: u64 = metrics.confusion.counts.iter().map(of).sum();
            let gold: u64 = metrics.confusion.counts.get(class).map_or(0, |row| row.iter().sum());
            (share(predicted) > said && share(gold) < right).then(|| (label, share(predicted)))
        });
        let (label, share) = collapsed?;
        Some(format!("{:.0} % of the images are predicted as {label}", share * 100.0))
    }

    /// Judges where the aspects look on the panel's images; each finding is reported once a stage.
    pub fn look(&mut self, predictions: &[Prediction]) -> Vec<String> {
        let Some(first) = predictions.first() else {
            return Vec::new();
        };
        let views: Vec<View> = first.aspects.keys().copied().collect();
        let mut said = Vec::new();
        for view in views {
            let maps: Vec<Vec<f64>> = predictions
                .iter()
                .filter_map(|prediction| Some(mean_map(&prediction.aspects.get(&view)?.attention)))
                .filter(|map| map.len() > 1)
                .collect();
            if maps.is_empty() {
                continue;
            }
            if maps.iter().all(|map| evenness(map) > DEAD) {
                said.push(format!(
                    "the aspect {view} attends to all patches alike, on all images of the panel"
                ));
            } else if maps.iter().all(|map| map.iter().any(|&weight| weight > DEAD)) && same_patch(&maps) {
                said.push(format!(
                    "the aspect {view} attends to a single patch, the same one on all images of the panel"
                ));
            }
        }
        self.once(said)
    }

    /// Records the soft prompt's norm at the beginning of the stage.
    pub const fn begin(&mut self, norm: f64) {
        self.first_norm = Some(norm);
    }

    /// Judges the soft prompt's norm.
    pub fn norm(&mut self, norm: f64) -> Option<String> {
        let grown = self
            .first_norm
            .filter(|first| *first > 0.0)
            .map_or(1.0, |first| norm / first);
        let text = format!(
            "the soft prompt's norm has grown more than {DRIFT} times since the stage began; its learning rate may be too high"
        );
        self.once(if grown > DRIFT { vec![text] } else { Vec::new() }).pop()
    }

    /// Judges the machine's memory, in bytes.
    pub fn memory(&mut self, available: u64, total: u64) -> Option<String> {
        let low = total > 0 && (available as f64) < MEMORY_LEFT * total as f64;
        let text = format!("less than {:.0} % of the machine's memory is left", MEMORY_LEFT * 100.0);
        self.once(if low { vec![text] } else { Vec::new() }).pop()
    }

    /// The sentences that were not reported before.
    fn once(&mut self, mut texts: Vec<String>) -> Vec<String> {
        texts.retain(|text| !self.warned.contains(text));
        self.warned.extend(texts.iter().cloned());
        texts
    }
}

/// The mean over the queries.
fn mean_map(attention: &[Vec<f32>]) -> Vec<f64> {
    let width = attention.first().map_or(0, Vec::len);
    let mut mean = vec![0.0; width];
    for query in attention {
        for (mean, weight) in mean.iter_mut().zip(query) {
            *mean += f64::from(*weight) / attention.len() as f64;
        }
    }
    mean
}

/// The map's entropy as a share of the highest possible one.
fn evenness(map: &[f64]) -> f64 {
    let entropy: f64 = map.iter().filter(|&&p| p > 0.0).map(|p| -p * p.ln()).sum();
    entropy / (map.len() as f64).ln()
}

fn same_patch(maps: &[Vec<f64>]) -> bool {
    let peak = |map: &Vec<f64>| {
        map.iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .map(|(patch, _)| patch)
    };
    maps.windows(2).all(|two| peak(&two[0]) == peak(&two[1]))
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::session::{AspectSeen, Confusion, Stage};

    fn step(step: u64, loss: f64, samples_per_s: f64) -> Step {
        Step {
            samples_per_s,
            ..crate::made_up::step(Stage::Prompt, step, loss)
        }
    }

    /// The findings on a step after 40 usual ones.
    fn after_usual(steps: impl IntoIterator<Item = (f64, f64)>) -> Vec<String> {
        let mut health = Health::default();
        for n in 1..=40 {
            assert!(health.step(&step(n, 1.0 + 0.2 * (n as f64).sin(), 50.0)).is_empty());
        }
        (41..)
            .zip(steps)
            .flat_map(|(n, (loss, speed))| health.step(&step(n, loss, speed)))
            .collect()
    }

    #[test]
    fn a_jump_of_the_loss_is_warned_of_once() {
        assert!(after_usual([(2.0, 50.0)]).is_empty());
        let said = after_usual([(4.0, 50.0), (4.0, 50.0)]);
        assert!(
            said.len() == 1 && said[0].starts_with("the loss jumped to 4.000"),
            "{said:?}"
        );
        assert_eq!(after_usual([(f64::NAN, 50.0)]), ["the loss is not finite"]);
        assert!(Health::default().step(&step(1, 9.0, 1.0)).is_empty());
        assert!(
            after_usual([(f64::NAN, 0.0); 12]).is_empty(),
            "steps without a sample are no NaN, and not slow"
        );
    }

    #[test]
    fn only_several_slow_steps_in_a_row_give_a_warning() {
        assert!(after_usual([(1.0, 5.0), (1.0, 50.0), (1.0, 5.0)]).is_empty());
        let said = after_usual([(1.0, 5.0); 8]);
        assert!(
            said.len() == 1 && said[0].contains("5.0 samples a second from 50.0"),
            "{said:?}"
        );
    }

    #[test]
    fn one_class_for_nearly_all_images() {
        let metrics = |counts: [[u64; 2]; 2]| Metrics {
            confusion: Confusion {
                labels: vec!["awe".into(), "fear".into()],
                counts: counts.map(Vec::from).to_vec(),
            },
            ..Metrics::default()
        };
        assert_eq!(
            Health::evaluation(&metrics([[10, 30], [2, 50]])),
            None,
            "most of them are that class"
        );
        let said = Health::evaluation(&metrics([[2, 58], [1, 39]])).unwrap();
        assert_eq!(said, "97 % of the images are predicted as fear");
        assert_eq!(Health::evaluation(&Metrics::default()), None);
    }

    fn looking(maps: &[Vec<f32>]) -> Vec<Prediction> {
        let prediction = |map: &Vec<f32>| Prediction {
            image: String::new(),
            prediction: String::new(),
            probabilities: IndexMap::new(),
            log_likelihoods: IndexMap::new(),
            generated: String::new(),
            rationale: String::new(),
            aspects: IndexMap::from_iter([(
                View::Scene,
                AspectSeen {
                    grid: [2, 2],
                    attention: vec![map.clone(); 2],
                    text: String::new(),
                },
            )]),
        };
        maps.iter().map(prediction).collect()
    }

    #[test]
    fn uniform_or_fixed_attention_is_a_dead_aspect() {
        let even = vec![0.25; 4];
        let (first, second) = (vec![1.0, 0.0, 0.0, 0.0], vec![0.0, 1.0, 0.0, 0.0]);
        let alive = vec![0.7, 0.1, 0.1, 0.1];
        let mut health = Health::default();
        assert!(health.look(&looking(&[even.clone(), alive])).is_empty());
        assert!(
            health.look(&looking(&[first.clone(), second])).is_empty(),
            "each image has its patch"
        );
        assert!(health.look(&looking(&[even.clone(), even.clone()]))[0].contains("scene attends to all patches alike"));
        assert!(health.look(&looking(&[even.clone(), even])).is_empty(), "warned once");
        assert!(health.look(&looking(&[first.clone(), first]))[0].contains("a single patch"));
        assert!(health.look(&[]).is_empty());
    }

    #[test]
    fn the_prompts_norm_and_the_machines_memory() {
        let mut health = Health::default();
        health.begin(2.0);
        assert_eq!([health.norm(2.0), health.norm(15.0)], [None, None]);
        assert!(health.norm(21.0).is_some() && health.norm(22.0).is_none());
        assert_eq!(health.memory(10, 100), None);
        assert!(health.memory(4, 100).is_some());
        assert_eq!(health.memory(0, 0), None);
    }
}
