//! Tensors as a file that `torch.load(path, weights_only=True)` reads.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{TorchDict, TorchError, TorchValue};
use crate::aspects::host_tensor::HostTensor;
use crate::output_file::write_output;

/// The alignment of torch.save's records, which allows mapping them into memory.
const ALIGNMENT: u16 = 64;

/// Writes a dictionary in the layout of `torch.save`: `archive/data.pkl` (protocol 2), and one uncompressed record of
/// little-endian f32 numbers per tensor. It refuses the same paths as [`write_output`].
///
/// # Errors
/// [`TorchError::Write`]: what the file system reports, or a tensor whose shape does not fit its values.
pub fn write_torch(path: &Path, dict: &TorchDict<'_>) -> Result<(), TorchError> {
    let mut pickler = Pickler::default();
    let written = pickler
        .value_of_file(dict)
        .and_then(|()| write_output(path, |file| write_archive(file, &pickler.bytes, &pickler.storages)));
    written.map_err(|source| TorchError::Write {
        path: path.to_owned(),
        source,
    })
}

fn write_archive(file: &mut File, pickle: &[u8], storages: &[&HostTensor]) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .with_alignment(ALIGNMENT);
    let mut archive = ZipWriter::new(BufWriter::new(file));
    archive.start_file("archive/data.pkl", options)?;
    archive.write_all(pickle)?;
    archive.start_file("archive/byteorder", options)?;
    archive.write_all(b"little")?;
    for (key, tensor) in storages.iter().enumerate() {
        let bytes = 4 * tensor.data.len() as u64;
        archive.start_file(
            format!("archive/data/{key}"),
            options.large_file(bytes >= u64::from(u32::MAX)),
        )?;
        for values in tensor.data.chunks(1 << 16) {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            archive.write_all(&bytes)?;
        }
    }
    archive.start_file("archive/version", options)?;
    archive.write_all(b"3\n")?;
    archive.finish()?.flush()
}

/// Writes pickle instructions and records which tensors they refer to.
#[derive(Default)]
struct Pickler<'a> {
    bytes: Vec<u8>,
    storages: Vec<&'a HostTensor>,
}

impl<'a> Pickler<'a> {
    fn value_of_file(&mut self, dict: &TorchDict<'a>) -> io::Result<()> {
        self.bytes.extend([0x80, 2]);
        self.dict(dict)?;
        self.bytes.push(b'.');
        Ok(())
    }

    fn dict(&mut self, dict: &TorchDict<'a>) -> io::Result<()> {
        self.bytes.extend(b"}(");
        for (key, value) in dict {
            self.text(key)?;
            match value {
                TorchValue::None => self.bytes.push(b'N'),
                TorchValue::Tensor(tensor) => self.tensor(tensor)?,
                TorchValue::Dict(dict) => self.dict(dict)?,
            }
        }
        self.bytes.push(b'u');
        Ok(())
    }

    fn tensor(&mut self, tensor: &'a HostTensor) -> io::Result<()> {
        if !tensor.is_consistent() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a tensor's shape does not fit its values",
            ));
        }
        self.bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        self.text("storage")?;
        self.bytes.extend(b"ctorch\nFloatStorage\n");
        self.text(&self.storages.len().to_string())?;
        self.text("cpu")?;
        self.integer(tensor.data.len());
        self.bytes.extend(b"tQ");
        self.integer(0);
        self.sizes(&tensor.shape);
        self.sizes(&strides(&tensor.shape));
        // The arguments requires_grad and hooks (an empty OrderedDict).
        self.bytes.extend(b"\x89ccollections\nOrderedDict\n)RtR");
        self.storages.push(tensor);
        Ok(())
    }

    fn sizes(&mut self, sizes: &[usize]) {
        self.bytes.push(b'(');
        for &size in sizes {
            self.integer(size);
        }
        self.bytes.push(b't');
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.bytes.push(b'X');
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(text.as_bytes());
        Ok(())
    }

    fn integer(&mut self, value: usize) {
        if let Ok(value) = u8::try_from(value) {
            self.bytes.extend([b'K', value]);
        } else if let Ok(value) = u16::try_from(value) {
            self.bytes.push(b'M');
            self.bytes.extend(value.to_le_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.bytes.push(b'J');
            self.bytes.extend(value.to_le_bytes());
        } else {
            // LONG1 with 8 bytes: no length in memory reaches the sign bit.
            self.bytes.extend([0x8a, 8]);
            self.bytes.extend((value as u64).to_le_bytes());
        }
    }
}

/// Row-major strides, in elements.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}
