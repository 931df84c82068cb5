//! The six facial expressions, drawn large: brows, eyes, mouth and a tint of the skin.

use super::brush::{Brush, mix};
use crate::data::synth::scene::EXPRESSIONS;

const INK: u32 = 0x2a1a1e;
const MOUTH: u32 = 0x7a1f2b;
const TONGUE: u32 = 0xf0708a;

/// Draws a face into the circle of radius 1 around the brush's origin. `expression` is an index into [`EXPRESSIONS`].
pub fn draw(brush: &mut Brush<'_>, expression: usize, skin: u32) {
    match EXPRESSIONS[expression] {
        "angry" => angry(brush, skin),
        "disgust" => disgust(brush, skin),
        "fear" => fear(brush, skin),
        "happy" => happy(brush, skin),
        "sad" => sad(brush, skin),
        _ => surprise(brush, skin),
    }
}

fn angry(brush: &mut Brush<'_>, skin: u32) {
    brush.ellipse(0.0, 0.12, 0.93, 0.84, mix(skin, 0xe02818, 0.55));
    for side in [-1.0, 1.0] {
        brush.ellipse(side * 0.4, 0.08, 0.23, 0.2, 0xffffff);
        brush.circle(side * 0.33, 0.12, 0.11, INK);
        // The lowered brow cuts the eye off.
        brush.line(&[(side * 0.75, -0.3), (side * 0.12, 0.02)], 0.2, INK);
    }
    brush.polygon(
        &[(-0.42, 0.45), (0.42, 0.45), (0.5, 0.78), (-0.5, 0.78)],
        INK,
    );
    brush.polygon(
        &[(-0.36, 0.51), (0.36, 0.51), (0.42, 0.72), (-0.42, 0.72)],
        0xffffff,
    );
    brush.line(&[(-0.4, 0.615), (0.4, 0.615)], 0.06, INK);
    for x in [-0.2, 0.0, 0.2] {
        brush.line(&[(x, 0.5), (x, 0.73)], 0.05, INK);
    }
}

fn disgust(brush: &mut Brush<'_>, skin: u32) {
    brush.ellipse(0.0, 0.12, 0.93, 0.84, mix(skin, 0x7fb03a, 0.6));
    for side in [-1.0, 1.0] {
        // Eyes squeezed shut: > <
        brush.line(
            &[
                (side * 0.68, -0.18),
                (side * 0.26, 0.0),
                (side * 0.68, 0.16),
            ],
            0.13,
            INK,
        );
        brush.line(
            &[(side * 0.1, 0.12), (side * 0.16, 0.26)],
            0.07,
            mix(skin, INK, 0.6),
        );
    }
    brush.segment((0.0, 0.66), (0.44, 0.24), (180.0, 360.0), MOUTH);
    brush.line(&[(-0.46, 0.68), (0.46, 0.68)], 0.09, INK);
    brush.rect(-0.2, 0.58, 0.24, 0.8, TONGUE);
    brush.ellipse(0.02, 0.8, 0.22, 0.17, TONGUE);
    brush.line(&[(0.02, 0.66), (0.02, 0.84)], 0.05, mix(TONGUE, MOUTH, 0.6));
}

fn fear(brush: &mut Brush<'_>, skin: u32) {
    brush.ellipse(0.0, 0.12, 0.93, 0.84, mix(skin, 0xc8dcff, 0.7));
    brush.segment(
        (0.0, 0.0),
        (0.92, 0.75),
        (200.0, 340.0),
        mix(skin, 0x5f7fe0, 0.65),
    );
    for side in [-1.0, 1.0] {
        brush.circle(side * 0.4, 0.02, 0.31, INK);
        brush.circle(side * 0.4, 0.02, 0.25, 0xffffff);
        brush.circle(side * 0.4, 0.04, 0.07, INK);
        brush.line(&[(side * 0.72, -0.34), (side * 0.22, -0.5)], 0.1, INK);
    }
    // A trembling mouth.
    let teeth = [
        (-0.5, 0.56),
        (-0.25, 0.48),
        (0.0, 0.56),
        (0.25, 0.48),
        (0.5, 0.56),
        (0.46, 0.8),
        (0.23, 0.72),
        (0.0, 0.8),
        (-0.23, 0.72),
        (-0.46, 0.8),
    ];
    brush.polygon(&teeth, 0xffffff);
    let mut rim = teeth.to_vec();
    rim.push(teeth[0]);
    brush.line(&rim, 0.09, INK);
}

fn happy(brush: &mut Brush<'_>, skin: u32) {
    for side in [-1.0, 1.0] {
        brush.arc((side * 0.4, 0.1), (0.2, 0.24), (190.0, 350.0), 0.13, INK);
        brush.arc(
            (side * 0.42, -0.24),
            (0.24, 0.12),
            (200.0, 340.0),
            0.07,
            INK,
        );
        brush.ellipse(side * 0.64, 0.34, 0.2, 0.14, mix(skin, 0xff5a6e, 0.6));
    }
    brush.segment((0.0, 0.34), (0.5, 0.5), (0.0, 180.0), MOUTH);
    brush.segment((0.0, 0.34), (0.46, 0.18), (0.0, 180.0), 0xffffff);
    brush.ellipse(0.0, 0.72, 0.24, 0.1, TONGUE);
}

fn sad(brush: &mut Brush<'_>, skin: u32) {
    for side in [-1.0, 1.0] {
        brush.circle(side * 0.4, 0.12, 0.2, 0xffffff);
        brush.circle(side * 0.4, 0.2, 0.12, INK);
        // Heavy lids, brows raised at the nose.
        brush.segment(
            (side * 0.4, 0.1),
            (0.24, 0.24),
            (180.0, 360.0),
            mix(skin, 0xa07068, 0.35),
        );
        brush.line(&[(side * 0.72, -0.1), (side * 0.2, -0.34)], 0.11, INK);
        let tear = if side < 0.0 { 0.62 } else { 0.5 };
        brush.polygon(
            &[(side * 0.46, 0.3), (side * 0.34, tear), (side * 0.58, tear)],
            0x48a8ff,
        );
        brush.circle(side * 0.46, tear, 0.12, 0x48a8ff);
    }
    brush.arc((0.0, 0.86), (0.3, 0.24), (200.0, 340.0), 0.13, INK);
}

fn surprise(brush: &mut Brush<'_>, skin: u32) {
    for side in [-1.0, 1.0] {
        brush.circle(side * 0.4, 0.02, 0.24, 0xffffff);
        brush.circle(side * 0.4, 0.02, 0.15, INK);
        brush.circle(side * 0.4 + 0.05, -0.04, 0.05, 0xffffff);
        brush.arc((side * 0.42, -0.3), (0.26, 0.2), (195.0, 345.0), 0.1, INK);
        brush.ellipse(side * 0.66, 0.36, 0.16, 0.11, mix(skin, 0xff8a7a, 0.45));
    }
    brush.ellipse(0.0, 0.62, 0.25, 0.3, INK);
    brush.ellipse(0.0, 0.64, 0.19, 0.23, MOUTH);
    brush.ellipse(0.0, 0.76, 0.13, 0.1, TONGUE);
}
