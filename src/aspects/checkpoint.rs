//! The project's checkpoints: safetensors files with the trained parameters, the optimiser's moments and, as string
//! metadata, everything that a run needs to go on.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use half::{bf16, f16};
use safetensors::{Dtype, tensor::TensorInfo};
use serde_json::{Map, Value, json};

pub use super::{
    checkpoint_error::CheckpointError,
    checkpoint_meta::{CheckpointMeta, FORMAT},
};
use super::{
    checkpoint_meta::{from_strings, to_strings},
    host_tensor::{HostTensor, count},
};
use crate::{
    atomic_file::write_atomically, bounded_file::open_regular, output_file::write_output,
    safetensors_header::read_header,
};

/// A checkpoint: parameters as `q_view.<view>` `[queries, hidden]`, `cross_attn.<view>.in_proj_weight`
/// `[3 hidden, hidden]`, `.in_proj_bias` `[3 hidden]`, `.out_proj.weight` `[hidden, hidden]`, `.out_proj.bias`
/// `[hidden]` and `soft_prompt` `[tokens, hidden]`; moments as `optimizer.exp_avg.<parameter>` and
/// `optimizer.exp_avg_sq.<parameter>`.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    pub meta: CheckpointMeta,
    pub tensors: BTreeMap<String, HostTensor>,
}

impl Checkpoint {
    /// Writes the checkpoint atomically, so that it never leaves a partial file. The same content gives the same bytes.
    ///
    /// # Errors
    /// [`CheckpointError::Write`]: what the file system reports, or a tensor whose shape does not fit its values.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        write_atomically(path, |file| write_all(file, &self.meta, &self.tensors))
            .map_err(|source| not_written(path, source))
    }

    /// Reads a checkpoint of [`Checkpoint::save`], with all its tensors.
    ///
    /// # Errors
    /// [`CheckpointError`]: unreadable, cut short, of a newer format, or not a run's checkpoint.
    pub fn load(path: &Path) -> Result<Self, CheckpointError> {
        let (meta, tensors) = load(path, |_| true)?;
        let meta = meta.ok_or_else(|| no_checkpoint(path))?;
        Ok(Self { meta, tensors })
    }

    /// Reads only a checkpoint's metadata; `None` if another program wrote the safetensors file.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn load_meta(path: &Path) -> Result<Option<CheckpointMeta>, CheckpointError> {
        load(path, |_| false).map(|(meta, _)| meta)
    }

    /// Checks that a run can resume from a file: it is complete, is a run's checkpoint, and all its numbers are finite.
    /// At most one tensor is in memory at a time.
    ///
    /// # Errors
    /// As [`Checkpoint::load`], and [`CheckpointError::NotFinite`].
    pub fn check(path: &Path) -> Result<(), CheckpointError> {
        let meta = each_tensor(
            path,
            |_| true,
            |name, tensor| {
                if tensor.is_finite() {
                    return Ok(());
                }
                Err(CheckpointError::NotFinite {
                    path: path.to_owned(),
                    name,
                })
            },
        )?;
        meta.map(drop).ok_or_else(|| no_checkpoint(path))
    }
}

fn no_checkpoint(path: &Path) -> CheckpointError {
    CheckpointError::NoCheckpoint {
        path: path.to_owned(),
        reason: "its metadata does not say which program and stage it is from".to_owned(),
    }
}

/// Writes tensors and their metadata as safetensors to a path that the user chose.
pub(super) fn export(
    path: &Path,
    meta: &CheckpointMeta,
    tensors: &BTreeMap<String, HostTensor>,
) -> Result<(), CheckpointError> {
    write_output(path, |file| write_all(file, meta, tensors)).map_err(|source| not_written(path, source))
}

/// Writes a checkpoint to an open file, one tensor after the other in the order of their names. `shapes` names them;
/// `values` gives a tensor's values in row-major order when its turn comes, so that the tensors of a device are copied
/// to the host one at a time.
///
/// # Errors
/// What `values` or the file system reports, or a tensor whose shape does not fit its values.
pub fn write_checkpoint<'a>(
    file: &mut File,
    meta: &CheckpointMeta,
    shapes: &BTreeMap<String, &[usize]>,
    mut values: impl FnMut(&str) -> io::Result<Cow<'a, [f32]>>,
) -> io::Result<()> {
    let header = header(meta, shapes)?;
    let mut file = BufWriter::new(file);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    for (name, &shape) in shapes {
        let values = values(name)?;
        if count(shape) != Some(values.len()) {
            let message = format!("the shape of {name} does not fit its values");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        for values in values.chunks(1 << 16) {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            file.write_all(&bytes)?;
        }
    }
    file.flush()
}

fn write_all(file: &mut File, meta: &CheckpointMeta, tensors: &BTreeMap<String, HostTensor>) -> io::Result<()> {
    let shapes = tensors.iter().map(|(name, tensor)| (name.clone(), &*tensor.shape));
    let shapes = shapes.collect();
    write_checkpoint(file, meta, &shapes, |name| Ok(Cow::from(&tensors[name].data)))
}

fn not_written(path: &Path, source: io::Error) -> CheckpointError {
    CheckpointError::Write {
        path: path.to_owned(),
        source,
    }
}

/// The file's JSON header. We write it ourselves because the safetensors crate writes the metadata in random order (the
/// bytes of two runs with one seed would differ), and makes the file readable by its owner only.
fn header(meta: &CheckpointMeta, shapes: &BTreeMap<String, &[usize]>) -> io::Result<Vec<u8>> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), Value::Object(to_strings(meta)?));
    let mut offset = 0usize;
    for (name, shape) in shapes {
        let bytes = count(shape).and_then(|count| count.checked_mul(4));
        let end = bytes.and_then(|bytes| offset.checked_add(bytes));
        let end = end.ok_or_else(|| io::Error::other(format!("{name} has too many values for a file")))?;
        let info = json!({ "dtype": "F32", "shape": shape, "data_offsets": [offset, end] });
        header.insert(name.clone(), info);
        offset = end;
    }
    let mut bytes = serde_json::to_vec(&header)?;
    bytes.resize(bytes.len().next_multiple_of(8), b' ');
    Ok(bytes)
}

/// Reads a safetensors file's metadata and the tensors that `wanted` names, as f32.
pub(super) fn load(
    path: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<(Option<CheckpointMeta>, BTreeMap<String, HostTensor>), CheckpointError> {
    let mut tensors = BTreeMap::new();
    let meta = each_tensor(path, wanted, |name, tensor| {
        tensors.insert(name, tensor);
        Ok(())
    })?;
    Ok((meta, tensors))
}

/// Passes the tensors that `wanted` selects on, one after the other. The file is read, not memory-mapped, because
/// another program may truncate it meanwhile.
fn each_tensor(
    path: &Path,
    wanted: impl Fn(&str) -> bool,
    mut each: impl FnMut(String, HostTensor) -> Result<(), CheckpointError>,
) -> Result<Option<CheckpointMeta>, CheckpointError> {
    let damaged = |reason: String| CheckpointError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::InvalidData => damaged(source.to_string()),
        io::ErrorKind::UnexpectedEof => damaged("it is cut short".to_owned()),
        _ => CheckpointError::Read {
            path: path.to_owned(),
            source,
        },
    };
    let file = open_regular(path).map_err(failed)?;
    let (metadata, begin) = read_header(&file).map_err(failed)?;
    let meta = match metadata.metadata() {
        Some(strings) => from_strings(path, strings)?,
        None => None,
    };
    for (name, info) in metadata.tensors().into_iter().filter(|(name, _)| wanted(name)) {
        let (from, to) = info.data_offsets;
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(to - from).is_err() {
            return Err(CheckpointError::Memory {
                path: path.to_owned(),
                name,
                bytes: to - from,
            });
        }
        bytes.resize(to - from, 0);
        file.read_exact_at(&mut bytes, begin + from as u64).map_err(failed)?;
        let tensor = to_host(info, &bytes).ok_or_else(|| CheckpointError::Content {
            path: path.to_owned(),
            wanted: "parameters of this program",
            reason: format!(
                "the tensor {name:?} has the element type {}, and parameters are F32, F16 or BF16",
                info.dtype
            ),
        })?;
        each(name, tensor)?;
    }
    Ok(meta)
}

/// A stored tensor as f32; `None` if its elements are not 16-bit or 32-bit floats.
fn to_host(info: &TensorInfo, bytes: &[u8]) -> Option<HostTensor> {
    let (words, halves) = (bytes.as_chunks().0.iter(), bytes.as_chunks().0.iter());
    let data = match info.dtype {
        Dtype::F32 => words.map(|&bytes| f32::from_le_bytes(bytes)).collect(),
        Dtype::F16 => halves.map(|&bytes| f16::from_le_bytes(bytes).to_f32()).collect(),
        Dtype::BF16 => halves.map(|&bytes| bf16::from_le_bytes(bytes).to_f32()).collect(),
        _ => return None,
    };
    HostTensor::new(info.shape.clone(), data)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, error::Error, fs, path::Path};

    use super::{Checkpoint, CheckpointError, CheckpointMeta};
    use crate::aspects::host_tensor::HostTensor;

    type Outcome = Result<(), Box<dyn Error>>;

    fn example() -> Checkpoint {
        let tensor = |shape: Vec<usize>, first: f32| {
            let count: usize = shape.iter().product();
            HostTensor::from_parts(shape, (0..count).map(|index| first + index as f32).collect())
        };
        Checkpoint {
            meta: CheckpointMeta::example(),
            tensors: BTreeMap::from([
                ("q_view.scene".to_owned(), tensor(vec![5, 4], -2.5)),
                (
                    "optimizer.exp_avg.q_view.scene".to_owned(),
                    tensor(vec![5, 4], f32::NEG_INFINITY),
                ),
                ("optimizer.exp_avg_sq.q_view.scene".to_owned(), tensor(vec![0], 0.0)),
            ]),
        }
    }

    #[test]
    fn a_loaded_checkpoint_is_saved_with_the_same_bytes() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.safetensors");
        let checkpoint = example();
        checkpoint.save(&path)?;
        let loaded = Checkpoint::load(&path)?;
        assert_eq!(loaded, checkpoint);
        assert_eq!(Checkpoint::load_meta(&path)?, Some(checkpoint.meta));
        let first = fs::read(&path)?;
        loaded.save(&path)?;
        assert_eq!(fs::read(&path)?, first);
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        // Other programs can read it.
        let other = safetensors::SafeTensors::deserialize(&first)?;
        assert_eq!(other.tensor("q_view.scene")?.shape(), [5, 4]);
        Ok(())
    }

    #[test]
    fn truncated_and_other_files_are_refused() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.safetensors");
        example().save(&path)?;
        let whole = fs::read(&path)?;
        let load = |bytes: &[u8]| -> Result<CheckpointError, Box<dyn Error>> {
            fs::write(&path, bytes)?;
            Ok(Checkpoint::load(&path).err().ok_or("it was loaded")?)
        };
        for length in [0, 7, 9, 200, whole.len() - 1] {
            assert!(
                matches!(load(&whole[..length])?, CheckpointError::Damaged { .. }),
                "{length}"
            );
        }
        let mut huge_header = whole.clone();
        huge_header[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(load(&huge_header)?, CheckpointError::Damaged { .. }));

        let text = "{\"__metadata__\":{\"format\":\"2\",\"program\":\"masp 9\",\"stage\":\"aspects\"}}";
        let newer = [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        assert!(matches!(load(&newer)?, CheckpointError::Newer { found: 2, .. }));
        let foreign = text.replace("program", "creator");
        let foreign = [&(foreign.len() as u64).to_le_bytes(), foreign.as_bytes()].concat();
        let fault = load(&foreign)?;
        assert!(matches!(fault, CheckpointError::NoCheckpoint { .. }));
        assert!(fault.to_string().contains("a.safetensors"), "{fault}");
        assert!(matches!(
            Checkpoint::load(Path::new("/no/such")),
            Err(CheckpointError::Read { .. })
        ));
        assert!(matches!(
            Checkpoint::load(folder.path()),
            Err(CheckpointError::Read { .. })
        ));
        Ok(())
    }

    #[test]
    fn a_checkpoint_that_cannot_be_written_leaves_the_old_one() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.safetensors");
        example().save(&path)?;
        let old = fs::read(&path)?;
        let mut wrong = example();
        wrong
            .tensors
            .insert("x".to_owned(), HostTensor::from_parts(vec![2], vec![0.0]));
        assert!(matches!(wrong.save(&path), Err(CheckpointError::Write { .. })));
        assert_eq!(fs::read(&path)?, old);
        Ok(())
    }
}
