//! Files of trained aspect modules: read from the project's checkpoints and from the reference's PyTorch files.

use std::path::Path;

use indexmap::IndexMap;

use super::{
    checkpoint::{self, CheckpointError, CheckpointMeta},
    host_tensor::HostTensor,
    parameter_file::{check_hidden_size, content, is_torch_name, read_tensors},
    torch::{TorchDict, TorchValue, write_torch},
};
use crate::data::View;

const ASPECTS: &str = "aspect modules (q_view.<aspect>, cross_attn.<aspect>.*)";

/// One view's queries and cross-attention.
#[derive(Debug, Clone, PartialEq)]
pub struct AspectTensors {
    /// `[queries, hidden]`.
    pub query: HostTensor,
    /// Query, key and value projections, `[3 hidden, hidden]`.
    pub in_proj_weight: HostTensor,
    /// `[3 hidden]`.
    pub in_proj_bias: HostTensor,
    /// `[hidden, hidden]`.
    pub out_proj_weight: HostTensor,
    /// `[hidden]`.
    pub out_proj_bias: HostTensor,
}

impl AspectTensors {
    /// The tensors under their names in checkpoints.
    fn named(&self, view: View) -> [(String, &HostTensor); 5] {
        let [query, in_weight, in_bias, out_weight, out_bias] = names(view);
        [
            (query, &self.query),
            (in_weight, &self.in_proj_weight),
            (in_bias, &self.in_proj_bias),
            (out_weight, &self.out_proj_weight),
            (out_bias, &self.out_proj_bias),
        ]
    }
}

fn names(view: View) -> [String; 5] {
    let part = |part: &str| format!("cross_attn.{view}.{part}");
    [
        format!("q_view.{view}"),
        part("in_proj_weight"),
        part("in_proj_bias"),
        part("out_proj.weight"),
        part("out_proj.bias"),
    ]
}

/// The aspect modules of a file; all have the same hidden size.
#[derive(Debug, Clone, PartialEq)]
pub struct AspectFile {
    /// In the order of [`View::ALL`].
    pub views: IndexMap<View, AspectTensors>,
}

impl AspectFile {
    /// The modules' hidden size; 0 where there are none.
    #[must_use]
    pub fn hidden_size(&self) -> usize {
        self.views
            .values()
            .next()
            .and_then(|view| view.query.shape.get(1))
            .copied()
            .unwrap_or(0)
    }

    /// Checks that the modules match the base model's hidden size and include the requested views. `path` is used only
    /// in the error message.
    ///
    /// # Errors
    /// [`CheckpointError::HiddenSize`], [`CheckpointError::Content`].
    pub fn require(&self, path: &Path, hidden_size: usize, views: &[View]) -> Result<(), CheckpointError> {
        check_hidden_size(path, self.hidden_size(), hidden_size)?;
        match views.iter().find(|view| !self.views.contains_key(*view)) {
            Some(view) => Err(content(
                path,
                ASPECTS,
                format!("the aspect {view} is missing; leave it out of aspects.views, or train it"),
            )),
            None => Ok(()),
        }
    }
}

/// Reads aspect modules from a checkpoint (safetensors) or one of the reference's PyTorch files.
///
/// # Errors
/// [`CheckpointError`]: unreadable, cut short, without complete aspect modules, or of shapes that do not fit.
pub fn read_aspects(path: &Path) -> Result<AspectFile, CheckpointError> {
    let wanted = |name: &str| name.starts_with("q_view.") || name.starts_with("cross_attn.");
    let mut tensors = read_tensors(path, wanted)?;
    let mut views = IndexMap::new();
    for view in View::ALL {
        let found = names(view).map(|name| tensors.remove(&name).ok_or(name));
        if found.iter().all(Result::is_err) {
            continue;
        }
        let [query, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias] = found;
        let missing = |name: String| {
            content(
                path,
                ASPECTS,
                format!("the tensor {name} of the aspect {view} is missing"),
            )
        };
        let aspect = AspectTensors {
            query: query.map_err(missing)?,
            in_proj_weight: in_proj_weight.map_err(missing)?,
            in_proj_bias: in_proj_bias.map_err(missing)?,
            out_proj_weight: out_proj_weight.map_err(missing)?,
            out_proj_bias: out_proj_bias.map_err(missing)?,
        };
        views.insert(view, aspect);
    }
    if views.is_empty() {
        return Err(content(
            path,
            ASPECTS,
            "there are none in it; a soft prompt goes to --load-ckpt or --init-prompt".to_owned(),
        ));
    }
    if let Some((name, _)) = tensors.iter().find(|(name, _)| wanted(name)) {
        return Err(content(
            path,
            ASPECTS,
            format!("it names an unknown aspect or part, {name:?}"),
        ));
    }
    let file = AspectFile { views };
    check_shapes(path, &file)?;
    Ok(file)
}

/// Writes aspect modules: as the reference's PyTorch file if the name ends in `.pth` or `.pt`, otherwise as safetensors
/// with `meta`. The write is atomic: it never leaves a partial file.
///
/// # Errors
/// [`CheckpointError`]: what the file system reports.
pub fn write_aspects(path: &Path, file: &AspectFile, meta: &CheckpointMeta) -> Result<(), CheckpointError> {
    if !is_torch_name(path) {
        let named = file.views.iter().flat_map(|(view, aspect)| aspect.named(*view));
        let tensors = named.map(|(name, tensor)| (name, tensor.clone())).collect();
        return checkpoint::export(path, meta, &tensors);
    }
    let mut queries = TorchDict::new();
    let mut attention = TorchDict::new();
    for (view, aspect) in &file.views {
        queries.insert(view.to_string(), TorchValue::Tensor(&aspect.query));
        let parts = [
            ("in_proj_weight", &aspect.in_proj_weight),
            ("in_proj_bias", &aspect.in_proj_bias),
            ("out_proj.weight", &aspect.out_proj_weight),
            ("out_proj.bias", &aspect.out_proj_bias),
        ];
        let parts = parts.map(|(name, tensor)| (name.to_owned(), TorchValue::Tensor(tensor)));
        attention.insert(view.to_string(), TorchValue::Dict(parts.into_iter().collect()));
    }
    let dict = [
        ("q_view", TorchValue::Dict(queries)),
        ("cross_attn", TorchValue::Dict(attention)),
        ("fuser", TorchValue::None),
    ];
    Ok(write_torch(
        path,
        &dict.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
    )?)
}

/// All shapes must follow from one hidden size.
fn check_shapes(path: &Path, file: &AspectFile) -> Result<(), CheckpointError> {
    let hidden = file.hidden_size();
    for (view, aspect) in &file.views {
        let queries = aspect.query.shape.first().copied().unwrap_or(0);
        let three = hidden.saturating_mul(3);
        let expected: [&[usize]; 5] = [
            &[queries.max(1), hidden.max(1)],
            &[three, hidden],
            &[three],
            &[hidden, hidden],
            &[hidden],
        ];
        for ((name, tensor), expected) in aspect.named(*view).into_iter().zip(expected) {
            if tensor.shape != expected {
                let found = &tensor.shape;
                return Err(content(
                    path,
                    ASPECTS,
                    format!("the shape of {name} is {found:?} instead of {expected:?}"),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{error::Error, fs, path::Path};

    use super::{AspectFile, read_aspects, write_aspects};
    use crate::{
        aspects::{
            checkpoint::{CheckpointError, CheckpointMeta},
            host_tensor::HostTensor,
            torch::read_torch,
        },
        data::View,
    };

    type Outcome = Result<(), Box<dyn Error>>;

    /// Modules of hidden size 2 for two views.
    fn example() -> AspectFile {
        let tensor = |shape: &[usize]| HostTensor {
            shape: shape.to_vec(),
            data: (0..shape.iter().product::<usize>()).map(|index| index as f32).collect(),
        };
        let aspect = || super::AspectTensors {
            query: tensor(&[5, 2]),
            in_proj_weight: tensor(&[6, 2]),
            in_proj_bias: tensor(&[6]),
            out_proj_weight: tensor(&[2, 2]),
            out_proj_bias: tensor(&[2]),
        };
        AspectFile {
            views: [View::Object, View::Scene]
                .map(|view| (view, aspect()))
                .into_iter()
                .collect(),
        }
    }

    #[test]
    fn both_kinds_of_file_hold_the_same() -> Outcome {
        let folder = tempfile::tempdir()?;
        let file = example();
        for name in ["a.safetensors", "a.pth", "a.PT", "a"] {
            let path = folder.path().join(name);
            write_aspects(&path, &file, &CheckpointMeta::example())?;
            let is_zip = fs::read(&path)?.starts_with(b"PK");
            assert_eq!(is_zip, name.to_lowercase().contains(".p"), "{name}");
            assert_eq!(read_aspects(&path)?, file, "{name}");
        }
        file.require(Path::new("x"), 2, &[View::Scene])?;
        let size = file.require(Path::new("x"), 3, &[View::Scene]);
        assert!(matches!(
            size,
            Err(CheckpointError::HiddenSize {
                found: 2,
                expected: 3,
                ..
            })
        ));
        let view = file.require(Path::new("x"), 2, &[View::Scene, View::Brightness]);
        assert!(view.is_err_and(|fault| fault.to_string().contains("brightness")));
        Ok(())
    }

    #[test]
    fn the_references_files_are_read_and_written_unchanged() -> Outcome {
        let Some(reference) = std::env::var_os("MASP_REFERENCE") else {
            eprintln!("skipped: MASP_REFERENCE is not set");
            return Ok(());
        };
        let folder = tempfile::tempdir()?;
        let checkpoints = Path::new(&reference).join("golden/checkpoints");
        for name in [
            "aspect.pth",
            "aspect_cuda_tagged.pth",
            "aspect_trained.pth",
            "aspect_old_version_with_fuser.pth",
        ] {
            let original = checkpoints.join(name);
            let file = read_aspects(&original)?;
            file.require(&original, 64, &View::ALL)?;
            let copy = folder.path().join(name);
            write_aspects(&copy, &file, &CheckpointMeta::example())?;
            let mut expected = read_torch(&original)?;
            expected.retain(|key, _| !key.starts_with("fuser."));
            assert_eq!(read_torch(&copy)?, expected, "{name}");
        }
        let fault = read_aspects(&checkpoints.join("soft_prompt.pt"));
        assert!(fault.is_err_and(|fault| fault.to_string().contains("--load-ckpt")));
        Ok(())
    }

    #[test]
    fn incomplete_modules_and_wrong_shapes_are_refused() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.safetensors");
        let refused = |spoil: &dyn Fn(&mut AspectFile)| -> Result<String, Box<dyn Error>> {
            let mut file = example();
            spoil(&mut file);
            write_aspects(&path, &file, &CheckpointMeta::example())?;
            Ok(read_aspects(&path).err().ok_or("it was read")?.to_string())
        };
        let shape = refused(&|file| {
            if let Some(scene) = file.views.get_mut(&View::Scene) {
                scene.in_proj_bias = HostTensor::from_parts(vec![2], vec![0.0; 2]);
            }
        })?;
        assert!(
            shape.contains("cross_attn.scene.in_proj_bias") && shape.contains("[6]"),
            "{shape}"
        );
        let empty = refused(&|file| file.views.clear())?;
        assert!(empty.contains("there are none"), "{empty}");

        let mut tensors = crate::aspects::parameter_file::read_tensors(&path, |_| true)?;
        tensors.insert("q_view.scene".to_owned(), HostTensor::from_parts(vec![1, 1], vec![0.0]));
        crate::aspects::checkpoint::export(&path, &CheckpointMeta::example(), &tensors)?;
        let missing = read_aspects(&path).err().ok_or("it was read")?.to_string();
        assert!(
            missing.contains("cross_attn.scene.in_proj_weight of the aspect scene is missing"),
            "{missing}"
        );
        Ok(())
    }
}
