//! Compiles the kernels for CUDA devices and starts them there.

use std::mem::size_of;
use std::sync::OnceLock;

use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaStream, DevicePtr, DevicePtrMut, DeviceRepr, LaunchConfig, PushKernelArg, SyncOnDrop,
};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use candle_core::cuda_backend::{CudaDType, CudaStorageSlice, WrapErr};
use candle_core::{CudaDevice, CudaStorage, DType, Layout, Result, bail};

use super::launch::Launch;

const SOURCE: &str = concat!(include_str!("prologue.cuh"), include_str!("kernels.cu"));
/// Must equal THREADS in the kernels' prologue.
const THREADS: u32 = 256;

/// The compiled kernels (PTX), in f32 and in bf16.
pub struct Compiled {
    f32: String,
    bf16: String,
}

static COMPILED: OnceLock<std::result::Result<Compiled, String>> = OnceLock::new();

/// The compiled kernels. They are compiled at the first call of this process.
///
/// # Errors
/// A message: what the compiler says, or that it is not installed.
pub fn compiled() -> std::result::Result<&'static Compiled, String> {
    COMPILED.get_or_init(compile).as_ref().map_err(Clone::clone)
}

fn compile() -> std::result::Result<Compiled, String> {
    let compile = |options: &[&str]| {
        let options = CompileOptions {
            options: options.iter().map(|&option| option.to_owned()).collect(),
            ..CompileOptions::default()
        };
        // cudarc panics if the compiler's library is missing.
        let compiled = std::panic::catch_unwind(|| compile_ptx_with_opts(SOURCE, options));
        match compiled {
            Ok(Ok(ptx)) => Ok(ptx.to_src()),
            Ok(Err(error)) => Err(format!("they do not compile: {error}")),
            Err(_) => Err("NVRTC, CUDA's compiler, is not installed".to_owned()),
        }
    };
    Ok(Compiled {
        f32: compile(&[])?,
        bf16: compile(&["-DBF16"])?,
    })
}

/// Launches a kernel on operands that [`super::operation::Operation::launch`] has checked.
///
/// # Errors
/// If the kernels could not be compiled, or the device fails.
pub fn run(launch: &Launch, operands: [(&CudaStorage, &Layout); 3]) -> Result<CudaStorage> {
    match launch.dtype {
        DType::F32 => start::<f32>(launch, operands),
        DType::BF16 => start::<half::bf16>(launch, operands),
        other => bail!("no kernel gives {other:?}"),
    }
}

fn start<T: CudaDType + DeviceRepr>(launch: &Launch, operands: [(&CudaStorage, &Layout); 3]) -> Result<CudaStorage> {
    let device: &CudaDevice = &operands[0].0.device;
    let Ok(compiled) = compiled() else {
        bail!("the kernels do not compile");
    };
    let (module, ptx) = match &operands[0].0.slice {
        CudaStorageSlice::BF16(_) => ("masp-bf16", &compiled.bf16),
        _ => ("masp-f32", &compiled.f32),
    };
    let kernel = device.get_or_load_custom_func(launch.kernel, module, ptx)?;
    let stream = device.cuda_stream();
    // SAFETY: every element is written by the kernel before anything reads it: kernels of rows write whole rows, the
    // others have a thread for each element (or pair) of the output.
    let mut output = unsafe { device.alloc::<T>(launch.output.elem_count())? };
    let blocks = launch.work.blocks(THREADS);
    if blocks > 0 {
        let (first, _first) = address(operands[0], &stream)?;
        let (second, _second) = address(operands[1], &stream)?;
        let (third, _third) = address(operands[2], &stream)?;
        let (place, _place) = output.device_ptr_mut(&stream);
        let mut arguments = kernel.builder();
        for address in [&first, &second, &third, &place] {
            arguments.arg(address);
        }
        for number in &launch.numbers {
            arguments.arg(number);
        }
        arguments.arg(&launch.real);
        let config = LaunchConfig {
            grid_dim: (blocks, 1, 1),
            block_dim: (THREADS, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: the arguments are those of every kernel in kernels.cu (four addresses, six numbers, a real number);
        // `Operation::launch` has checked that the operands are contiguous and as large as the numbers say.
        unsafe { arguments.launch(config) }.w()?;
    }
    Ok(CudaStorage::wrap_cuda_slice(output, device.clone()))
}

/// An operand's address on the device. The guard must live until the kernel is launched.
fn address<'a>((storage, layout): (&'a CudaStorage, &Layout), stream: &'a CudaStream) -> Result<(u64, SyncOnDrop<'a>)> {
    fn begin<'a, T>(slice: &'a CudaSlice<T>, from: usize, stream: &'a CudaStream) -> (u64, SyncOnDrop<'a>) {
        let (address, guard) = slice.device_ptr(stream);
        (address + (from * size_of::<T>()) as u64, guard)
    }
    let from = layout.start_offset();
    Ok(match &storage.slice {
        CudaStorageSlice::F32(slice) => begin(slice, from, stream),
        CudaStorageSlice::BF16(slice) => begin(slice, from, stream),
        CudaStorageSlice::U32(slice) => begin(slice, from, stream),
        _ => bail!("no kernel takes these numbers: {:?}", layout.shape()),
    })
}
