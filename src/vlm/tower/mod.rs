//! The building blocks of all families' vision towers.

mod block;
mod grid;
mod grid_config;
mod merge_order;
mod merger;
mod parameters;
mod position;
mod sizes;
mod windowed;
mod windows;

pub use block::{Activation, Block, Mlp, Norm, Qkv};
pub use grid::GridTower;
pub use grid_config::GridConfig;
pub use merge_order::{merge_order, vision_angles};
pub use merger::Merger;
pub use parameters::{layer_norm, patch_embedding};
pub use position::PositionTable;
pub use sizes::{GridKeys, GridSizes};
pub use windowed::Windowed;
