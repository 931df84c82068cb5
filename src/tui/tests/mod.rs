//! The screens as a person meets them: pictures of them at several sizes, and keys through the real loop.

use crate as masp;

mod made_up;
mod screens;
mod scripts;
