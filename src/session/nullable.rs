//! JSON knows no NaN and no infinity: such a value is written as null, and null is read back as NaN.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};

use crate::data::View;

/// A number or null.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(or_nan(Option::deserialize(deserializer)?))
}

/// An object of numbers or nulls.
pub fn by_label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IndexMap<String, f64>, D::Error> {
    let read = IndexMap::<String, Option<f64>>::deserialize(deserializer)?;
    Ok(read.into_iter().map(|(label, value)| (label, or_nan(value))).collect())
}

/// A list of pairs of a view and a number or null.
pub fn by_view<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(View, f64)>, D::Error> {
    let read = Vec::<(View, Option<f64>)>::deserialize(deserializer)?;
    Ok(read.into_iter().map(|(view, value)| (view, or_nan(value))).collect())
}

/// A list of numbers or nulls.
pub fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    Ok(Vec::<Option<f64>>::deserialize(deserializer)?
        .into_iter()
        .map(or_nan)
        .collect())
}

/// Rows of numbers or nulls.
pub fn rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<f32>>, D::Error> {
    let read = Vec::<Vec<Option<f32>>>::deserialize(deserializer)?;
    let row = |row: Vec<Option<f32>>| row.into_iter().map(|v| v.unwrap_or(f32::NAN)).collect();
    Ok(read.into_iter().map(row).collect())
}

fn or_nan(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}
