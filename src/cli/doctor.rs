pub fn run(_: &super::args::DoctorArgs) -> Result<std::process::ExitCode, super::failure::Failure> { unimplemented!() }
