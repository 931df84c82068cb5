//! Emulates the kernels on the CPU: `kernels.cu` compiled as C. Blocks run one after another; a block's threads are
//! real threads.

use std::cell::Cell;
use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, DType, Layout, Result};
use half::bf16;

use super::launch::Launch;

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
    command.args(["-std=gnu11", "-O1", "-pthread"]).args(format);
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

/// The kernel's output for these operands.
pub fn run(launch: &Launch, operands: [(&CpuStorage, &Layout); 3]) -> Result<CpuStorage> {
    let bytes = operands.map(|(storage, layout)| bytes(storage, layout));
    let mut output = vec![0; launch.output.elem_count() * launch.dtype.size_in_bytes()];
    let mut line = format!("{} {:e}", launch.kernel, launch.real);
    let sizes = bytes.iter().map(Vec::len).chain([output.len()]);
    let blocks = launch.work.blocks(THREADS) as usize;
    let numbers_then_sizes = launch
        .numbers
        .iter()
        .map(|&number| number as usize)
        .chain([blocks])
        .chain(sizes);
    numbers_then_sizes.for_each(|number| line += &format!(" {number}"));
    let program = &PROGRAMS[usize::from(operands[0].0.dtype() == DType::BF16)];
    let mut program = program.lock().unwrap_or_else(PoisonError::into_inner);
    program.input.write_all(format!("{line}\n").as_bytes())?;
    program.input.write_all(&bytes.concat())?;
    program.input.flush()?;
    program.output.read_exact(&mut output)?;
    Ok(match launch.dtype {
        DType::BF16 => CpuStorage::BF16(numbers(&output, bf16::from_le_bytes)),
        _ => CpuStorage::F32(numbers(&output, f32::from_le_bytes)),
    })
}

fn numbers<T, const N: usize>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&bytes| read(bytes)).collect()
}

fn bytes(storage: &CpuStorage, layout: &Layout) -> Vec<u8> {
    let (from, to) = layout.contiguous_offsets().expect("contiguous operands");
    match storage {
        CpuStorage::F32(x) => x[from..to].iter().flat_map(|x| x.to_le_bytes()).collect(),
        CpuStorage::BF16(x) => x[from..to].iter().flat_map(|x| x.to_le_bytes()).collect(),
        CpuStorage::U32(x) => x[from..to].iter().flat_map(|x| x.to_le_bytes()).collect(),
        other => panic!("no kernel takes {:?}", other.dtype()),
    }
}
