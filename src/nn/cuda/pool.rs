//! Configures the device's memory pool to keep freed memory.
//!
//! By default the driver returns freed memory to the system whenever the host waits for the device (once a step, once a
//! generated token), and maps it again for the next tensors: see the release threshold in the CUDA C++ Programming
//! Guide, "Stream-Ordered Memory Allocator".

use candle_core::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{DriverError, result, sys};

/// Keeps freed memory in the pool for the next tensors. Fails only on a device without stream-ordered memory, which has
/// no pool.
pub fn keep_freed_memory(device: &CudaDevice) -> Result<(), DriverError> {
    let stream = device.cuda_stream();
    let context = stream.context();
    if !context.has_async_alloc() {
        return Ok(());
    }
    let mut threshold = u64::MAX;
    // SAFETY: the device is an open context's, so its pool is valid; this attribute is a u64, read during the call alone.
    unsafe {
        let pool = result::device::get_mem_pool(context.cu_device())?;
        let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        result::mem_pool::set_attribute(pool, attribute, (&raw mut threshold).cast())
    }
}

/// What the pool holds of a device's memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// By tensors.
    pub used: u64,
    /// Freed, for the next tensors.
    pub kept: u64,
}

/// What the pool holds; nothing on a device without one.
pub fn held(device: &CudaDevice) -> Held {
    use sys::CUmemPool_attribute::{CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT, CU_MEMPOOL_ATTR_USED_MEM_CURRENT};
    let stream = device.cuda_stream();
    let context = stream.context();
    if !context.has_async_alloc() {
        return Held::default();
    }
    let bytes = |attribute| {
        let mut bytes = 0_u64;
        // SAFETY: the device is an open context's, so its pool is valid.
        let pool = unsafe { result::device::get_mem_pool(context.cu_device())? };
        // SAFETY: both attributes are a u64, which is written during the call alone.
        unsafe { result::mem_pool::get_attribute(pool, attribute, (&raw mut bytes).cast())? };
        Ok::<_, DriverError>(bytes)
    };
    match (
        bytes(CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT),
        bytes(CU_MEMPOOL_ATTR_USED_MEM_CURRENT),
    ) {
        (Ok(reserved), Ok(used)) => Held {
            used,
            kept: reserved.saturating_sub(used),
        },
        _ => Held::default(),
    }
}
