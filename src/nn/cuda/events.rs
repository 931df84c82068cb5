//! Turns off the events that cudarc would make for each tensor.
//!
//! They order the work of several streams. A device opened by candle has one stream a thread, for which cudarc makes two
//! events a tensor and never uses them; each costs two calls of the driver.

use candle_core::CudaDevice;

/// Makes no more events for tensors of `device`.
pub fn without_events(device: &CudaDevice) {
    if !device.cuda_stream().context().is_in_multi_stream_mode() {
        // SAFETY: cudarc waits for events only where a context has several streams, which this one has not: what is
        // promised here, that streams are not mixed, holds with and without events.
        unsafe { device.disable_event_tracking() };
    }
}
