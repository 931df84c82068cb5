/// A training step allocates and frees the same large blocks again and again. This allocator keeps them; the system's one
/// returns them to the kernel and maps them again page by page, which took a tenth of a training step's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    masp::cli::run()
}
