//! Cells of the tables of sessions and of groups.

use crate::{
    runs::Column,
    text::{columns, fit, pad},
};

/// The narrowest a text is cut to so that figures stand beside it.
pub const NARROWEST: usize = 8;
/// Columns between two columns of a table.
pub const GAP: usize = 2;

/// A cell in its width: numbers stand right, texts left.
pub fn aligned(text: &str, width: usize, column: &Column) -> String {
    if column.is_text() {
        return pad(text, width);
    }
    let text = fit(text, width);
    let spaces = width.saturating_sub(columns(&text));
    " ".repeat(spaces) + &text
}
