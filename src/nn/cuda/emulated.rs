//! Emulates the kernels on the CPU: `kernels.cu` compiled as C. Blocks run one after another; a block's threads take turns
//! at its barriers.

use std::cell::Cell;
use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, DType, Layout, Result};
use half::bf16;

use super::launch::{INPUTS, Launch};

const SOURCE: &str = concat!(
    include_str!("emulated.h"),
    include_str!("kernels.cu"),
    include_str!("emulated_main.h")
);
/// Must equal THREADS in emulated.h.
const THREADS: u32 = 8;

thread_local! {
    /// Whether this thread runs CPU tensors through the emulated kernels, as if the CPU were a CUDA device.
    pub(in crate::nn) static EMULATED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f` with this thread's CPU treated as a CUDA device.
pub fn emulated<R>(f: impl FnOnce() -> R) -> R {
    EMULATED.set(true);
    let result = f();
    EMULATED.set(false);
    result
}

/// One program per number format, started on first use; it ends with the test process.
struct Program {
    _child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

static PROGRAMS: LazyLock<[Mutex<Program>; 2]> = LazyLock::new(|| [start(&[]), start(&["-DBF16"])].map(Mutex::new));

fn start(format: &[&str]) -> Program {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let (source, program) = (folder.path().join("kernels.c"), folder.path().join("kernels"));
    fs::write(&source, SOURCE).expect("a file in it");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut command = Command::new(compiler);
    command.args(["-std=gnu11", "-O1"]).args(format);
    let status = command.arg(&source).arg("-o").arg(&program).arg("-lm").status();
    assert!(status.expect("a C compiler").success(), "the kernels compile as C");
    let child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = child.expect("the program starts");
    let (input, output) = (child.stdin.take(), child.stdout.take());
    Program {
        input: input.expect("its input"),
        output: output.expect("its output"),
        _child: child,
    }
}

/// The operands of a launch; those that are left out are `None`.
pub type Inputs<'a> = [Option<(&'a CpuStorage, &'a Layout)>; INPUTS];

/// The kernel's output for these inputs.
pub fn run(launch: &Launch, inputs: &Inputs<'_>) -> Result<CpuStorage> {
    let [.., output] = answered(launch, inputs, None)?;
    Ok(storage(launch.dtype, &output))
}

/// The inputs and the output of a kernel that changes what it is given.
pub fn change(
    launch: &Launch,
    inputs: &Inputs<'_>,
    output: (&CpuStorage, &Layout),
) -> Result<[CpuStorage; INPUTS + 1]> {
    let answered = answered(launch, inputs, Some(output))?;
    let dtypes = inputs
        .iter()
        .map(|input| input.map_or(DType::F32, |(storage, _)| storage.dtype()));
    let mut dtypes = dtypes.chain([output.0.dtype()]);
    Ok(answered.map(|bytes| storage(dtypes.next().unwrap_or(DType::F32), &bytes)))
}

/// What the program answers: the inputs' bytes if the output is given, and the output's.
fn answered(
    launch: &Launch,
    inputs: &Inputs<'_>,
    output: Option<(&CpuStorage, &Layout)>,
) -> Result<[Vec<u8>; INPUTS + 1]> {
    let of_first = inputs[0].is_some_and(|(storage, _)| storage.dtype() == DType::BF16);
    let is_bf16 = of_first || launch.dtype == DType::BF16;
    let given = inputs.map(|input| input.map_or_else(Vec::new, |(storage, layout)| bytes(storage, layout)));
    let own = output.map(|(storage, layout)| bytes(storage, layout));
    let of_output = launch.output.elem_count() * launch.dtype.size_in_bytes();
    let blocks = launch.work.blocks(THREADS);
    let mut line = format!("{} {} {blocks}", launch.kernel, u8::from(own.is_some()));
    launch.numbers.iter().for_each(|number| line += &format!(" {number}"));
    launch.reals.iter().for_each(|real| line += &format!(" {real:e}"));
    let sizes = given.iter().map(Vec::len).chain([of_output]);
    sizes.for_each(|size| line += &format!(" {size}"));
    let mut program = PROGRAMS[usize::from(is_bf16)]
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    program.input.write_all(format!("{line}\n").as_bytes())?;
    program.input.write_all(&given.concat())?;
    program.input.write_all(own.as_deref().unwrap_or_default())?;
    program.input.flush()?;
    let [first, second, third, fourth] = given;
    let mut answer = [first, second, third, fourth, vec![0; of_output]];
    let from = if own.is_some() { 0 } else { INPUTS };
    for bytes in &mut answer[from..] {
        program.output.read_exact(bytes)?;
    }
    Ok(answer)
}

fn storage(dtype: DType, bytes: &[u8]) -> CpuStorage {
    match dtype {
        DType::BF16 => CpuStorage::BF16(numbers(bytes, bf16::from_le_bytes)),
        DType::U32 => CpuStorage::U32(numbers(bytes, u32::from_le_bytes)),
        _ => CpuStorage::F32(numbers(bytes, f32::from_le_bytes)),
    }
}

fn numbers<T, const N: usize>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&bytes| read(bytes)).collect()
}

fn bytes(storage: &CpuStorage, layout: &Layout) -> Vec<u8> {
    // Of a part of wider rows the kernel gets all that follows, as on a device.
    let all = match storage {
        CpuStorage::F32(x) => x.len(),
        CpuStorage::BF16(x) => x.len(),
        _ => 0,
    };
    let (from, to) = layout.contiguous_offsets().unwrap_or((layout.start_offset(), all));
    match storage {
        CpuStorage::F32(x) => x[from..to].iter().flat_map(|x| x.to_le_bytes()).collect(),
        CpuStorage::BF16(x) => x[from..to].iter().flat_map(|x| x.to_le_bytes()).collect(),
        CpuStorage::U32(x) => x[from..to].iter().flat_map(|x| x.to_le_bytes()).collect(),
        CpuStorage::U8(x) => x[from..to].to_vec(),
        other => panic!("no kernel takes {:?}", other.dtype()),
    }
}
