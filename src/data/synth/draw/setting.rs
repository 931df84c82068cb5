//! The settings: what lies behind people and objects. The ground begins at about y = 66 of 112.

use rand::{Rng, seq::IndexedRandom};

use super::{
    brush::{Brush, mix},
    indoors, town,
};
use crate::data::synth::scene::{SCENES, Scene};

/// What the sky and the light are like; drawn from the brightness and colour that the picture has.
#[derive(Debug, Clone, Copy)]
pub struct Light {
    pub night: bool,
    pub overcast: bool,
}

/// Fills the picture with the setting of `scene`.
pub fn draw(brush: &mut Brush<'_>, scene: &Scene, rng: &mut impl Rng) {
    let light = Light { night: scene.brightness < 0.2, overcast: scene.colorfulness < 0.4 };
    match SCENES[scene.setting] {
        "beach" => beach(brush, light, rng),
        "cemetery" => cemetery(brush, light, rng),
        "fairground" => town::fairground(brush, light, rng),
        "forest" => forest(brush, rng),
        "garden" => garden(brush, light, rng),
        "landfill" => landfill(brush, light, rng),
        "living_room" => indoors::living_room(brush, light, rng),
        "mountain" => mountain(brush, light, rng),
        "ocean" => ocean(brush, light, rng),
        "stadium" => town::stadium(brush, light, rng),
        _ => town::street(brush, light, rng),
    }
}

/// A sky down to `horizon`, with sun, moon, stars or clouds.
pub fn sky(b: &mut Brush<'_>, light: Light, horizon: f32, rng: &mut impl Rng) {
    let x = rng.random_range(12.0..100.0);
    if light.night {
        b.gradient(0.0, 0.0, 112.0, horizon, 0x141c44, 0x4a4a80);
        for _ in 0..24 {
            let (x, y) = (rng.random_range(0.0..112.0), rng.random_range(0.0..horizon * 0.8));
            b.circle(x, y, rng.random_range(0.3..0.9), 0xf4f0d8);
        }
        b.faint(0.5).glow(x, 15.0, 20.0, 0xe8ecff);
        b.circle(x, 15.0, 7.0, 0xf6f2dc);
        b.circle(x - 3.0, 13.0, 6.0, 0x262e5c);
        return;
    }
    if light.overcast {
        b.gradient(0.0, 0.0, 112.0, horizon, 0x8f9cae, 0xccd4da);
        for row in 0..3 {
            for _ in 0..4 {
                cloud(b, rng.random_range(-8.0..118.0), 4.0 + 9.0 * row as f32, rng.random_range(8.0..15.0), 0xa4aebb);
            }
        }
        return;
    }
    let skies = [(0x4a9ae8, 0xc8e6fa), (0x5ab0f0, 0xfbe6c0), (0x6a86d8, 0xffc8a0), (0x3f8fd8, 0xd8f0f4)];
    let (top, bottom) = skies.choose(rng).copied().unwrap_or(skies[0]);
    b.gradient(0.0, 0.0, 112.0, horizon, top, bottom);
    b.faint(0.8).glow(x, 15.0, 22.0, 0xfff4b0);
    b.circle(x, 15.0, 7.5, 0xffe05a);
    for _ in 0..rng.random_range(1..4) {
        cloud(b, rng.random_range(5.0..107.0), rng.random_range(6.0..26.0), rng.random_range(6.0..11.0), 0xffffff);
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
    let mut edge: Vec<(f32, f32)> =
        (0..=28).map(|step| (step as f32 * 4.0, y + swing * (phase + wave * 4.0 * step as f32).sin())).collect();
    edge.extend([(112.0, 112.0), (0.0, 112.0)]);
    b.polygon(&edge, colour);
}

fn beach(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    let horizon = rng.random_range(40.0..48.0);
    sky(b, light, horizon, rng);
    b.gradient(0.0, horizon, 112.0, 72.0, 0x2a86b8, 0x7cd0d8);
    for _ in 0..9 {
        let (x, y) = (rng.random_range(0.0..112.0), rng.random_range(horizon + 3.0..64.0));
        b.faint(0.7).line(&[(x, y), (x + 9.0, y)], 0.9, 0xe8f8fa);
    }
    hills(b, 67.0, 3.0, 0xf4faf6, rng);
    hills(b, 70.0, 3.0, 0xf0d79c, rng);
    b.gradient(0.0, 76.0, 112.0, 112.0, 0xf0d79c, 0xe2bd78);
    for _ in 0..26 {
        b.circle(rng.random_range(0.0..112.0), rng.random_range(77.0..112.0), 0.7, 0xc49a58);
    }
    let (x, lean) = if rng.random_bool(0.5) { (7.0, 1.0) } else { (105.0, -1.0) };
    palm(b, x, lean);
    for _ in 0..2 {
        let (x, y) = (rng.random_range(8.0..104.0), rng.random_range(84.0..108.0));
        for turn in 0..5 {
            let angle = (turn as f32 * 72.0 - 90.0).to_radians();
            b.line(&[(x, y), (x + 3.4 * angle.cos(), y + 2.6 * angle.sin())], 1.9, 0xe8785a);
        }
    }
}

fn palm(b: &mut Brush<'_>, x: f32, lean: f32) {
    b.line(&[(x, 84.0), (x + lean * 1.5, 58.0), (x + lean * 7.0, 32.0)], 4.0, 0x8a6238);
    let (x, y) = (x + lean * 7.0, 31.0);
    for (dx, dy) in [(-15.0, 5.0), (15.0, 5.0), (-13.0, -6.0), (13.0, -6.0), (-6.0, 12.0), (7.0, 12.0)] {
        b.line(&[(x, y), (x + dx * 0.6, y + dy * 0.5 - 5.0), (x + dx, y + dy)], 3.6, 0x3a8a3c);
    }
}

fn cemetery(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
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
    for (y, dx, dy) in [(46.0, -13.0, -13.0), (42.0, 12.0, -12.0), (33.0, -9.0, -14.0), (29.0, 10.0, -13.0)] {
        b.line(&[(x, y), (x + dx * 0.6, y + dy * 0.4), (x + dx, y + dy)], 1.8, bark);
    }
}

fn forest(b: &mut Brush<'_>, rng: &mut impl Rng) {
    b.gradient(0.0, 0.0, 112.0, 72.0, 0x2f5a3c, 0x8fb878);
    for (colour, low, high) in [(0x3f7048, 58.0, 64.0), (0x2a5a38, 62.0, 70.0)] {
        for step in 0..9 {
            let (x, y) = (step as f32 * 14.0 + rng.random_range(-5.0..5.0), rng.random_range(low..high));
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
        b.circle(rng.random_range(0.0..112.0), rng.random_range(-3.0..9.0), rng.random_range(7.0..13.0), 0x24502e);
    }
    for _ in 0..16 {
        let (x, y) = (rng.random_range(0.0..112.0), rng.random_range(76.0..112.0));
        b.line(&[(x - 2.0, y - 3.0), (x, y), (x + 2.0, y - 3.0)], 0.9, 0x7a9a48);
    }
}

/// A fir whose foot is `x`, `y`.
pub fn fir(b: &mut Brush<'_>, x: f32, y: f32, height: f32, colour: u32) {
    for step in 0..3 {
        let top = y - height + height * 0.24 * step as f32;
        let half = height * (0.16 + 0.06 * step as f32);
        b.polygon(&[(x, top), (x + half, top + height * 0.45), (x - half, top + height * 0.45)], mix(colour, 0, 0.06 * step as f32));
    }
}

fn garden(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    sky(b, light, 56.0, rng);
    for step in 0..10 {
        b.circle(step as f32 * 12.5, 56.0 + rng.random_range(-2.0..2.0), 10.0, 0x4c9a46);
    }
    let x = if rng.random_bool(0.5) { 14.0 } else { 96.0 };
    b.rect(x - 2.5, 40.0, x + 2.5, 66.0, 0x7a5030);
    for (dx, dy) in [(-8.0, 2.0), (8.0, 2.0), (0.0, -6.0), (0.0, 6.0)] {
        b.circle(x + dx, 28.0 + dy, 11.0, 0x3f8a3c);
    }
    for (dx, dy) in [(-10.0, 0.0), (-3.0, 8.0), (5.0, -4.0), (10.0, 5.0), (-4.0, -8.0)] {
        b.circle(x + dx, 28.0 + dy, 2.0, 0xe84438);
    }
    for step in 0..15 {
        let x = step as f32 * 8.0 + 1.0;
        b.polygon(&[(x, 70.0), (x, 56.0), (x + 2.0, 53.5), (x + 4.0, 56.0), (x + 4.0, 70.0)], 0xfaf8f0);
    }
    b.rect(0.0, 58.5, 112.0, 60.5, 0xfaf8f0);
    b.rect(0.0, 64.5, 112.0, 66.5, 0xfaf8f0);
    b.gradient(0.0, 69.0, 112.0, 112.0, 0x86c85a, 0x55a03e);
    for _ in 0..26 {
        let (x, y) = (rng.random_range(0.0..112.0), rng.random_range(72.0..112.0));
        let blossom = [0xffffff, 0xf7d848, 0xf090b8].choose(rng).copied().unwrap_or(0xffffff);
        b.circle(x, y, 1.2, blossom);
    }
}

fn landfill(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    sky(b, light, 60.0, rng);
    b.faint(0.45).rect(0.0, 0.0, 112.0, 60.0, 0xa89a58);
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
        b.polygon(&[(x, y), (x + w, y + lean), (x + w - lean, y + h + lean), (x - lean, y + h)], colour);
    }
    for _ in 0..2 {
        let (x, y) = (rng.random_range(6.0..106.0), rng.random_range(68.0..80.0));
        b.circle(x, y, 5.5, 0x28262a);
        b.circle(x, y, 2.4, 0x7a6a4a);
    }
    for _ in 0..7 {
        let (x, y) = (rng.random_range(4.0..108.0), rng.random_range(8.0..48.0));
        b.line(&[(x - 1.6, y - 1.0), (x, y), (x + 1.6, y - 1.0)], 0.8, 0x2a2824);
    }
}

fn mountain(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    sky(b, light, 72.0, rng);
    let shift = rng.random_range(-14.0..14.0);
    for (x, top, half, colour) in [(16.0, 30.0, 42.0, 0x8292b4), (98.0, 26.0, 44.0, 0x8292b4), (56.0, 9.0, 50.0, 0x64769c)] {
        let (x, top) = (x + shift, top + rng.random_range(-3.0..3.0));
        b.polygon(&[(x, top), (x + half, 76.0), (x - half, 76.0)], colour);
        b.polygon(&[(x, top), (x + half, 76.0), (x + half * 0.15, 76.0)], mix(colour, 0x303a5c, 0.3));
        let snow = 0.32;
        let edge = |share: f32, dip: f32| (x + half * snow * share, top + (76.0 - top) * snow + dip);
        b.polygon(&[(x, top), edge(1.0, 0.0), edge(0.5, 4.0), edge(0.15, -2.0), edge(-0.3, 5.0), edge(-0.6, -1.0), edge(-1.0, 0.0)], 0xfafcff);
    }
    for step in 0..9 {
        fir(b, step as f32 * 14.0 + rng.random_range(-4.0..4.0), 74.0, rng.random_range(10.0..17.0), 0x3c6a4c);
    }
    hills(b, 72.0, 2.0, 0x7c9a58, rng);
    b.gradient(0.0, 77.0, 112.0, 112.0, 0x7c9a58, 0x5e7844);
    for _ in 0..9 {
        let (x, y) = (rng.random_range(0.0..112.0), rng.random_range(78.0..110.0));
        b.ellipse(x, y, rng.random_range(2.0..4.5), 1.9, 0x9a988e);
    }
}

fn ocean(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    let storm = light.night || light.overcast;
    sky(b, light, 44.0, rng);
    b.gradient(0.0, 40.0, 112.0, 112.0, 0x1c5a9a, 0x2f94b8);
    if storm {
        let x = rng.random_range(24.0..88.0);
        b.line(&[(x, 4.0), (x - 6.0, 18.0), (x + 2.0, 20.0), (x - 6.0, 38.0)], 1.8, 0xfff4a8);
    }
    let height = if storm { 5.0 } else { 1.8 };
    for row in 0..7 {
        let y = 45.0 + 8.0 * row as f32;
        let phase = rng.random_range(0.0..6.3);
        let colour = mix(0x1c5a9a, 0x48b0c8, row as f32 / 7.0);
        let crest: Vec<(f32, f32)> =
            (0..=56).map(|step| (step as f32 * 2.0, y - height * (phase + step as f32 * 0.42).sin().abs())).collect();
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
