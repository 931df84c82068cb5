//! Compiles the kernels for CUDA devices and starts them there.

use std::mem::size_of;
use std::sync::OnceLock;

use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaStream, DevicePtr, DevicePtrMut, DeviceRepr, LaunchConfig, PushKernelArg, SyncOnDrop,
};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use candle_core::cuda_backend::{CudaDType, CudaStorageSlice, WrapErr};
use candle_core::{CudaDevice, CudaStorage, DType, Layout, Result, bail};

use super::launch::{INPUTS, Launch};

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

/// The inputs of a launch that [`super::operation::Operation::launch`] has checked; those that are left out are `None`.
pub type Inputs<'a> = [Option<(&'a CudaStorage, &'a Layout)>; INPUTS];

/// Launches a kernel, whose first input is there. It writes the whole output.
///
/// # Errors
/// If the kernels could not be compiled, or the device fails.
pub fn run(launch: &Launch, inputs: &Inputs<'_>) -> Result<CudaStorage> {
    match launch.dtype {
        DType::F32 => fresh::<f32>(launch, inputs),
        DType::BF16 => fresh::<half::bf16>(launch, inputs),
        other => bail!("no kernel gives {other:?}"),
    }
}

fn fresh<T: CudaDType + DeviceRepr>(launch: &Launch, inputs: &Inputs<'_>) -> Result<CudaStorage> {
    let device = device_of(inputs)?;
    let stream = device.cuda_stream();
    // SAFETY: every element is written by the kernel before anything reads it: kernels of rows write whole rows, the
    // others have a thread for each element (or pair) of the output.
    let mut output = unsafe { device.alloc::<T>(launch.output.elem_count())? };
    let (place, held) = output.device_ptr_mut(&stream);
    start(launch, inputs, place)?;
    drop(held);
    Ok(CudaStorage::wrap_cuda_slice(output, device.clone()))
}

/// Memory for `count` numbers of the format of `like`, which a kernel is about to write.
///
/// # Errors
/// If the device fails, or no kernel gives such numbers.
pub fn unwritten(like: &CudaStorage, count: usize) -> Result<CudaStorage> {
    let device = &like.device;
    // SAFETY: as in `fresh`: the kernels that are given this memory write all of it before anything reads it.
    unsafe {
        Ok(match &like.slice {
            CudaStorageSlice::F32(_) => CudaStorage::wrap_cuda_slice(device.alloc::<f32>(count)?, device.clone()),
            CudaStorageSlice::BF16(_) => {
                CudaStorage::wrap_cuda_slice(device.alloc::<half::bf16>(count)?, device.clone())
            }
            _ => bail!("no kernel gives numbers of this format"),
        })
    }
}

/// Launches a kernel that changes `output`, which it gets as it is, and may change its inputs. They may be shared with
/// other tensors, which then change too: all work of a thread on a device is done in order.
///
/// # Errors
/// As [`run`].
pub fn change(launch: &Launch, inputs: &Inputs<'_>, output: (&CudaStorage, &Layout)) -> Result<()> {
    let stream = device_of(inputs)?.cuda_stream();
    let (place, _place) = address(output, &stream)?;
    start(launch, inputs, place)
}

fn device_of<'a>(inputs: &Inputs<'a>) -> Result<&'a CudaDevice> {
    match inputs[0] {
        Some((storage, _)) => Ok(&storage.device),
        None => bail!("a kernel without operands"),
    }
}

fn start(launch: &Launch, inputs: &Inputs<'_>, output: u64) -> Result<()> {
    let blocks = launch.work.blocks(THREADS);
    if blocks == 0 {
        return Ok(());
    }
    let (device, Ok(compiled)) = (device_of(inputs)?, compiled()) else {
        bail!("the kernels do not compile");
    };
    let first = inputs[0].map(|(storage, _)| &storage.slice);
    let (module, ptx) = if launch.dtype == DType::BF16 || matches!(first, Some(CudaStorageSlice::BF16(_))) {
        ("masp-bf16", &compiled.bf16)
    } else {
        ("masp-f32", &compiled.f32)
    };
    let kernel = device.get_or_load_custom_func(launch.kernel, module, ptx)?;
    let stream = device.cuda_stream();
    let mut places = [0; INPUTS];
    let mut guards = Vec::with_capacity(INPUTS);
    for (place, input) in places.iter_mut().zip(inputs) {
        if let Some(input) = input {
            let (at, guard) = address(*input, &stream)?;
            *place = at;
            guards.push(guard);
        }
    }
    let mut arguments = kernel.builder();
    places.iter().for_each(|place| {
        arguments.arg(place);
    });
    arguments.arg(&output);
    for number in &launch.numbers {
        arguments.arg(number);
    }
    for real in &launch.reals {
        arguments.arg(real);
    }
    let config = LaunchConfig {
        grid_dim: (blocks, 1, 1),
        block_dim: (THREADS, 1, 1),
        shared_mem_bytes: 0,
    };
    // SAFETY: the arguments are those of every kernel in kernels.cu (five addresses, six whole numbers, four real ones);
    // `Operation::launch` has checked that the operands are contiguous and as large as the numbers say.
    unsafe { arguments.launch(config) }.w()?;
    Ok(())
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
        CudaStorageSlice::U8(slice) => begin(slice, from, stream),
        _ => bail!("no kernel takes these numbers: {:?}", layout.shape()),
    })
}
