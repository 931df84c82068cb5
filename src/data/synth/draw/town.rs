//! Settings made by people, outdoors: fairground, stadium, street.

use rand::{Rng, seq::IndexedRandom};

use super::{
    brush::{Brush, mix},
    sky::{Light, sky},
};

const PENNANTS: [u32; 5] = [0xe84444, 0xf7c52c, 0x3aa0e8, 0x58b848, 0xd84ab0];

pub fn fairground(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    sky(b, light, 74.0, rng);
    let wheel = rng.random_range(28.0..84.0);
    for foot in [-14.0, 14.0] {
        b.line(&[(wheel, 38.0), (wheel + foot, 74.0)], 2.4, 0x6a5a80);
    }
    b.arc((wheel, 38.0), (27.0, 27.0), (0.0, 360.0), 2.2, 0x8a4aa0);
    let turn = rng.random_range(0.0..36.0);
    for step in 0..10 {
        let angle = (turn + 36.0 * step as f32).to_radians();
        let (x, y) = (wheel + 27.0 * angle.cos(), 38.0 + 27.0 * angle.sin());
        b.line(&[(wheel, 38.0), (x, y)], 1.0, 0xb090c0);
        b.circle(x, y + 1.5, 3.6, PENNANTS[step % PENNANTS.len()]);
    }
    b.circle(wheel, 38.0, 3.4, 0xf7c52c);
    let colour = PENNANTS.choose(rng).copied().unwrap_or(PENNANTS[0]);
    tent(b, wheel + if wheel < 56.0 { 50.0 } else { -50.0 }, colour);
    tent(b, wheel + if wheel < 56.0 { -32.0 } else { 32.0 }, 0x3a80d0);
    b.gradient(0.0, 73.0, 112.0, 112.0, 0xe0c890, 0xc8a468);
    for step in 0..15 {
        let x = step as f32 * 8.0;
        let y = 3.0 + 5.0 * (x / 112.0 * std::f32::consts::PI).sin();
        b.polygon(
            &[(x, y), (x + 7.0, y), (x + 3.5, y + 7.0)],
            PENNANTS[step % PENNANTS.len()],
        );
    }
    for _ in 0..34 {
        let colour = PENNANTS.choose(rng).copied().unwrap_or(PENNANTS[0]);
        b.circle(
            rng.random_range(0.0..112.0),
            rng.random_range(76.0..112.0),
            0.9,
            colour,
        );
    }
}

/// A striped tent whose middle is `x`.
fn tent(b: &mut Brush<'_>, x: f32, colour: u32) {
    for step in 0..6 {
        let (left, right) = (x - 18.0 + 6.0 * step as f32, x - 12.0 + 6.0 * step as f32);
        let stripe = if step % 2 == 0 { colour } else { 0xfaf4e8 };
        b.rect(left, 58.0, right, 75.0, mix(stripe, 0, 0.1));
        b.polygon(&[(x, 42.0), (left, 58.0), (right, 58.0)], stripe);
    }
    b.polygon(&[(x - 4.0, 75.0), (x, 61.0), (x + 4.0, 75.0)], 0x4a3040);
    b.line(&[(x, 42.0), (x, 37.0)], 1.0, 0x4a3040);
    b.polygon(&[(x, 37.0), (x + 6.0, 39.0), (x, 41.0)], 0xf7c52c);
}

pub fn stadium(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    sky(b, light, 30.0, rng);
    for x in [8.0, 104.0] {
        b.line(&[(x, 30.0), (x, 8.0)], 1.8, 0x5a6270);
        b.rect(x - 6.0, 3.0, x + 6.0, 10.0, 0x5a6270);
        for (dx, dy) in [
            (-3.6, 5.0),
            (0.0, 5.0),
            (3.6, 5.0),
            (-3.6, 8.2),
            (0.0, 8.2),
            (3.6, 8.2),
        ] {
            b.circle(x + dx, dy, 1.2, 0xfffbe0);
        }
    }
    b.polygon(
        &[
            (0.0, 20.0),
            (20.0, 27.0),
            (92.0, 27.0),
            (112.0, 20.0),
            (112.0, 66.0),
            (0.0, 66.0),
        ],
        0x5c6478,
    );
    let crowd = [0xe8e4dc, 0xd84a4a, 0x4a86d8, 0xf0c84a, 0x58b070, 0xe8a87a];
    for row in 0..6 {
        let y = 31.0 + 5.0 * row as f32;
        b.line(&[(0.0, y + 2.6), (112.0, y + 2.6)], 0.8, 0x3e4558);
        for step in 0..28 {
            let colour = crowd.choose(rng).copied().unwrap_or(crowd[0]);
            b.circle(
                step as f32 * 4.1 + 2.0 * (row % 2) as f32,
                y + rng.random_range(-0.6..0.6),
                1.7,
                colour,
            );
        }
    }
    b.rect(0.0, 60.0, 112.0, 67.0, 0xf4f4f0);
    for step in 0..7 {
        let x = step as f32 * 16.0 + 1.0;
        b.rect(x, 61.2, x + 13.0, 65.8, PENNANTS[step % PENNANTS.len()]);
    }
    b.gradient(0.0, 67.0, 112.0, 112.0, 0x4cb04a, 0x389a3e);
    for step in 0..4 {
        let (left, right) = (step as f32 * 30.0 - 4.0, step as f32 * 30.0 + 11.0);
        b.polygon(
            &[
                (left, 67.0),
                (right, 67.0),
                (right + (right - 56.0) * 0.5, 112.0),
                (left + (left - 56.0) * 0.5, 112.0),
            ],
            0x60c05c,
        );
    }
    b.line(&[(0.0, 71.0), (112.0, 71.0)], 1.4, 0xffffff);
    b.arc((56.0, 112.0), (34.0, 20.0), (180.0, 360.0), 1.6, 0xffffff);
}

pub fn street(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    sky(b, light, 50.0, rng);
    let walls = [0xb86a4e, 0xc8a878, 0x8a7a98, 0x7a94a8, 0xa8604a, 0xd0bc98];
    let mut left = -6.0;
    while left < 112.0 {
        let right = left + rng.random_range(21.0..31.0);
        let top = rng.random_range(8.0..30.0);
        let wall = walls.choose(rng).copied().unwrap_or(walls[0]);
        b.rect(left, top, right, 74.0, wall);
        b.rect(left, top, right, top + 2.4, mix(wall, 0x201820, 0.45));
        b.line(
            &[(right, top), (right, 74.0)],
            0.9,
            mix(wall, 0x201820, 0.5),
        );
        let mut y = top + 6.0;
        while y < 56.0 {
            let mut x = left + 3.5;
            while x < right - 6.0 {
                let lit = rng.random_bool(if light.night { 0.6 } else { 0.15 });
                b.rect(
                    x,
                    y,
                    x + 4.6,
                    y + 6.6,
                    if lit { 0xffe08a } else { 0x3e5068 },
                );
                x += 7.6;
            }
            y += 11.0;
        }
        b.rect(
            left + 8.0,
            62.0,
            left + 14.0,
            74.0,
            mix(wall, 0x201008, 0.6),
        );
        left = right;
    }
    b.rect(0.0, 72.0, 112.0, 80.0, 0xb4b0a8);
    for step in 0..9 {
        b.line(
            &[(step as f32 * 14.0, 72.0), (step as f32 * 14.0 - 3.0, 80.0)],
            0.7,
            0x8a867e,
        );
    }
    b.rect(0.0, 79.0, 112.0, 81.0, 0x87837c);
    b.gradient(0.0, 81.0, 112.0, 112.0, 0x5c5c64, 0x46464e);
    let shift = rng.random_range(-12.0..6.0);
    for step in 0..5 {
        let x = shift + step as f32 * 28.0;
        b.rect(x, 95.0, x + 15.0, 97.6, 0xf2ead0);
    }
    let x = rng.random_range(10.0..102.0);
    b.line(&[(x, 78.0), (x, 34.0), (x + 8.0, 32.0)], 1.8, 0x2e3238);
    b.faint(0.8).glow(x + 9.0, 34.0, 8.0, 0xfff0b0);
    b.ellipse(x + 9.0, 33.5, 3.6, 2.0, 0xfff4c8);
}
