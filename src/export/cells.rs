//! Cells and rows of CSV files.

/// A number as a cell, all its digits; empty where it is not finite.
pub(super) fn number(value: f64) -> String {
    if value.is_finite() {
        // The loss of an answer with probability 1 is -0.0; adding 0.0 drops the sign.
        (value + 0.0).to_string()
    } else {
        String::new()
    }
}

/// The rows as one CSV text; the first row is the header.
pub(super) fn csv(rows: Vec<Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Writing to memory does not fail, and all rows have the same length.
        let _ = writer.write_record(row);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
