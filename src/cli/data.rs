pub fn run(_: &super::args::DataCommand) -> Result<std::process::ExitCode, super::failure::Failure> { unimplemented!() }
