/// A training step takes and gives back the same large pieces of memory again and again: this allocator keeps them, where
/// the system's hands them back and gets them anew, page by page (a tenth of a training step's time).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    masp::cli::run()
}
