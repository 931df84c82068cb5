//! The kinds of object, each drawn into the unit square (0,0 left top).

use std::f32::consts::TAU;

use rand::{Rng, seq::IndexedRandom};

use super::brush::{Brush, mix};

/// Draws an object (a word of [`crate::data::synth::scene::OBJECTS`]) into the unit square.
pub fn draw(brush: &mut Brush<'_>, object: &str, rng: &mut impl Rng) {
    match object {
        "balloon" => balloon(brush, pick(rng, &[0xe8343c, 0xf08a1c, 0x3aa0e8, 0xd84ab0])),
        "boat" => boat(brush, pick(rng, &[0xb04a2c, 0x2c5c9a, 0x7a4a2a])),
        "cake" => cake(brush, pick(rng, &[0xf7b5c8, 0xf5e2b8, 0x9a5a38])),
        "candle" => candle(brush),
        "car" => car(brush, pick(rng, &[0xd83a34, 0x2f6fc0, 0xe8b62c, 0x3a9a5a])),
        "dog" => dog(brush, pick(rng, &[0xb5793f, 0xd9b178, 0x8a5a3a, 0xe8dcc8])),
        "eagle" => eagle(brush),
        "fire" => fire(brush),
        "flower" => flower(brush, pick(rng, &[0xf0506a, 0xf7c52c, 0xf2f2fa, 0xb060d8])),
        "snake" => snake(brush, pick(rng, &[0x4f9a36, 0x8a8a30, 0x3a8a70])),
        "spider" => spider(brush),
        "trash" => trash(brush),
        "trophy" => trophy(brush),
        _ => umbrella(brush, pick(rng, &[0xc83048, 0x3858b8, 0x6a4a9a, 0x2f8a7a])),
    }
}

/// The shadow that an object throws on the ground; an airborne one throws none.
pub fn shadow(brush: &mut Brush<'_>, object: &str) {
    if !matches!(object, "balloon" | "eagle") {
        brush.faint(0.3).ellipse(0.5, 0.97, 0.5, 0.07, 0x101020);
    }
}

fn pick(rng: &mut impl Rng, colours: &[u32]) -> u32 {
    colours.choose(rng).copied().unwrap_or(0x888888)
}

fn balloon(b: &mut Brush<'_>, colour: u32) {
    b.line(
        &[(0.5, 0.66), (0.44, 0.76), (0.56, 0.87), (0.5, 0.99)],
        0.045,
        0xf4f0e4,
    );
    b.polygon(
        &[(0.5, 0.6), (0.62, 0.74), (0.38, 0.74)],
        mix(colour, 0, 0.2),
    );
    b.ellipse(0.5, 0.34, 0.48, 0.34, colour);
    b.faint(0.6).ellipse(0.33, 0.22, 0.1, 0.1, 0xffffff);
}

fn boat(b: &mut Brush<'_>, colour: u32) {
    b.line(&[(0.5, 0.02), (0.5, 0.75)], 0.05, 0x5a3a22);
    b.polygon(&[(0.54, 0.05), (0.98, 0.64), (0.54, 0.64)], 0xfffaf0);
    b.polygon(&[(0.46, 0.14), (0.46, 0.64), (0.08, 0.64)], 0xf2d2b0);
    b.polygon(&[(0.0, 0.7), (1.0, 0.7), (0.82, 1.0), (0.18, 1.0)], colour);
    b.rect(0.03, 0.7, 0.97, 0.78, 0xf8f4ea);
}

fn cake(b: &mut Brush<'_>, icing: u32) {
    for (x, flame) in [(0.3, 0.1), (0.5, 0.07), (0.7, 0.1)] {
        b.rect(x - 0.035, flame + 0.08, x + 0.035, 0.36, 0x58b8f0);
        b.ellipse(x, flame, 0.05, 0.085, 0xffb428);
    }
    b.rect(0.2, 0.34, 0.8, 0.64, mix(icing, 0xd89058, 0.45));
    b.rect(0.03, 0.62, 0.97, 0.98, mix(icing, 0xc07a40, 0.55));
    b.rect(0.2, 0.33, 0.8, 0.42, icing);
    b.rect(0.03, 0.6, 0.97, 0.7, icing);
    for step in 0..7 {
        b.circle(0.11 + 0.13 * step as f32, 0.71, 0.062, icing);
        b.circle(0.11 + 0.13 * step as f32, 0.88, 0.03, 0xe8385a);
    }
    for step in 0..5 {
        b.circle(0.26 + 0.12 * step as f32, 0.43, 0.058, icing);
    }
}

fn candle(b: &mut Brush<'_>) {
    b.ellipse(0.5, 0.9, 0.48, 0.1, 0xb08a3c);
    b.ellipse(0.5, 0.87, 0.4, 0.07, 0xe0bc66);
    b.rect(0.31, 0.4, 0.69, 0.88, 0xf7f1e2);
    b.ellipse(0.5, 0.4, 0.19, 0.05, 0xe6dcc2);
    b.line(&[(0.34, 0.42), (0.34, 0.6)], 0.07, 0xfffaf0);
    b.line(&[(0.5, 0.3), (0.5, 0.4)], 0.04, 0x2a2020);
    flame(b, (0.5, 0.34), (0.15, 0.34), 0xff9a1e);
    flame(b, (0.5, 0.33), (0.08, 0.2), 0xfff0a0);
}

/// A flame whose foot is `at`, `size` its half width and height.
fn flame(b: &mut Brush<'_>, at: (f32, f32), size: (f32, f32), colour: u32) {
    let edge: Vec<(f32, f32)> = (0..=20)
        .map(|step| {
            let turn = step as f32 / 20.0;
            let width = (turn * TAU).sin() * (1.0 - (turn * 2.0 - 1.0).abs()).powf(0.35);
            (
                at.0 + size.0 * width,
                at.1 - size.1 * (1.0 - (turn * 2.0 - 1.0).abs()),
            )
        })
        .collect();
    b.polygon(&edge, colour);
}

fn car(b: &mut Brush<'_>, colour: u32) {
    b.polygon(
        &[(0.18, 0.45), (0.3, 0.04), (0.7, 0.04), (0.86, 0.45)],
        colour,
    );
    b.polygon(
        &[(0.26, 0.42), (0.35, 0.13), (0.48, 0.13), (0.48, 0.42)],
        0xcfe8f5,
    );
    b.polygon(
        &[(0.53, 0.42), (0.53, 0.13), (0.66, 0.13), (0.77, 0.42)],
        0xcfe8f5,
    );
    b.polygon(
        &[
            (0.02, 0.46),
            (0.08, 0.4),
            (0.92, 0.4),
            (0.99, 0.52),
            (0.99, 0.8),
            (0.02, 0.8),
        ],
        colour,
    );
    b.rect(0.02, 0.62, 0.99, 0.7, mix(colour, 0, 0.25));
    b.ellipse(0.95, 0.55, 0.04, 0.07, 0xfff2b0);
    b.rect(0.02, 0.5, 0.07, 0.6, 0xff5040);
    for x in [0.24, 0.76] {
        b.ellipse(x, 0.8, 0.12, 0.2, 0x26262c);
        b.ellipse(x, 0.8, 0.055, 0.09, 0xc8ccd2);
    }
}

fn dog(b: &mut Brush<'_>, fur: u32) {
    let dark = mix(fur, 0x2a1810, 0.45);
    b.line(&[(0.1, 0.56), (0.03, 0.36), (0.08, 0.26)], 0.09, fur);
    for x in [0.17, 0.29, 0.54, 0.65] {
        b.line(
            &[(x, 0.7), (x, 0.94)],
            0.1,
            if x == 0.29 || x == 0.54 { dark } else { fur },
        );
    }
    b.ellipse(0.4, 0.63, 0.33, 0.19, fur);
    b.ellipse(0.3, 0.58, 0.13, 0.1, dark);
    b.circle(0.72, 0.36, 0.24, fur);
    b.ellipse(0.87, 0.45, 0.13, 0.11, mix(fur, 0xffffff, 0.4));
    b.ellipse(0.96, 0.41, 0.045, 0.05, 0x1c1416);
    b.ellipse(0.56, 0.4, 0.1, 0.22, dark);
    b.circle(0.77, 0.31, 0.045, 0x1c1416);
    b.ellipse(0.87, 0.57, 0.05, 0.08, 0xf06a80);
    b.line(&[(0.56, 0.62), (0.72, 0.62)], 0.06, 0xe03a3a);
}

fn eagle(b: &mut Brush<'_>) {
    let (wing, tip) = (0x5b3a20, 0x37220f);
    for side in [-1.0, 1.0] {
        let x = |reach: f32| 0.5 + side * reach;
        b.polygon(
            &[
                (x(0.04), 0.35),
                (x(0.26), 0.06),
                (x(0.5), 0.02),
                (x(0.47), 0.3),
                (x(0.34), 0.52),
                (x(0.06), 0.66),
            ],
            wing,
        );
        for step in 0..4 {
            let step = step as f32 * 0.05;
            b.line(
                &[
                    (x(0.3 + step * 0.7), 0.34 - step),
                    (x(0.4 + step * 0.5), 0.56 - step * 2.2),
                ],
                0.05,
                tip,
            );
        }
    }
    b.polygon(
        &[
            (0.42, 0.68),
            (0.58, 0.68),
            (0.66, 0.98),
            (0.5, 0.9),
            (0.34, 0.98),
        ],
        0xf6f2ea,
    );
    b.ellipse(0.5, 0.52, 0.1, 0.26, wing);
    b.ellipse(0.5, 0.26, 0.085, 0.16, 0xffffff);
    b.polygon(&[(0.46, 0.3), (0.54, 0.3), (0.5, 0.46)], 0xf7b52c);
    b.circle(0.47, 0.22, 0.02, 0x201010);
    b.circle(0.53, 0.22, 0.02, 0x201010);
}

fn fire(b: &mut Brush<'_>) {
    b.line(&[(0.12, 0.95), (0.88, 0.84)], 0.1, 0x5a3418);
    b.line(&[(0.12, 0.84), (0.88, 0.95)], 0.1, 0x6e4422);
    flame(b, (0.26, 0.88), (0.3, 0.6), 0xe8401c);
    flame(b, (0.76, 0.88), (0.27, 0.66), 0xe8401c);
    flame(b, (0.5, 0.9), (0.46, 0.9), 0xf0521c);
    flame(b, (0.5, 0.9), (0.32, 0.62), 0xff9a1e);
    flame(b, (0.5, 0.9), (0.18, 0.36), 0xffe45a);
}

fn flower(b: &mut Brush<'_>, petals: u32) {
    b.line(&[(0.5, 0.4), (0.48, 0.98)], 0.07, 0x3a8a34);
    b.polygon(&[(0.48, 0.86), (0.1, 0.62), (0.2, 0.86)], 0x4aa83e);
    b.polygon(&[(0.5, 0.8), (0.9, 0.58), (0.78, 0.82)], 0x4aa83e);
    for step in 0..6 {
        let angle = TAU * (step as f32 + 0.25) / 6.0;
        b.ellipse(
            0.5 + 0.29 * angle.cos(),
            0.32 + 0.19 * angle.sin(),
            0.2,
            0.14,
            mix(petals, 0x501030, 0.08 * (step % 2) as f32),
        );
    }
    b.ellipse(
        0.5,
        0.32,
        0.16,
        0.12,
        if petals == 0xf7c52c {
            0x7a4a1c
        } else {
            0xffd23a
        },
    );
}

fn snake(b: &mut Brush<'_>, skin: u32) {
    let coils: Vec<(f32, f32)> = (0..=40)
        .map(|step| {
            let t = step as f32 / 40.0;
            (
                0.07 + 0.72 * t,
                0.8 + 0.13 * (t * 2.2 * TAU).sin() - 0.46 * (t - 0.62).max(0.0) / 0.38,
            )
        })
        .collect();
    b.line(&coils, 0.19, mix(skin, 0, 0.4));
    b.line(&coils, 0.15, skin);
    for point in coils.iter().step_by(4) {
        b.circle(point.0, point.1, 0.045, 0xf0dc60);
    }
    b.line(&[(0.9, 0.3), (0.95, 0.38), (0.99, 0.34)], 0.03, 0xe8283a);
    b.line(&[(0.95, 0.38), (0.97, 0.44)], 0.03, 0xe8283a);
    b.ellipse(0.79, 0.26, 0.18, 0.15, mix(skin, 0, 0.4));
    b.ellipse(0.79, 0.26, 0.16, 0.13, skin);
    b.ellipse(0.82, 0.21, 0.05, 0.06, 0xffe84a);
    b.ellipse(0.83, 0.21, 0.018, 0.05, 0x101010);
}

fn spider(b: &mut Brush<'_>) {
    let ink = 0x1e1822;
    for side in [-1.0, 1.0] {
        let x = |reach: f32| 0.5 + side * reach;
        for (knee, foot) in [
            ((0.3, 0.12), (0.42, 0.3)),
            ((0.36, 0.3), (0.47, 0.52)),
            ((0.36, 0.5), (0.47, 0.76)),
            ((0.28, 0.66), (0.36, 0.97)),
        ] {
            b.line(
                &[(0.5, 0.5), (x(knee.0), knee.1), (x(foot.0), foot.1)],
                0.055,
                ink,
            );
        }
    }
    b.ellipse(0.5, 0.62, 0.25, 0.29, ink);
    b.circle(0.5, 0.3, 0.17, 0x2c2432);
    b.polygon(&[(0.5, 0.6), (0.41, 0.47), (0.59, 0.47)], 0xd8283a);
    b.polygon(&[(0.5, 0.6), (0.41, 0.74), (0.59, 0.74)], 0xd8283a);
    for x in [0.43, 0.57] {
        b.circle(x, 0.27, 0.055, 0xffffff);
        b.circle(x, 0.28, 0.028, 0xd01828);
    }
}

fn trash(b: &mut Brush<'_>) {
    b.polygon(
        &[(0.3, 0.3), (0.38, 0.06), (0.6, 0.12), (0.55, 0.3)],
        0xe8e4d0,
    );
    b.line(&[(0.64, 0.3), (0.78, 0.1)], 0.06, 0x6a9a3a);
    b.ellipse(0.22, 0.26, 0.13, 0.09, 0x9ab04a);
    b.polygon(
        &[(0.12, 0.3), (0.88, 0.3), (0.78, 1.0), (0.22, 1.0)],
        0x7d868c,
    );
    for x in [0.32, 0.5, 0.68] {
        b.line(
            &[(x, 0.42), (0.5 + (x - 0.5) * 0.85, 0.93)],
            0.055,
            0x565e64,
        );
    }
    b.rect(0.06, 0.27, 0.94, 0.37, 0x9aa3a9);
    // Slime runs down, smell rises.
    b.line(&[(0.24, 0.36), (0.26, 0.62)], 0.1, 0x9ac83a);
    b.line(&[(0.42, 0.36), (0.42, 0.5)], 0.09, 0x9ac83a);
    for x in [0.14, 0.88] {
        b.line(
            &[
                (x, 0.2),
                (x + 0.06, 0.14),
                (x - 0.03, 0.08),
                (x + 0.03, 0.02),
            ],
            0.035,
            0x9ac83a,
        );
    }
}

fn trophy(b: &mut Brush<'_>) {
    let (gold, shade) = (0xf5c030, 0xc08a14);
    b.arc((0.2, 0.26), (0.15, 0.16), (90.0, 290.0), 0.07, shade);
    b.arc((0.8, 0.26), (0.15, 0.16), (90.0, -110.0), 0.07, shade);
    b.rect(0.2, 0.04, 0.8, 0.2, gold);
    b.segment((0.5, 0.18), (0.3, 0.42), (0.0, 180.0), gold);
    b.rect(0.45, 0.56, 0.55, 0.76, shade);
    b.rect(0.34, 0.72, 0.66, 0.8, gold);
    b.rect(0.22, 0.8, 0.78, 0.99, 0x5a3420);
    b.rect(0.36, 0.85, 0.64, 0.94, gold);
    b.faint(0.7)
        .line(&[(0.31, 0.12), (0.33, 0.36)], 0.07, 0xfff6c8);
    b.circle(0.54, 0.26, 0.09, 0xfff0a0);
}

fn umbrella(b: &mut Brush<'_>, colour: u32) {
    b.line(&[(0.5, 0.02), (0.5, 0.86)], 0.06, 0x4a3a34);
    b.arc((0.6, 0.86), (0.1, 0.11), (0.0, 180.0), 0.06, 0x8a5a30);
    b.segment((0.5, 0.54), (0.49, 0.48), (180.0, 360.0), colour);
    b.polygon(
        &[(0.5, 0.06), (0.34, 0.54), (0.66, 0.54)],
        mix(colour, 0xffffff, 0.25),
    );
    for x in [0.1, 0.3, 0.5, 0.7, 0.9] {
        b.ellipse(x, 0.545, 0.1, 0.06, mix(colour, 0, 0.35));
    }
}
