//! Both stages of MASP: sequences, losses, gradients, label scores, and some steps of the optimiser.

use candle_core::{DType, Tensor, Var};

use super::report::Report;
use super::slice::{Slice, StageCase, Trajectory};
use crate::aspects::{AspectModules, Batch, PositionRule, PromptRows, Sequence, VisualRows, Visuals};
use crate::config::Schedule;
use crate::data::View;
use crate::engine::adamw::{AdamW, Gradients, clip_factor};
use crate::engine::error::EngineError;
use crate::engine::schedule::LearningRate;
use crate::nn::loss;
use crate::vlm::decoder::{Positions, Vocabulary};
use crate::vlm::vision::Features;

/// The ids before an answer as a sequence: image tokens become visual rows, ids beyond the tokenizer's become prompt rows.
pub fn open(slice: &Slice, ids: &[u32]) -> Sequence {
    let mut sequence = Sequence::default();
    let mut ids = ids;
    let image = slice.image();
    while let Some(&id) = ids.first() {
        let run = |is: &dyn Fn(u32) -> bool| ids.iter().take_while(|&&id| is(id)).count();
        let is_prompt = |id: u32| id as usize >= slice.cases.tokenizer_tokens && id != image;
        let taken = if id == image {
            let rows = run(&|id| id == image);
            sequence.visual(rows, None, PositionRule::Paper);
            rows
        } else if is_prompt(id) {
            sequence.prompt(slice.cases.prompt_tokens);
            slice.cases.prompt_tokens
        } else {
            sequence.text(&[id]);
            1
        };
        ids = ids.get(taken..).unwrap_or_default();
    }
    sequence
}

/// The ids before the answer; behind the answer, `cases.tail` tokens of the template follow.
fn before_answer<'a>(slice: &Slice, case: &'a StageCase) -> &'a [u32] {
    &case.ids[..case.ids.len().saturating_sub(case.answer.len() + slice.cases.tail)]
}

fn answered(slice: &Slice, case: &StageCase) -> Sequence {
    let mut sequence = open(slice, before_answer(slice, case));
    sequence.answer(&case.answer);
    sequence
}

/// The mean loss of a case of stage 1, with its graph.
fn loss_1(
    slice: &Slice,
    modules: &AspectModules,
    features: &Features,
    case: &StageCase,
    recompute: bool,
) -> Result<Tensor, EngineError> {
    let view = case.view.unwrap_or(View::Scene);
    let module = modules.0.get(&view).ok_or_else(|| missing(view))?;
    let z = module
        .forward(&features.tokens()?.to_dtype(DType::F32)?.unsqueeze(0)?)?
        .z;
    let z = z.flatten(0, 1)?;
    let sequences = [answered(slice, case)];
    let batch = Batch::splice(&slice.model.decoder, &sequences, &Visuals::Trained(&z), None)?;
    mean_loss(slice, &batch, Vocabulary::Full, recompute)
}

fn loss_2(
    slice: &Slice,
    rows: &VisualRows,
    prompt: &Var,
    case: &StageCase,
    recompute: bool,
) -> Result<Tensor, EngineError> {
    let visuals = std::slice::from_ref(rows);
    let sequences = [answered(slice, case)];
    let prompt = prompt.as_tensor();
    let (language, trained) = (&slice.model.decoder, PromptRows::trained(prompt));
    let batch = Batch::splice(language, &sequences, &Visuals::Constant(visuals), Some(&trained))?;
    mean_loss(slice, &batch, vocabulary(slice, prompt), recompute)
}

fn mean_loss(slice: &Slice, batch: &Batch, vocabulary: Vocabulary, recompute: bool) -> Result<Tensor, EngineError> {
    let logits = batch.logits(&slice.model.decoder, vocabulary, recompute)?;
    Ok((loss::cross_entropy_sum(&logits, &batch.tokens)? / batch.tokens.dim(0)? as f64)?)
}

pub fn vocabulary<'a>(slice: &Slice, prompt: &'a Tensor) -> Vocabulary<'a> {
    Vocabulary::Prompted {
        tokens: slice.cases.tokenizer_tokens,
        prompt,
    }
}

/// z of all aspects before the vision tokens, as in stage 2.
pub fn rows(slice: &Slice, features: &Features) -> Result<VisualRows, EngineError> {
    let (z, _) = slice.modules()?.look(&features.tokens()?)?;
    Ok(VisualRows {
        rows: Tensor::cat(&[&z.to_dtype(slice.dtype)?, &features.run], 0)?,
        deep: features.deep.clone(),
    })
}

pub fn prompt(slice: &Slice) -> Result<Var, EngineError> {
    Ok(Var::from_tensor(&slice.want("prompt_init")?.to_device(&slice.device)?)?)
}

fn scalar(tensor: &Tensor) -> Result<f64, EngineError> {
    Ok(f64::from(tensor.to_dtype(DType::F32)?.to_scalar::<f32>()?))
}

fn missing(what: impl std::fmt::Display) -> EngineError {
    EngineError::Failed(format!("the self-test slice has no {what}"))
}

/// Losses and gradients of stage 1, with and without gradient checkpointing.
pub fn stage_1(slice: &Slice, features: &Features, report: &mut Report) -> Result<(), EngineError> {
    let bounds = report.bounds;
    for (index, case) in slice.cases.stage1.iter().enumerate() {
        for recompute in [false, true] {
            let modules = slice.modules()?;
            let loss = loss_1(slice, &modules, features, case, recompute)?;
            let name = format!("stage1.{index}{}", if recompute { ", recomputed" } else { "" });
            report.near(&format!("{name}: loss"), &[scalar(&loss)?], &[case.loss], bounds.values);
            let grads = loss.backward()?;
            for (parameter, want) in slice.all(&format!("stage1.{index}.grad."))? {
                let var = modules.parameters().into_iter().find(|(name, _)| name == parameter);
                let grad = var.and_then(|(_, var)| grads.get(&var).cloned());
                let grad = without_keys(parameter, &grad.ok_or_else(|| missing(parameter))?)?;
                let want = without_keys(parameter, want)?;
                report.close(
                    &format!("{name}: gradient of {parameter}"),
                    &grad,
                    &want,
                    bounds.gradients,
                )?;
            }
        }
    }
    Ok(())
}

/// `in_proj_bias` without its key part: that part's true gradient is 0, so AdamW's steps there are round-off.
fn without_keys(parameter: &str, x: &Tensor) -> Result<Tensor, EngineError> {
    if !parameter.ends_with("in_proj_bias") {
        return Ok(x.clone());
    }
    let hidden = x.dim(0)? / 3;
    Ok(Tensor::cat(
        &[x.narrow(0, 0, hidden)?, x.narrow(0, 2 * hidden, hidden)?],
        0,
    )?)
}

/// Losses, gradients and label scores of stage 2.
pub fn stage_2(slice: &Slice, features: &Features, report: &mut Report) -> Result<(), EngineError> {
    let bounds = report.bounds;
    let rows = rows(slice, features)?;
    let language = &slice.model.decoder;
    for (index, case) in slice.cases.stage2.iter().enumerate() {
        for recompute in [false, true] {
            let prompt = prompt(slice)?;
            let loss = loss_2(slice, &rows, &prompt, case, recompute)?;
            let name = format!("stage2.{index}{}", if recompute { ", recomputed" } else { "" });
            report.near(&format!("{name}: loss"), &[scalar(&loss)?], &[case.loss], bounds.values);
            let grads = loss.backward()?;
            let grad = grads.get(&prompt).ok_or_else(|| missing("gradient of the prompt"))?;
            let want = slice.want(&format!("stage2.{index}.grad.prompt"))?;
            report.close(&format!("{name}: gradient of the prompt"), grad, want, bounds.gradients)?;
        }
        let prompt = prompt(slice)?;
        let mut sequence = open(slice, before_answer(slice, case));
        sequence.text(&case.answer[..slice.cases.lead]);
        sequence.alternatives(case.labels.iter().map(|label| label.ids.as_slice()));
        let visuals = Visuals::Constant(std::slice::from_ref(&rows));
        let constant = PromptRows::constant(prompt.as_tensor())?;
        let batch = Batch::splice(language, &[sequence], &visuals, Some(&constant))?;
        let got = batch.scores(language, vocabulary(slice, prompt.as_tensor()))?;
        let want: Vec<f64> = case.labels.iter().map(|label| label.log_likelihood).collect();
        report.near(
            &format!("stage2.{index}: label scores"),
            &got.concat(),
            &want,
            bounds.values,
        );
    }
    Ok(())
}

/// Greedy decoding with the KV cache, prompt and aspects in place. Checked in f32 alone: two tokens' logits may be too close
/// for bf16 to tell apart.
pub fn greedy(slice: &Slice, features: &Features, report: &mut Report) -> Result<(), EngineError> {
    if slice.dtype != DType::F32 {
        return Ok(());
    }
    let (language, greedy) = (&slice.model.decoder, &slice.cases.greedy);
    let prompt = prompt(slice)?;
    let prompt = prompt.as_detached_tensor();
    let rows = rows(slice, features)?;
    let visuals = Visuals::Constant(std::slice::from_ref(&rows));
    let constant = PromptRows::constant(&prompt)?;
    let batch = Batch::splice(language, &[open(slice, &greedy.prompt_ids)], &visuals, Some(&constant))?;
    let mut mask = batch.mask.clone();
    let mut cache = batch.cache(language, greedy.tokens.len())?;
    let (mut x, mut positions, mut deep) = (batch.embeddings, batch.positions, batch.deep);
    let mut tokens = Vec::with_capacity(greedy.tokens.len());
    for _ in &greedy.tokens {
        let hidden = language.forward_cached(&x, &positions, &mask, (None, deep.as_ref()), &mut cache)?;
        deep = None;
        let last = hidden.narrow(1, hidden.dim(1)? - 1, 1)?.squeeze(1)?;
        let token = language
            .logits(&last, vocabulary(slice, &prompt))?
            .argmax(1)?
            .to_vec1::<u32>()?;
        // A prompt's row may be chosen: it stands behind the tokenizer's rows.
        let table = Tensor::cat(
            &[
                language.embeddings().rows(0, slice.cases.tokenizer_tokens)?,
                prompt.clone(),
            ],
            0,
        )?;
        x = table
            .index_select(&Tensor::new(token.as_slice(), &slice.device)?, 0)?
            .unsqueeze(1)?;
        tokens.extend(token);
        mask.push_shared();
        positions = Positions::sequential(&mask).last(1);
    }
    report.equal("greedy tokens", tokens == greedy.tokens);
    Ok(())
}

/// Six steps of each stage.
pub fn trajectories(slice: &Slice, features: &Features, report: &mut Report) -> Result<(), EngineError> {
    let cases = &slice.cases;
    let modules = slice.modules()?;
    let trained = train(slice, modules.parameters(), cases.optimiser.peak_lr.stage1, |step| {
        let case = cases
            .stage1
            .get(step % cases.stage1.len())
            .ok_or_else(|| missing("case"))?;
        loss_1(slice, &modules, features, case, false)
    })?;
    compare(slice, "trajectory_stage1", &trained, &cases.trajectory_stage1, report)?;
    let (after, before) = (modules.to_file()?, slice.modules()?.to_file()?);
    let asked = |view: &View| cases.stage1.iter().any(|case| case.view == Some(*view));
    let untouched = cases.views.iter().filter(|view| !asked(view));
    let same = untouched
        .clone()
        .all(|view| after.views.get(view) == before.views.get(view));
    report.equal("trajectory_stage1: views that were not asked about stay", same);

    let rows = rows(slice, features)?;
    let prompt = prompt(slice)?;
    let parameters = vec![("prompt".to_owned(), prompt.clone())];
    let trained = train(slice, parameters, cases.optimiser.peak_lr.stage2, |step| {
        let case = cases
            .stage2
            .get(step % cases.stage2.len())
            .ok_or_else(|| missing("case"))?;
        loss_2(slice, &rows, &prompt, case, false)
    })?;
    compare(slice, "trajectory_stage2", &trained, &cases.trajectory_stage2, report)
}

struct Trained {
    losses: Vec<f64>,
    grad_norms: Vec<f64>,
    parameters: Vec<(String, Var)>,
}

fn train(
    slice: &Slice,
    parameters: Vec<(String, Var)>,
    peak: f64,
    loss: impl Fn(usize) -> Result<Tensor, EngineError>,
) -> Result<Trained, EngineError> {
    let optimiser = &slice.cases.optimiser;
    let steps = slice.cases.trajectory_stage1.losses.len();
    let rate = LearningRate {
        peak,
        warmup: optimiser.warmup_steps,
        total: steps as u64,
        shape: Schedule::Linear,
    };
    let mut adam = AdamW::new(parameters.clone(), optimiser.weight_decay)?;
    let (mut losses, mut grad_norms) = (Vec::new(), Vec::new());
    for step in 0..steps {
        let loss = loss(step)?;
        losses.push(scalar(&loss)?);
        let mut gradients = Gradients::default();
        gradients.add(&adam, loss.backward()?)?;
        let norm = gradients.norm()?;
        grad_norms.push(norm);
        adam.step(
            &gradients,
            rate.at(step as u64 + 1),
            clip_factor(norm, optimiser.max_grad_norm),
        )?;
    }
    Ok(Trained {
        losses,
        grad_norms,
        parameters,
    })
}

fn compare(
    slice: &Slice,
    name: &str,
    got: &Trained,
    want: &Trajectory,
    report: &mut Report,
) -> Result<(), EngineError> {
    let bounds = report.bounds;
    for (step, (got, want)) in got.losses.iter().zip(&want.losses).enumerate() {
        report.near(
            &format!("{name}: loss of step {}", step + 1),
            &[*got],
            &[*want],
            bounds.values,
        );
    }
    report.near(
        &format!("{name}: grad norms"),
        &got.grad_norms,
        &want.grad_norms,
        bounds.gradients,
    );
    for (parameter, want) in slice.all(&format!("{name}."))? {
        let var = got.parameters.iter().find(|(name, _)| name == parameter);
        let (_, var) = var.ok_or_else(|| missing(parameter))?;
        let (got, want) = (without_keys(parameter, var)?, without_keys(parameter, want)?);
        report.close(&format!("{name}: {parameter}"), &got, &want, bounds.trained)?;
    }
    Ok(())
}
