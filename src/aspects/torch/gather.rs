//! From a storage's bytes to the values of a view into it.

use half::{bf16, f16};

use super::object::{Element, TensorView};
use crate::aspects::host_tensor::HostTensor;

/// The bytes of a storage that a tensor sees, and how many bytes its values take.
#[derive(Clone, Copy)]
pub struct Span {
    pub start: u64,
    pub end: u64,
    pub values: u64,
}

impl Span {
    /// `None` if the arithmetic overflows.
    pub fn of(view: &TensorView) -> Option<Self> {
        let size = view.element.size() as u64;
        let mut count = 1u64;
        let mut last = view.offset as u64;
        for (&dim, &stride) in view.shape.iter().zip(&view.strides) {
            count = count.checked_mul(dim as u64)?;
            last = last.checked_add((dim.saturating_sub(1) as u64).checked_mul(stride as u64)?)?;
        }
        let start = (view.offset as u64).checked_mul(size)?;
        let end = last.checked_add(u64::from(count > 0))?.checked_mul(size)?;
        let end = if count == 0 { start } else { end };
        Some(Self {
            start,
            end,
            values: count.checked_mul(size)?,
        })
    }
}

/// A view's values in row-major order. Byte `first` of `bytes` is the view's first.
pub fn gather(bytes: &[u8], view: &TensorView, first: usize) -> Option<HostTensor> {
    let size = view.element.size();
    let count: usize = view.shape.iter().product();
    let mut data = Vec::with_capacity(count);
    let mut index = vec![0usize; view.shape.len()];
    let mut at = first;
    for _ in 0..count {
        data.push(value(bytes.get(at..at + size)?, view.element)?);
        for (axis, position) in index.iter_mut().enumerate().rev() {
            // The multiplication wraps only on an axis of length 1, where the stride is never used.
            let step = view.strides.get(axis)?.wrapping_mul(size);
            *position += 1;
            if *position < *view.shape.get(axis)? {
                at += step;
                break;
            }
            at -= step * (*position - 1);
            *position = 0;
        }
    }
    HostTensor::new(view.shape.clone(), data)
}

fn value(bytes: &[u8], element: Element) -> Option<f32> {
    Some(match element {
        Element::F16 => f16::from_le_bytes(bytes.try_into().ok()?).to_f32(),
        Element::Bf16 => bf16::from_le_bytes(bytes.try_into().ok()?).to_f32(),
        Element::F32 => f32::from_le_bytes(bytes.try_into().ok()?),
        Element::F64 => f64::from_le_bytes(bytes.try_into().ok()?) as f32,
        Element::U8 => f32::from(u8::from_le_bytes(bytes.try_into().ok()?)),
        Element::I8 => f32::from(i8::from_le_bytes(bytes.try_into().ok()?)),
        Element::I16 => f32::from(i16::from_le_bytes(bytes.try_into().ok()?)),
        Element::I32 => i32::from_le_bytes(bytes.try_into().ok()?) as f32,
        Element::I64 => i64::from_le_bytes(bytes.try_into().ok()?) as f32,
    })
}
