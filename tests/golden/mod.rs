//! The numbers of the reference code: see `MASP_REFERENCE` in the README.

pub mod families;
mod language;
pub mod reference;
mod stages;
mod vision;
