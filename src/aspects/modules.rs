//! The aspect modules: learned queries that attend to the image's tokens, one module a view.

use candle_core::{DType, Device, Result, Tensor, Var, bail};
use indexmap::IndexMap;
use rand::Rng;
use rand::distr::{Distribution, Uniform};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::aspect_file::{AspectFile, AspectTensors};
use super::host_tensor::HostTensor;
use crate::data::View;
use crate::nn::attention::softmax;

/// How a fresh module is initialised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initial {
    /// Like PyTorch's `MultiheadAttention`: queries N(0, 1), projections uniform with bounds that depend on their
    /// widths.
    #[default]
    Reference,
    /// Queries N(0, 0.5); value and output projections are the identity, so that a narrow model starts from vectors
    /// that its language model already knows.
    Identity,
}

/// One view's queries and one-head attention (equation of `z` in the paper; `nn.MultiheadAttention(D, 1)`).
#[derive(Debug, Clone)]
pub struct AspectModule {
    /// `[queries, hidden]`
    pub query: Var,
    /// `[3 hidden, hidden]`: query, key and value projections stacked.
    pub in_proj_weight: Var,
    /// `[3 hidden]`
    pub in_proj_bias: Var,
    /// `[hidden, hidden]`
    pub out_proj_weight: Var,
    /// `[hidden]`
    pub out_proj_bias: Var,
}

/// The modules of the views in use, in the order in which their tokens stand before the image.
#[derive(Debug, Clone)]
pub struct AspectModules(pub IndexMap<View, AspectModule>);

/// A module's output for a batch of images.
#[derive(Debug, Clone)]
pub struct ModuleOutput {
    /// `[images, queries, hidden]`
    pub z: Tensor,
    /// `[images, queries, tokens]`; rows sum to 1.
    pub attention: Tensor,
}

impl AspectModule {
    /// A fresh module of f32 variables. The random numbers come from the CPU, so that every device starts from the same
    /// values.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn fresh(queries: usize, hidden: usize, initial: Initial, rng: &mut impl Rng, device: &Device) -> Result<Self> {
        let var = |values: Vec<f32>, shape: &[usize]| Var::from_tensor(&Tensor::from_vec(values, shape, device)?);
        let deviation = if initial == Initial::Identity { 0.5 } else { 1.0 };
        let query = (0..queries * hidden)
            .map(|_| deviation * rng.sample::<f32, _>(StandardNormal))
            .collect();
        let mut in_proj = uniform((6.0 / (4 * hidden) as f64).sqrt(), 3 * hidden * hidden, rng);
        let mut out_proj = uniform(1.0 / (hidden as f64).sqrt(), hidden * hidden, rng);
        if initial == Initial::Identity {
            for row in 0..hidden {
                for column in 0..hidden {
                    let one = if row == column { 1.0 } else { 0.0 };
                    in_proj[(2 * hidden + row) * hidden + column] = one;
                    out_proj[row * hidden + column] = one;
                }
            }
        }
        Ok(Self {
            query: var(query, &[queries, hidden])?,
            in_proj_weight: var(in_proj, &[3 * hidden, hidden])?,
            in_proj_bias: var(vec![0.0; 3 * hidden], &[3 * hidden])?,
            out_proj_weight: var(out_proj, &[hidden, hidden])?,
            out_proj_bias: var(vec![0.0; hidden], &[hidden])?,
        })
    }

    /// Attends to `tokens` `[images, tokens, hidden]` (f32), which come from images of the same size.
    ///
    /// The key projection is folded into the queries, and the value projection is applied after the attention. `(q Wq +
    /// bq)(v Wk + bk)^T` differs from `((q Wq + bq) Wk^T) v^T` by a constant per row, which the softmax cancels, and
    /// the weights of a row sum to 1. So the cost does not grow with `tokens * hidden^2`.
    ///
    /// # Errors
    /// Where shapes, dtypes or devices differ.
    pub fn forward(&self, tokens: &Tensor) -> Result<ModuleOutput> {
        let (images, _, hidden) = tokens.dims3()?;
        let part = |i: usize| self.in_proj_weight.narrow(0, i * hidden, hidden);
        let bias = |i: usize| self.in_proj_bias.narrow(0, i * hidden, hidden);
        let query = self.query.matmul(&part(0)?.t()?)?.broadcast_add(&bias(0)?)?;
        let folded = (query.matmul(&part(1)?)? * (1.0 / (hidden as f64).sqrt()))?;
        let queries = folded.dim(0)?;
        let folded = folded
            .unsqueeze(0)?
            .broadcast_as((images, queries, hidden))?
            .contiguous()?;
        let scores = folded.matmul(&tokens.transpose(1, 2)?)?;
        let attention = softmax(&scores)?;
        let pooled = attention.matmul(tokens)?.reshape((images * queries, hidden))?;
        let value = pooled.matmul(&part(2)?.t()?)?.broadcast_add(&bias(2)?)?;
        let z = value
            .matmul(&self.out_proj_weight.t()?)?
            .broadcast_add(&self.out_proj_bias)?;
        Ok(ModuleOutput {
            z: z.reshape((images, queries, hidden))?,
            attention: attention.detach(),
        })
    }

    /// The parameters under the names of checkpoint files.
    #[must_use]
    pub fn parameters(&self, view: View) -> [(String, Var); 5] {
        let attention = |name: &str| format!("cross_attn.{view}.{name}");
        [
            (format!("q_view.{view}"), self.query.clone()),
            (attention("in_proj_weight"), self.in_proj_weight.clone()),
            (attention("in_proj_bias"), self.in_proj_bias.clone()),
            (attention("out_proj.weight"), self.out_proj_weight.clone()),
            (attention("out_proj.bias"), self.out_proj_bias.clone()),
        ]
    }
}

impl AspectModules {
    /// Loads the modules of `views`, in this order, from a file.
    ///
    /// # Errors
    /// Where the file lacks a view, or the device fails.
    pub fn from_file(file: &AspectFile, views: &[View], device: &Device) -> Result<Self> {
        let var =
            |tensor: &HostTensor| Var::from_tensor(&Tensor::from_slice(&tensor.data, tensor.shape.as_slice(), device)?);
        let module = |view: &View| {
            let Some(tensors) = file.views.get(view) else {
                bail!("the file has no module for {view}");
            };
            Ok((
                *view,
                AspectModule {
                    query: var(&tensors.query)?,
                    in_proj_weight: var(&tensors.in_proj_weight)?,
                    in_proj_bias: var(&tensors.in_proj_bias)?,
                    out_proj_weight: var(&tensors.out_proj_weight)?,
                    out_proj_bias: var(&tensors.out_proj_bias)?,
                },
            ))
        };
        Ok(Self(views.iter().map(module).collect::<Result<_>>()?))
    }

    /// Takes a file's values, with its number of queries. The large tensors are overwritten, so that at no time do both
    /// sets stand on the device.
    ///
    /// # Errors
    /// Where the file lacks a view or is of another width, or the device fails.
    pub fn set(&mut self, file: &AspectFile) -> Result<()> {
        for (view, module) in &mut self.0 {
            let Some(from) = file.views.get(view) else {
                bail!("the file has no module for {view}");
            };
            let device = module.query.device().clone();
            let tensor = |tensor: &HostTensor| Tensor::from_slice(&tensor.data, tensor.shape.as_slice(), &device);
            module.query = Var::from_tensor(&tensor(&from.query)?)?;
            module.in_proj_weight.set(&tensor(&from.in_proj_weight)?)?;
            module.in_proj_bias.set(&tensor(&from.in_proj_bias)?)?;
            module.out_proj_weight.set(&tensor(&from.out_proj_weight)?)?;
            module.out_proj_bias.set(&tensor(&from.out_proj_bias)?)?;
        }
        Ok(())
    }

    /// The modules as a file holds them.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn to_file(&self) -> Result<AspectFile> {
        let tensors = |(view, module): (&View, &AspectModule)| {
            let tensors = AspectTensors {
                query: to_host(&module.query)?,
                in_proj_weight: to_host(&module.in_proj_weight)?,
                in_proj_bias: to_host(&module.in_proj_bias)?,
                out_proj_weight: to_host(&module.out_proj_weight)?,
                out_proj_bias: to_host(&module.out_proj_bias)?,
            };
            Ok((*view, tensors))
        };
        Ok(AspectFile {
            views: self.0.iter().map(tensors).collect::<Result<_>>()?,
        })
    }

    /// Fresh modules for `views`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn fresh(
        views: &[View],
        queries: usize,
        hidden: usize,
        initial: Initial,
        rng: &mut impl Rng,
        device: &Device,
    ) -> Result<Self> {
        let module = |&view: &View| Ok((view, AspectModule::fresh(queries, hidden, initial, rng, device)?));
        Ok(Self(views.iter().map(module).collect::<Result<_>>()?))
    }

    /// All parameters, in the order of the views.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, Var)> {
        self.0
            .iter()
            .flat_map(|(view, module)| module.parameters(*view))
            .collect()
    }

    /// Every module's output for one image's merged tokens `[tokens, hidden]`, without an autograd graph: z `[views *
    /// queries, hidden]` (f32) in the order of the views, and each view's attention `[queries, tokens]`.
    ///
    /// # Errors
    /// Where shapes or devices differ.
    pub fn look(&self, tokens: &Tensor) -> Result<(Tensor, Vec<Tensor>)> {
        let tokens = tokens.to_dtype(DType::F32)?.unsqueeze(0)?;
        let (mut z, mut attention) = (Vec::new(), Vec::new());
        for module in self.0.values() {
            let looked = module.forward(&tokens)?;
            z.push(looked.z.detach().squeeze(0)?);
            attention.push(looked.attention.squeeze(0)?);
        }
        Ok((Tensor::cat(&z, 0)?, attention))
    }
}

fn uniform(bound: f64, count: usize, rng: &mut impl Rng) -> Vec<f32> {
    match Uniform::new_inclusive(-bound as f32, bound as f32) {
        Ok(uniform) => uniform.sample_iter(rng).take(count).collect(),
        // Never reached: the bound is finite and positive for every possible width.
        Err(_) => vec![0.0; count],
    }
}

/// Copies a tensor from any device to host memory, as files store it.
///
/// # Errors
/// Where the device fails.
pub fn to_host(tensor: &Tensor) -> Result<HostTensor> {
    Ok(HostTensor::from_parts(
        tensor.dims().to_vec(),
        tensor.flatten_all()?.to_vec1::<f32>()?,
    ))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::{AspectModules, Initial};
    use crate::data::View;

    #[test]
    fn a_files_values_are_taken_in_place_with_its_number_of_queries() -> candle_core::Result<()> {
        let views = [View::Scene, View::Object];
        let fresh = |queries, seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            AspectModules::fresh(&views, queries, 8, Initial::Reference, &mut rng, &Device::Cpu)
        };
        let (mut modules, other) = (fresh(3, 1)?, fresh(5, 2)?.to_file()?);
        let identity = |modules: &AspectModules| modules.0[&View::Object].in_proj_weight.id();
        let before = identity(&modules);
        modules.set(&other)?;
        assert_eq!(modules.to_file()?, other);
        assert_eq!(identity(&modules), before);
        Ok(())
    }
}
