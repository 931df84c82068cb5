//! The device's memory pool, which keeps what is freed.
//!
//! The driver's default is to give freed memory back whenever the host waits for the device (once a step, once a
//! generated token), and to map it anew for the next tensors: CUDA C++ Programming Guide, "Stream-Ordered Memory
//! Allocator", on the release threshold.

use candle_core::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{DriverError, result, sys};

/// Lets freed memory wait in the pool for the next tensor; only a device without stream-ordered memory has no pool.
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
