//! Sky, light and rolling ground, which the settings outdoors share.

use rand::{Rng, seq::IndexedRandom};

use super::brush::Brush;

/// What the sky and the light are like; drawn from the brightness and colour that the picture has.
#[derive(Debug, Clone, Copy)]
pub struct Light {
    pub night: bool,
    pub overcast: bool,
}

/// A sky down to `horizon`, with sun, moon, stars or clouds.
pub fn sky(b: &mut Brush<'_>, light: Light, horizon: f32, rng: &mut impl Rng) {
    let x = rng.random_range(12.0..100.0);
    if light.night {
        b.gradient(0.0, 0.0, 112.0, horizon, 0x141c44, 0x4a4a80);
        for _ in 0..24 {
            let (x, y) = (
                rng.random_range(0.0..112.0),
                rng.random_range(0.0..horizon * 0.8),
            );
            b.circle(x, y, rng.random_range(0.3..0.9), 0xf4f0d8);
        }
        b.faint(0.5).glow(x, 15.0, 20.0, 0xe8ecff);
        b.circle(x, 15.0, 7.0, 0xf6f2dc);
        b.circle(x - 3.0, 13.0, 6.0, 0x20284e);
        return;
    }
    if light.overcast {
        b.gradient(0.0, 0.0, 112.0, horizon, 0x8f9cae, 0xccd4da);
        for row in 0..3 {
            for _ in 0..4 {
                cloud(
                    b,
                    rng.random_range(-8.0..118.0),
                    4.0 + 9.0 * row as f32,
                    rng.random_range(8.0..15.0),
                    0xa4aebb,
                );
            }
        }
        return;
    }
    let skies = [
        (0x4a9ae8, 0xc8e6fa),
        (0x5ab0f0, 0xfbe6c0),
        (0x6a86d8, 0xffc8a0),
        (0x3f8fd8, 0xd8f0f4),
    ];
    let (top, bottom) = skies.choose(rng).copied().unwrap_or(skies[0]);
    b.gradient(0.0, 0.0, 112.0, horizon, top, bottom);
    b.faint(0.8).glow(x, 15.0, 22.0, 0xfff4b0);
    b.circle(x, 15.0, 7.5, 0xffe05a);
    for _ in 0..rng.random_range(1..4) {
        cloud(
            b,
            rng.random_range(5.0..107.0),
            rng.random_range(6.0..26.0),
            rng.random_range(6.0..11.0),
            0xffffff,
        );
    }
}

fn cloud(b: &mut Brush<'_>, x: f32, y: f32, size: f32, colour: u32) {
    let mut b = b.faint(0.9);
    b.ellipse(x, y, size, size * 0.42, colour);
    b.circle(x - size * 0.35, y - size * 0.22, size * 0.36, colour);
    b.circle(x + size * 0.25, y - size * 0.32, size * 0.46, colour);
}

/// Ground whose upper edge swings around `y`.
pub fn hills(b: &mut Brush<'_>, y: f32, swing: f32, colour: u32, rng: &mut impl Rng) {
    let (phase, wave) = (rng.random_range(0.0..6.3), rng.random_range(0.03..0.06));
    let mut edge: Vec<(f32, f32)> = (0..=28)
        .map(|step| {
            (
                step as f32 * 4.0,
                y + swing * (phase + wave * 4.0 * step as f32).sin(),
            )
        })
        .collect();
    edge.extend([(112.0, 112.0), (0.0, 112.0)]);
    b.polygon(&edge, colour);
}
