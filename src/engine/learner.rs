//! The parts that MASP trains on a base model, the aspect modules and the soft prompt, and what they compute from samples.

use candle_core::{DType, Tensor, Var};
use indexmap::IndexMap;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::dialogue::{Dialogue, VisualRun};
use super::error::EngineError;
use super::features::Features;
use crate::aspects::{AspectModules, PositionRule, PromptRows, Sequence, VisionRun, VisualRows};
use crate::config::{Positions, Settings};
use crate::data::View;
use crate::data::prompts::Questions;
use crate::session::Stage;
use crate::vlm::base::BaseModel;
use crate::vlm::chat::{Chat, Content};
use crate::vlm::decoder::Vocabulary;

/// The trained parts, with what they need: base model, questions and classes.
pub struct Learner<'a> {
    pub base: &'a BaseModel,
    pub questions: Questions,
    /// In the label list's order.
    pub classes: Vec<String>,
    pub aspects: AspectModules,
    /// `[tokens, hidden]`, f32; on the host if it has no tokens.
    pub prompt: Var,
    rule: PositionRule,
    supervise_end: bool,
}

impl<'a> Learner<'a> {
    /// Fresh parts for `settings`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn fresh(
        base: &'a BaseModel,
        settings: &Settings,
        questions: Questions,
        classes: Vec<String>,
    ) -> Result<Self, EngineError> {
        let mut rng = ChaCha8Rng::seed_from_u64(settings.train.seed);
        let a = &settings.aspects;
        let aspects = AspectModules::fresh(
            &a.views,
            a.queries,
            base.hidden_size(),
            a.initial,
            &mut rng,
            &base.device,
        )?;
        let rule = match settings.model.positions {
            Positions::Paper => PositionRule::Paper,
            Positions::Mrope if !base.decoder.config().axes.is_grid() => {
                return Err(EngineError::Failed(format!(
                    "{} has positions on one axis, so model.positions can only be `paper`; set it back",
                    base.name
                )));
            }
            Positions::Mrope => PositionRule::Mrope,
        };
        let supervise_end = settings.model.supervise_im_end;
        let dialogue = Dialogue {
            base,
            prompt_tokens: settings.prompt.tokens,
            rule,
            supervise_end,
        };
        let prompt = Var::from_tensor(&dialogue.initial_prompt()?)?;
        Ok(Self {
            base,
            questions,
            classes,
            aspects,
            prompt,
            rule,
            supervise_end,
        })
    }

    /// The views in use, in order.
    #[must_use]
    pub fn views(&self) -> Vec<View> {
        self.aspects.0.keys().copied().collect()
    }

    /// Builds this learner's sequences.
    #[must_use]
    pub fn dialogue(&self) -> Dialogue<'a> {
        Dialogue {
            base: self.base,
            prompt_tokens: self.prompt.dims()[0],
            rule: self.rule,
            supervise_end: self.supervise_end,
        }
    }

    /// The softmax's entries in stage 2 and evaluation; the full vocabulary if there is no prompt (the frozen model).
    #[must_use]
    pub fn prompted(&self) -> Vocabulary<'_> {
        if self.prompt.dims()[0] == 0 {
            return Vocabulary::Full;
        }
        Vocabulary::Prompted {
            tokens: self.base.text.vocab_len(),
            prompt: self.prompt.as_tensor(),
        }
    }

    /// The soft prompt as it is now, for batches that are not trained. Here the CPU waits for the device.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn constant_prompt(&self) -> Result<PromptRows, EngineError> {
        Ok(PromptRows::constant(self.prompt.as_tensor())?)
    }

    /// Euclidean norm of the soft prompt.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn prompt_norm(&self) -> Result<f64, EngineError> {
        let square = self.prompt.as_tensor().sqr()?.sum_all()?.to_scalar::<f32>()?;
        Ok(f64::from(square).sqrt())
    }

    /// The parameters trained in `stage`, by their names in checkpoints.
    #[must_use]
    pub fn parameters(&self, stage: Stage) -> Vec<(String, Var)> {
        match stage {
            Stage::Aspects => self.aspects.parameters(),
            Stage::Prompt => vec![("soft_prompt".to_owned(), self.prompt.clone())],
        }
    }

    /// Stage 1's question about one view, with its answer.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn aspect_sample(&self, view: View, template: usize, answer: &str) -> Result<Sequence, EngineError> {
        let run = VisualRun {
            z: self.queries(view),
            vision: None,
        };
        self.dialogue()
            .answered(&Chat::about_image(self.aspect_question(view, template)), run, answer)
    }

    /// Stage 1's question about one view, with an open answer.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn aspect_open(&self, view: View) -> Result<Sequence, EngineError> {
        let run = VisualRun {
            z: self.queries(view),
            vision: None,
        };
        self.dialogue()
            .open(&Chat::about_image(self.aspect_question(view, 0)), run)
    }

    /// The emotion question of a template.
    #[must_use]
    pub fn emotion_chat(&self, template: usize) -> Chat {
        Chat::about_image_with_prompt(&self.emotion_question(template))
    }

    /// The second turn, after the answer: which visible cues evoke the emotion, given the aspects' own answers.
    ///
    /// Neither turn holds the soft prompt, because it was tuned for the emotion's name alone and breaks longer sentences.
    /// On the drawn test split, 77 % of the rationales were whole and about the predicted emotion with it,
    /// and 99.7 % without it.
    #[must_use]
    pub fn rationale_chat(&self, emotion: &str, answers: &[(View, String)]) -> Chat {
        let said: Vec<String> = answers
            .iter()
            .map(|(view, text)| format!("{}: {text}", view.name().replace('_', " ")))
            .collect();
        let ask = format!("{}. Which visible cues evoke {emotion}?", said.join("; "));
        Chat::about_image(&self.emotion_question(0))
            .assistant(emotion)
            .user([Content::Text(ask)])
    }

    /// The image's run of visual rows without the z tokens of these muted views.
    #[must_use]
    pub fn visual_run(&self, features: &Features, muted: &[View]) -> VisualRun {
        let z = self
            .aspects
            .0
            .keys()
            .filter(|view| !muted.contains(view))
            .map(|view| self.queries(*view))
            .sum();
        VisualRun {
            z,
            vision: Some(VisionRun {
                rows: features.run.dims().first().copied().unwrap_or(0),
                grid: features.grid,
            }),
        }
    }

    /// The rows that replace an image: z of the views that are not muted, then the vision tokens. Also gives each view's
    /// attention `[queries, tokens]`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn visual_rows(&self, features: &Features, muted: &[View]) -> Result<(VisualRows, Vec<Tensor>), EngineError> {
        let tokens = features.tokens()?.to_dtype(DType::F32)?.unsqueeze(0)?;
        let (mut rows, mut attention) = (Vec::new(), Vec::new());
        for (view, module) in &self.aspects.0 {
            let looked = module.forward(&tokens)?;
            attention.push(looked.attention.squeeze(0)?);
            if !muted.contains(view) {
                rows.push(looked.z.detach().squeeze(0)?.to_dtype(self.base.dtype)?);
            }
        }
        rows.push(features.run.clone());
        let rows = VisualRows {
            rows: Tensor::cat(&rows, 0)?,
            deep: features.deep.clone(),
        };
        Ok((rows, attention))
    }

    /// The rows of [`Self::visual_rows`] for several images; images of one size pass each module together.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn visual_rows_of(&self, features: &[&Features], muted: &[View]) -> Result<Vec<VisualRows>, EngineError> {
        let mut sizes: IndexMap<(usize, usize), Vec<usize>> = IndexMap::new();
        for (image, features) in features.iter().enumerate() {
            let size = (features.run.dim(0)?, features.grid.0 * features.grid.1);
            sizes.entry(size).or_default().push(image);
        }
        let mut rows = vec![None; features.len()];
        for ((_, tokens), images) in sizes {
            let runs: Vec<&Tensor> = images.iter().map(|&image| &features[image].run).collect();
            let runs = Tensor::stack(&runs, 0)?;
            let wide = runs.narrow(1, 0, tokens)?.to_dtype(DType::F32)?.contiguous()?;
            let spoken = self.aspects.0.iter().filter(|(view, _)| !muted.contains(view));
            let z = spoken.map(|(_, module)| module.forward(&wide)?.z.detach().to_dtype(self.base.dtype));
            let parts = z.chain([Ok(runs)]).collect::<candle_core::Result<Vec<_>>>()?;
            let all = Tensor::cat(&parts, 1)?;
            for (place, image) in images.into_iter().enumerate() {
                rows[image] = Some(VisualRows {
                    rows: all.get(place)?,
                    deep: features[image].deep.clone(),
                });
            }
        }
        Ok(rows.into_iter().flatten().collect())
    }

    /// z of one view `[queries, hidden]`, without a graph.
    ///
    /// # Errors
    /// Where the device fails or the view is not in use.
    pub fn z(&self, view: View, features: &Features) -> Result<Tensor, EngineError> {
        Ok(self
            .module(view)?
            .forward(&features.tokens()?.to_dtype(DType::F32)?.unsqueeze(0)?)?
            .z
            .squeeze(0)?)
    }

    fn module(&self, view: View) -> Result<&crate::aspects::AspectModule, EngineError> {
        self.aspects
            .0
            .get(&view)
            .ok_or_else(|| EngineError::Failed(format!("the aspect {view} is not in use")))
    }

    fn queries(&self, view: View) -> usize {
        self.aspects.0.get(&view).map_or(0, |module| module.query.dims()[0])
    }

    fn aspect_question(&self, view: View, template: usize) -> &str {
        let questions = self.questions.aspect(view);
        questions.get(template).or(questions.first()).map_or("", String::as_str)
    }

    fn emotion_question(&self, template: usize) -> String {
        let templates = self.questions.emotion();
        templates
            .get(template)
            .or(templates.first())
            .map_or_else(String::new, |t| t.question(&self.classes))
    }
}
