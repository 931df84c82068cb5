fn main() -> std::process::ExitCode {
    masp::cli::run()
}
