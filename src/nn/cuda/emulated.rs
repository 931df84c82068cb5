//! The kernels on the CPU: `kernels.cu` compiled as C, its blocks one after another, the threads of a block as threads.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, DType, Layout, Result, bail};
use half::bf16;
use tempfile::TempDir;

use super::operation::Launch;

const SOURCE: &str = concat!(
    include_str!("emulated.h"),
    include_str!("kernels.cu"),
    include_str!("emulated_main.h")
);
/// THREADS of emulated.h.
const THREADS: u32 = 8;

static PROGRAMS: LazyLock<(TempDir, [PathBuf; 2])> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let source = folder.path().join("kernels.c");
    fs::write(&source, SOURCE).expect("a file in it");
    let compile = |name: &str, format: &[&str]| {
        let program = folder.path().join(name);
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let mut command = Command::new(compiler);
        command.args(["-std=gnu11", "-O1", "-pthread"]).args(format);
        let status = command.arg(&source).arg("-o").arg(&program).arg("-lm").status();
        assert!(status.expect("a C compiler").success(), "the kernels compile as C");
        program
    };
    let programs = [compile("f32", &[]), compile("bf16", &["-DBF16"])];
    (folder, programs)
});

/// What the kernel gives for these operands.
pub fn run(launch: &Launch, operands: [(&CpuStorage, &Layout); 3]) -> Result<CpuStorage> {
    let bytes = operands.map(|(storage, layout)| bytes(storage, layout));
    let output = launch.output.elem_count();
    let output = output * launch.dtype.size_in_bytes();
    let program = &PROGRAMS.1[usize::from(operands[0].0.dtype() == DType::BF16)];
    let mut child = Command::new(program)
        .args([launch.kernel.to_owned(), launch.real.to_string()])
        .args(launch.numbers.map(|number| number.to_string()))
        .arg(launch.work.blocks(THREADS).to_string())
        .args(bytes.iter().map(|bytes| bytes.len().to_string()))
        .arg(output.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&bytes.concat())?;
    }
    let done = child.wait_with_output()?;
    if !done.status.success() || done.stdout.len() != output {
        bail!("{} ended with {}", launch.kernel, done.status);
    }
    Ok(match launch.dtype {
        DType::BF16 => CpuStorage::BF16(numbers(&done.stdout, bf16::from_le_bytes)),
        _ => CpuStorage::F32(numbers(&done.stdout, f32::from_le_bytes)),
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
