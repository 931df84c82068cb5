//! The setting indoors: a living room.

use rand::{Rng, seq::IndexedRandom};

use super::{
    brush::{Brush, mix},
    sky::Light,
};

pub fn living_room(b: &mut Brush<'_>, light: Light, rng: &mut impl Rng) {
    let walls = [0xe8d2a8, 0xb8d0c0, 0xe0b8a8, 0xb8c4dc, 0xd8c8e0];
    let sofas = [0xa8443c, 0x3c6a8a, 0x5a7a48, 0x8a5a88, 0xb8803c];
    let wall = walls.choose(rng).copied().unwrap_or(walls[0]);
    let sofa = sofas.choose(rng).copied().unwrap_or(sofas[0]);
    b.rect(0.0, 0.0, 112.0, 78.0, wall);
    for step in 0..14 {
        b.faint(0.4).rect(
            step as f32 * 8.0,
            0.0,
            step as f32 * 8.0 + 3.0,
            78.0,
            mix(wall, 0xffffff, 0.5),
        );
    }
    b.rect(0.0, 75.0, 112.0, 79.0, 0xf6f0e2);
    b.gradient(0.0, 79.0, 112.0, 112.0, 0xb8814c, 0x96602f);
    for y in [84.0, 91.0, 99.0, 107.0] {
        b.line(&[(0.0, y), (112.0, y)], 0.7, 0x784a24);
    }
    let flip = rng.random_bool(0.5);
    let x = |x: f32| if flip { 112.0 - x } else { x };
    window(b, x(30.0), light);
    picture(b, x(66.0), rng);
    lamp(b, x(101.0));
    b.ellipse(56.0, 101.0, 50.0, 8.5, mix(sofa, 0xf4e4c8, 0.55));
    b.ellipse(56.0, 101.0, 41.0, 6.2, mix(sofa, 0xf4e4c8, 0.25));
    let (left, right) = if flip { (32.0, 106.0) } else { (6.0, 80.0) };
    b.rect(left + 4.0, 54.0, right - 4.0, 78.0, mix(sofa, 0, 0.1));
    b.rect(left, 66.0, right, 85.0, sofa);
    for x in [left, right] {
        b.circle(x, 65.0, 5.0, mix(sofa, 0xffffff, 0.12));
        b.rect(x - 5.0, 65.0, x + 5.0, 86.0, mix(sofa, 0xffffff, 0.12));
    }
    b.line(
        &[((left + right) / 2.0, 55.0), ((left + right) / 2.0, 80.0)],
        0.9,
        mix(sofa, 0, 0.4),
    );
    b.polygon(
        &[
            (left + 12.0, 57.0),
            (left + 24.0, 59.0),
            (left + 22.0, 70.0),
            (left + 10.0, 68.0),
        ],
        0xf0d078,
    );
}

fn window(b: &mut Brush<'_>, x: f32, light: Light) {
    let (top, bottom) = match light {
        Light { night: true, .. } => (0x16204c, 0x3c4478),
        Light { overcast: true, .. } => (0x9aa6b4, 0xc4ccd2),
        _ => (0x6ab4ee, 0xd4eefa),
    };
    b.rect(x - 18.0, 6.0, x + 18.0, 44.0, 0xfaf6ec);
    b.gradient(x - 15.5, 8.5, x + 15.5, 41.5, top, bottom);
    b.rect(x - 1.2, 8.0, x + 1.2, 42.0, 0xfaf6ec);
    b.rect(x - 16.0, 24.0, x + 16.0, 26.2, 0xfaf6ec);
    for side in [-1.0, 1.0] {
        let edge = |offset: f32| x + side * offset;
        b.polygon(
            &[
                (edge(20.0), 4.0),
                (edge(9.0), 4.0),
                (edge(15.0), 46.0),
                (edge(20.0), 46.0),
            ],
            0xc86a5a,
        );
    }
}

fn picture(b: &mut Brush<'_>, x: f32, rng: &mut impl Rng) {
    let y = rng.random_range(14.0..20.0);
    b.rect(x - 11.0, y, x + 11.0, y + 18.0, 0x7a4e26);
    b.rect(x - 9.0, y + 2.0, x + 9.0, y + 16.0, 0xdce8e8);
    b.polygon(
        &[
            (x - 9.0, y + 16.0),
            (x - 2.0, y + 6.0),
            (x + 3.0, y + 12.0),
            (x + 6.0, y + 9.0),
            (x + 9.0, y + 16.0),
        ],
        0x6a9a78,
    );
}

fn lamp(b: &mut Brush<'_>, x: f32) {
    b.faint(0.7).glow(x, 40.0, 19.0, 0xfff0b8);
    b.line(&[(x, 44.0), (x, 84.0)], 1.8, 0x5a4634);
    b.ellipse(x, 85.0, 6.0, 1.9, 0x5a4634);
    b.polygon(
        &[
            (x - 4.5, 31.0),
            (x + 4.5, 31.0),
            (x + 9.0, 45.0),
            (x - 9.0, 45.0),
        ],
        0xf8d890,
    );
}
