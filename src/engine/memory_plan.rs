//! What takes how much of a device's memory, for the sentence with which a run ends that does not fit.

use super::device::Compute;
use super::error::EngineError;
use super::learner::Learner;
use crate::figures::memory;
use crate::nn::DeviceMemory;
use crate::session::Stage;

/// What is known of a CUDA device's memory, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPlan {
    /// `cuda:0`
    device: String,
    /// When it was opened. `None` where there is nothing to plan.
    opened: Option<DeviceMemory>,
    /// The frozen weights.
    weights: u64,
    /// Aspect modules and soft prompt.
    parts: u64,
    /// Gradients and moments of those that the stage trains.
    training: u64,
}

impl MemoryPlan {
    /// The plan for `learner`, trained in `stage`, or only asked.
    #[must_use]
    pub fn of(compute: &Compute, learner: &Learner, stage: Option<Stage>) -> Self {
        let bytes = |stage| {
            let parameters = learner.parameters(stage);
            let bytes = parameters
                .iter()
                .map(|(_, var)| var.elem_count() * var.dtype().size_in_bytes());
            bytes.sum::<usize>() as u64
        };
        Self {
            device: compute.name.clone(),
            opened: compute.memory,
            weights: learner.base.weight_bytes,
            parts: bytes(Stage::Aspects) + bytes(Stage::Prompt),
            // A gradient and two moments.
            training: stage.map_or(0, |stage| 3 * bytes(stage)),
        }
    }

    /// The error, with the plan's numbers if it says that memory ran out: by then the cache of features is empty, parts are
    /// single samples, and layers run again in the backward pass.
    #[must_use]
    pub fn explain(&self, error: EngineError) -> EngineError {
        match self.opened {
            Some(opened) if error.is_out_of_memory() => EngineError::Failed(self.sentence(opened)),
            _ => error,
        }
    }

    fn sentence(&self, DeviceMemory { free, total }: DeviceMemory) -> String {
        let left = free.saturating_sub(self.weights + self.parts + self.training);
        let mut takes = vec![
            format!("the frozen weights take {}", memory(self.weights)),
            format!("the aspect modules and the soft prompt {}", memory(self.parts)),
        ];
        let (sample, advice) = if self.training > 0 {
            takes.push(format!("their gradients and moments {}", memory(self.training)));
            (
                "with the feature cache emptied, one sample at a time and train.gradient_checkpointing",
                "smaller pictures (model.max_pixels), fewer aspects (aspects.views)",
            )
        } else {
            (
                "with the feature cache emptied and one image at a time",
                "smaller pictures (model.max_pixels)",
            )
        };
        format!(
            "the device's memory ran out {sample}: of the {} of {}, {} were free at the start; {}, and {} are left for the \
             computation of one sample; choose {advice}, model.quantize or a smaller model, end other programs that use the card, or take another \
             card (--device cuda:N)",
            memory(total),
            self.device,
            memory(free),
            takes.join(", "),
            memory(left),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(training: u64) -> MemoryPlan {
        MemoryPlan {
            device: "cuda:1".to_owned(),
            opened: Some(DeviceMemory {
                free: 19 << 30,
                total: 20 << 30,
            }),
            weights: 14 << 30,
            parts: 1 << 30,
            training,
        }
    }

    fn full() -> EngineError {
        EngineError::Failed("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")".to_owned())
    }

    #[test]
    fn the_sentence_holds_what_takes_how_much_and_what_to_change() {
        let said = plan(3 << 30).explain(full()).to_string();
        for words in [
            "the 20.0 GiB of cuda:1, 19.0 GiB were free",
            "weights take 14.0 GiB",
            "prompt 1.0 GiB",
            "moments 3.0 GiB",
            "1.0 GiB are left",
            "model.max_pixels",
            "gradient_checkpointing",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert_eq!(said.lines().count(), 1);
        let asked = plan(0).explain(full());
        assert!(
            asked.is_out_of_memory() && !asked.to_string().contains("moments"),
            "{asked}"
        );
    }

    #[test]
    fn other_failures_and_other_devices_keep_their_sentence() {
        let other = plan(0).explain(EngineError::Failed("a shape".to_owned()));
        assert_eq!(other.to_string(), "a shape");
        let host = MemoryPlan {
            opened: None,
            ..plan(0)
        };
        assert!(host.explain(full()).to_string().contains("CUDA_ERROR_OUT_OF_MEMORY"));
    }
}
