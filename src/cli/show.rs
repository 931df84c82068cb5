pub fn show(_: &std::path::Path, _: &crate::session::Prediction) -> std::io::Result<()> { unimplemented!() }
