//! Settings in nature: beach, forest, mountain, ocean.

use rand::Rng;

use super::{
    brush::{Brush, mix},
    sky::{Light, hills, sky},
};

pub fn beach(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    let horizon = rng.random_range(40.0..48.0);
    sky(b, light, horizon, rng);
    b.gradient(0.0, horizon, 112.0, 72.0, 0x2a86b8, 0x7cd0d8);
    for _ in 0..9 {
        let (x, y) = (
            rng.random_range(0.0..112.0),
            rng.random_range(horizon + 3.0..64.0),
        );
        b.faint(0.7).line(&[(x, y), (x + 9.0, y)], 0.9, 0xe8f8fa);
    }
    hills(b, 67.0, 3.0, 0xf4faf6, rng);
    hills(b, 70.0, 3.0, 0xf0d79c, rng);
    b.gradient(0.0, 76.0, 112.0, 112.0, 0xf0d79c, 0xe2bd78);
    for _ in 0..26 {
        b.circle(
            rng.random_range(0.0..112.0),
            rng.random_range(77.0..112.0),
            0.7,
            0xc49a58,
        );
    }
    let (x, lean) = if rng.random_bool(0.5) {
        (7.0, 1.0)
    } else {
        (105.0, -1.0)
    };
    palm(b, x, lean);
    for _ in 0..2 {
        let (x, y) = (rng.random_range(8.0..104.0), rng.random_range(84.0..108.0));
        for turn in 0..5 {
            let angle = (turn as f32 * 72.0 - 90.0).to_radians();
            b.line(
                &[(x, y), (x + 3.4 * angle.cos(), y + 2.6 * angle.sin())],
                1.9,
                0xe8785a,
            );
        }
    }
}

fn palm(b: &mut Brush<'_>, x: f32, lean: f32) {
    b.line(
        &[(x, 84.0), (x + lean * 1.5, 58.0), (x + lean * 7.0, 32.0)],
        4.0,
        0x8a6238,
    );
    let (x, y) = (x + lean * 7.0, 31.0);
    for (dx, dy) in [
        (-15.0, 5.0),
        (15.0, 5.0),
        (-13.0, -6.0),
        (13.0, -6.0),
        (-6.0, 12.0),
        (7.0, 12.0),
    ] {
        b.line(
            &[(x, y), (x + dx * 0.6, y + dy * 0.5 - 5.0), (x + dx, y + dy)],
            3.6,
            0x3a8a3c,
        );
    }
}

pub fn forest(b: &mut Brush<'_>, rng: &mut impl Rng) {
    b.gradient(0.0, 0.0, 112.0, 72.0, 0x2f5a3c, 0x8fb878);
    for (colour, low, high) in [(0x3f7048, 58.0, 64.0), (0x2a5a38, 62.0, 70.0)] {
        for step in 0..9 {
            let (x, y) = (
                step as f32 * 14.0 + rng.random_range(-5.0..5.0),
                rng.random_range(low..high),
            );
            fir(b, x, y, rng.random_range(30.0..46.0), colour);
        }
    }
    b.gradient(0.0, 66.0, 112.0, 112.0, 0x56703a, 0x2f4426);
    for step in 0..5 {
        let x = step as f32 * 26.0 + rng.random_range(-6.0..8.0);
        let width = rng.random_range(6.0..9.0);
        let foot = rng.random_range(72.0..84.0);
        b.rect(x - width / 2.0, 0.0, x + width / 2.0, foot, 0x543a26);
        b.rect(x - width / 2.0, 0.0, x - width / 5.0, foot, 0x6e4e32);
        b.ellipse(x, foot, width * 0.8, 2.4, 0x3e2c1e);
    }
    for _ in 0..9 {
        b.circle(
            rng.random_range(0.0..112.0),
            rng.random_range(-3.0..9.0),
            rng.random_range(7.0..13.0),
            0x24502e,
        );
    }
    for _ in 0..16 {
        let (x, y) = (rng.random_range(0.0..112.0), rng.random_range(76.0..112.0));
        b.line(
            &[(x - 2.0, y - 3.0), (x, y), (x + 2.0, y - 3.0)],
            0.9,
            0x7a9a48,
        );
    }
}

/// A fir whose foot is `x`, `y`.
fn fir(b: &mut Brush<'_>, x: f32, y: f32, height: f32, colour: u32) {
    for step in 0..3 {
        let top = y - height + height * 0.24 * step as f32;
        let half = height * (0.16 + 0.06 * step as f32);
        b.polygon(
            &[
                (x, top),
                (x + half, top + height * 0.45),
                (x - half, top + height * 0.45),
            ],
            mix(colour, 0, 0.06 * step as f32),
        );
    }
}

pub fn mountain(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    sky(b, light, 72.0, rng);
    let shift = rng.random_range(-14.0..14.0);
    for (x, top, half, colour) in [
        (16.0, 30.0, 42.0, 0x8292b4),
        (98.0, 26.0, 44.0, 0x8292b4),
        (56.0, 9.0, 50.0, 0x64769c),
    ] {
        let (x, top) = (x + shift, top + rng.random_range(-3.0..3.0));
        b.polygon(&[(x, top), (x + half, 76.0), (x - half, 76.0)], colour);
        b.polygon(
            &[(x, top), (x + half, 76.0), (x + half * 0.15, 76.0)],
            mix(colour, 0x303a5c, 0.3),
        );
        let snow = 0.32;
        let edge =
            |share: f32, dip: f32| (x + half * snow * share, top + (76.0 - top) * snow + dip);
        b.polygon(
            &[
                (x, top),
                edge(1.0, 0.0),
                edge(0.5, 4.0),
                edge(0.15, -2.0),
                edge(-0.3, 5.0),
                edge(-0.6, -1.0),
                edge(-1.0, 0.0),
            ],
            0xfafcff,
        );
    }
    for step in 0..9 {
        fir(
            b,
            step as f32 * 14.0 + rng.random_range(-4.0..4.0),
            74.0,
            rng.random_range(10.0..17.0),
            0x3c6a4c,
        );
    }
    hills(b, 72.0, 2.0, 0x7c9a58, rng);
    b.gradient(0.0, 77.0, 112.0, 112.0, 0x7c9a58, 0x5e7844);
    for _ in 0..9 {
        let (x, y) = (rng.random_range(0.0..112.0), rng.random_range(78.0..110.0));
        b.ellipse(x, y, rng.random_range(2.0..4.5), 1.9, 0x9a988e);
    }
}

pub fn ocean(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    let storm = light.night || light.overcast;
    sky(b, light, 44.0, rng);
    b.gradient(0.0, 40.0, 112.0, 112.0, 0x1c5a9a, 0x2f94b8);
    if storm {
        let x = rng.random_range(24.0..88.0);
        b.line(
            &[(x, 4.0), (x - 6.0, 18.0), (x + 2.0, 20.0), (x - 6.0, 38.0)],
            1.8,
            0xfff4a8,
        );
    }
    let height = if storm { 5.0 } else { 1.8 };
    for row in 0..7 {
        let y = 45.0 + 8.0 * row as f32;
        let phase = rng.random_range(0.0..6.3);
        let colour = mix(0x1c5a9a, 0x48b0c8, row as f32 / 7.0);
        let crest: Vec<(f32, f32)> = (0..=56)
            .map(|step| {
                (
                    step as f32 * 2.0,
                    y - height * (phase + step as f32 * 0.42).sin().abs(),
                )
            })
            .collect();
        let mut water = crest.clone();
        water.extend([(112.0, y + 10.0), (0.0, y + 10.0)]);
        b.polygon(&water, colour);
        b.line(&crest, 1.3, 0xd8f2f8);
    }
    // A jetty to stand on.
    b.rect(0.0, 97.0, 112.0, 112.0, 0xa8794c);
    b.rect(0.0, 97.0, 112.0, 98.6, 0xc89a68);
    for step in 0..8 {
        let x = step as f32 * 15.0 + 5.0;
        b.line(&[(x, 98.0), (x, 112.0)], 0.8, 0x74502e);
    }
}
