//! Colours that people with any colour vision can tell apart (Okabe and Ito's).

use super::drawing::{Color, Dash, Stroke};

pub const BLUE: Color = [0, 114, 178];
pub const VERMILION: Color = [213, 94, 0];
/// The same blue behind other things.
pub const PALE_BLUE: Color = [176, 208, 230];
pub const GREY: Color = [128, 128, 128];
pub const PALE_GREY: Color = [224, 224, 224];

const RUNS: [Color; 7] = [
    BLUE,
    VERMILION,
    [0, 158, 115],
    [204, 121, 167],
    [230, 159, 0],
    [86, 180, 233],
    [0, 0, 0],
];

/// The line of the nth run. Where there are more runs than colours, their lines are broken.
pub fn of_run(place: usize, width: f64) -> Stroke {
    let dash = match place / RUNS.len() % 3 {
        0 => Dash::Solid,
        1 => Dash::Dashed,
        _ => Dash::Dotted,
    };
    Stroke::new(RUNS[place % RUNS.len()], width).dashed(dash)
}
