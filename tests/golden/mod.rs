//! The numbers of the reference code: see `MASP_REFERENCE` in tests/README.md.

pub mod families;
mod language;
pub mod reference;
mod stages;
mod vision;
