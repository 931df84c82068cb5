//! All integration tests, in one binary so that they link once.

mod cli;
mod compatibility;
mod golden;
mod imports;
mod intervention;
mod on_cuda;
mod reliability;
