//! The numbers of the reference code: see `MASP_REFERENCE` in the README.

mod language;
mod reference;
mod stages;
mod vision;
