//! All integration tests, in one binary so that they link once.

mod cli;
mod golden;
mod intervention;
mod reliability;
