//! Settings at the edge of town: cemetery, garden, landfill.

use rand::{Rng, seq::IndexedRandom};

use super::{
    brush::Brush,
    sky::{Light, hills, sky},
};

pub fn cemetery(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    sky(b, light, 66.0, rng);
    hills(b, 57.0, 4.0, 0x66765c, rng);
    bare_tree(b, if rng.random_bool(0.5) { 12.0 } else { 98.0 });
    for step in 0..19 {
        let x = step as f32 * 6.3;
        b.line(&[(x, 54.0), (x, 66.0)], 1.0, 0x34343c);
    }
    b.line(&[(0.0, 57.0), (112.0, 57.0)], 1.0, 0x34343c);
    b.gradient(0.0, 65.0, 112.0, 112.0, 0x74845c, 0x4c5c40);
    for (row, y) in [70.0, 86.0, 104.0].into_iter().enumerate() {
        let size = 0.75 + 0.28 * row as f32;
        let shift = rng.random_range(0.0..14.0);
        for step in 0..5 {
            let x = shift - 4.0 + step as f32 * 27.0 + row as f32 * 9.0;
            gravestone(b, x, y, size, rng.random_range(0..3));
        }
    }
}

fn gravestone(b: &mut Brush<'_>, x: f32, y: f32, size: f32, kind: u32) {
    let mut b = b.at(x, y, (size, size));
    b.ellipse(1.5, 0.0, 7.5, 1.8, 0x3c4a34);
    if kind == 0 {
        b.rect(-1.6, -16.0, 1.6, 0.0, 0xa9adb4);
        b.rect(-5.5, -12.5, 5.5, -9.5, 0xa9adb4);
        return;
    }
    b.circle(0.0, -9.0, 5.5, 0x9ca0a8);
    b.rect(-5.5, -9.0, 5.5, 0.0, 0x9ca0a8);
    b.line(&[(0.0, -11.5), (0.0, -5.0)], 1.2, 0x666a74);
    b.line(&[(-2.2, -9.5), (2.2, -9.5)], 1.2, 0x666a74);
}

fn bare_tree(b: &mut Brush<'_>, x: f32) {
    let bark = 0x3c3230;
    b.line(&[(x, 66.0), (x, 38.0), (x + 2.0, 16.0)], 4.2, bark);
    for (y, dx, dy) in [
        (46.0, -13.0, -13.0),
        (42.0, 12.0, -12.0),
        (33.0, -9.0, -14.0),
        (29.0, 10.0, -13.0),
    ] {
        b.line(
            &[(x, y), (x + dx * 0.6, y + dy * 0.4), (x + dx, y + dy)],
            1.8,
            bark,
        );
    }
}

pub fn garden(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    sky(b, light, 56.0, rng);
    for step in 0..10 {
        b.circle(
            step as f32 * 12.5,
            56.0 + rng.random_range(-2.0..2.0),
            10.0,
            0x4c9a46,
        );
    }
    let x = if rng.random_bool(0.5) { 14.0 } else { 96.0 };
    b.rect(x - 2.5, 40.0, x + 2.5, 66.0, 0x7a5030);
    for (dx, dy) in [(-8.0, 2.0), (8.0, 2.0), (0.0, -6.0), (0.0, 6.0)] {
        b.circle(x + dx, 28.0 + dy, 11.0, 0x3f8a3c);
    }
    for (dx, dy) in [
        (-10.0, 0.0),
        (-3.0, 8.0),
        (5.0, -4.0),
        (10.0, 5.0),
        (-4.0, -8.0),
    ] {
        b.circle(x + dx, 28.0 + dy, 2.0, 0xe84438);
    }
    b.rect(0.0, 58.0, 112.0, 70.0, 0x3f8a3e);
    for step in 0..15 {
        let x = step as f32 * 8.0 + 1.0;
        b.polygon(
            &[
                (x, 70.0),
                (x, 56.0),
                (x + 2.0, 53.5),
                (x + 4.0, 56.0),
                (x + 4.0, 70.0),
            ],
            0xfaf8f0,
        );
    }
    b.rect(0.0, 58.5, 112.0, 60.5, 0xfaf8f0);
    b.rect(0.0, 64.5, 112.0, 66.5, 0xfaf8f0);
    b.gradient(0.0, 69.0, 112.0, 112.0, 0x86c85a, 0x55a03e);
    for _ in 0..26 {
        let (x, y) = (rng.random_range(0.0..112.0), rng.random_range(72.0..112.0));
        let blossom = [0xffffff, 0xf7d848, 0xf090b8]
            .choose(rng)
            .copied()
            .unwrap_or(0xffffff);
        b.circle(x, y, 1.2, blossom);
    }
}

pub fn landfill(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    sky(b, light, 60.0, rng);
    b.faint(0.45).rect(0.0, 0.0, 112.0, 60.0, 0xa89a58);
    b.rect(0.0, 58.0, 112.0, 70.0, 0x94845c);
    for (y, width, colour) in [(66.0, 42.0, 0x8a7a58), (70.0, 36.0, 0x6f6248)] {
        for _ in 0..3 {
            let (x, height) = (rng.random_range(0.0..112.0), rng.random_range(18.0..32.0));
            b.segment((x, y), (width * 0.8, height), (180.0, 360.0), colour);
        }
    }
    b.gradient(0.0, 66.0, 112.0, 112.0, 0x7a6a4a, 0x574a36);
    let colours = [0xd8d4c8, 0x5a86a8, 0xb85a44, 0x8a9a48, 0x3c3a3c, 0xd0a848];
    for _ in 0..90 {
        let (x, y) = (rng.random_range(0.0..112.0), rng.random_range(46.0..112.0));
        let (w, h) = (rng.random_range(1.5..4.0), rng.random_range(1.0..2.8));
        let lean = rng.random_range(-1.5..1.5);
        let colour = colours.choose(rng).copied().unwrap_or(0xd8d4c8);
        b.polygon(
            &[
                (x, y),
                (x + w, y + lean),
                (x + w - lean, y + h + lean),
                (x - lean, y + h),
            ],
            colour,
        );
    }
    for _ in 0..2 {
        let (x, y) = (rng.random_range(6.0..106.0), rng.random_range(68.0..80.0));
        b.circle(x, y, 5.5, 0x28262a);
        b.circle(x, y, 2.4, 0x7a6a4a);
    }
    for _ in 0..7 {
        let (x, y) = (rng.random_range(4.0..108.0), rng.random_range(8.0..48.0));
        b.line(
            &[(x - 1.6, y - 1.0), (x, y), (x + 1.6, y - 1.0)],
            0.8,
            0x2a2824,
        );
    }
}
