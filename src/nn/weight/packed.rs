//! A matrix in a compact format, on any device.

use candle_core::{DType, Device, Result, Storage, Tensor, bail};
use rayon::prelude::*;

use super::format::Format;
use crate::nn::backend::Backend;
use crate::nn::cpu::{Buffer, Real};
use crate::nn::cuda;

/// Numbers that a task unpacks: whole blocks of every format.
const GRAIN: usize = 1 << 14;

/// A frozen matrix `[rows, columns]` whose numbers are stored row after row in blocks; a block may span rows.
#[derive(Clone, Debug)]
pub struct Packed {
    format: Format,
    /// `[bytes]` (u8), on the device.
    bytes: Tensor,
    rows: usize,
    columns: usize,
    /// What it is unpacked to.
    dtype: DType,
}

impl Packed {
    /// The matrix of `[rows, columns]` in `bytes`, computed with in `dtype` on `device`.
    ///
    /// # Errors
    /// If the bytes are not that many, and where the device fails.
    pub fn new(
        format: Format,
        bytes: Vec<u8>,
        (rows, columns): (usize, usize),
        (dtype, device): (DType, &Device),
    ) -> Result<Self> {
        if format.bytes_of(rows * columns) != Some(bytes.len()) {
            bail!("{} bytes for a matrix [{rows}, {columns}] in {format:?}", bytes.len());
        }
        let count = bytes.len();
        Ok(Self {
            format,
            bytes: Tensor::from_vec(bytes, count, device)?,
            rows,
            columns,
            dtype,
        })
    }

    /// Rows and columns.
    #[must_use]
    pub const fn dims(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// What it is unpacked to.
    #[must_use]
    pub const fn dtype(&self) -> DType {
        self.dtype
    }

    /// Where it is.
    #[must_use]
    pub fn device(&self) -> &Device {
        self.bytes.device()
    }

    /// The first `count` rows; the bytes are shared.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn first_rows(&self, count: usize) -> Result<Self> {
        self.check(0, count)?;
        Ok(Self {
            rows: count,
            ..self.clone()
        })
    }

    /// The numbers `[count, columns]` of the rows from `from` on. On a CUDA device their memory comes from the stream's
    /// pool and goes back when they are dropped, so that one matrix after another is unpacked into the same place.
    ///
    /// # Errors
    /// If there are fewer rows, and where the device fails.
    pub fn rows(&self, from: usize, count: usize) -> Result<Tensor> {
        self.check(from, count)?;
        if Backend::on(self.device(), self.dtype) == Backend::Kernels {
            let of_rows = (from, count, self.columns);
            return cuda::unpack(self.format, &self.bytes, of_rows, self.dtype);
        }
        let mut numbers = vec![0.0_f32; count * self.columns];
        self.on_cpu(|bytes| unpack(self.format, bytes, from * self.columns, &mut numbers))?;
        self.tensor(numbers, count)
    }

    /// The numbers `[ids, columns]` of these rows.
    ///
    /// # Errors
    /// If there is no such row, and where the device fails.
    pub fn gather(&self, ids: &[u32]) -> Result<Tensor> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.rows) {
            bail!("row {id} of a matrix of {} rows", self.rows);
        }
        if Backend::on(self.device(), self.dtype) == Backend::Kernels {
            let ids = Tensor::new(ids, self.device())?;
            return cuda::unpack_rows(self.format, &self.bytes, (&ids, self.columns), self.dtype);
        }
        let mut numbers = vec![0.0_f32; ids.len() * self.columns];
        self.on_cpu(|bytes| {
            for (&id, row) in ids.iter().zip(numbers.chunks_mut(self.columns.max(1))) {
                self.format.unpack(bytes, id as usize * self.columns, row);
            }
        })?;
        self.tensor(numbers, ids.len())
    }

    /// Calls `f` with the numbers of at most so many rows at a time, and with the first one's index.
    ///
    /// # Errors
    /// If the matrix is not on the CPU.
    pub(in crate::nn) fn pieces<T: Real>(&self, rows: usize, mut f: impl FnMut(usize, &[T])) -> Result<()> {
        let mut numbers = Buffer::of(rows.min(self.rows) * self.columns);
        self.on_cpu(|bytes| {
            for from in (0..self.rows).step_by(rows.max(1)) {
                let count = rows.min(self.rows - from);
                let numbers = &mut numbers[..count * self.columns];
                unpack(self.format, bytes, from * self.columns, numbers);
                f(from, numbers);
            }
        })
    }

    /// All numbers, in working memory.
    ///
    /// # Errors
    /// If the matrix is not on the CPU.
    pub(in crate::nn) fn buffer<T: Real>(&self) -> Result<Buffer<T>> {
        let mut numbers = Buffer::of(self.rows * self.columns);
        self.on_cpu(|bytes| unpack(self.format, bytes, 0, &mut numbers))?;
        Ok(numbers)
    }

    fn check(&self, from: usize, count: usize) -> Result<()> {
        match from.checked_add(count) {
            Some(end) if end <= self.rows => Ok(()),
            _ => bail!("{count} rows from {from} on of a matrix of {} rows", self.rows),
        }
    }

    fn tensor(&self, numbers: Vec<f32>, rows: usize) -> Result<Tensor> {
        let numbers = Tensor::from_vec(numbers, (rows, self.columns), &Device::Cpu)?;
        numbers.to_dtype(self.dtype)?.to_device(self.device())
    }

    /// Calls `f` with the bytes; those on a device without kernels are copied to the CPU first.
    fn on_cpu<R>(&self, f: impl FnOnce(&[u8]) -> R) -> Result<R> {
        let bytes = self.bytes.to_device(&Device::Cpu)?;
        let (storage, layout) = bytes.storage_and_layout();
        match (&*storage, layout.contiguous_offsets()) {
            (Storage::Cpu(storage), Some((from, to))) => Ok(f(&storage.as_slice::<u8>()?[from..to])),
            _ => bail!("the bytes of a matrix are not contiguous"),
        }
    }
}

/// As [`Format::unpack`], by all threads.
fn unpack<T: Real>(format: Format, bytes: &[u8], from: usize, out: &mut [T]) {
    out.par_chunks_mut(GRAIN)
        .enumerate()
        .for_each(|(n, out)| format.unpack(bytes, from + n * GRAIN, out));
}
