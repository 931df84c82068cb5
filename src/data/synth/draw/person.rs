//! A person: clothes, limbs in the pose of the action, hair, and the face.

use rand::{Rng, seq::IndexedRandom};

use super::{
    brush::{Brush, mix},
    face,
};
use crate::data::synth::{
    pose::{self, HEAD, Pose},
    scene::{ACTIONS, Person, Scene},
};

const SKINS: [u32; 5] = [0xffdcc0, 0xf3c39b, 0xdba577, 0xb77b50, 0xa06c46];
const HAIRS: [u32; 6] = [0x2b1d18, 0x5a3820, 0x8e5a2a, 0xd9a441, 0xb5482a, 0x3a3f52];
const TOPS: [u32; 8] = [
    0xd94f4f, 0x3f7fd0, 0x47a564, 0xe0a030, 0x8a5cc0, 0xd86fa5, 0x2f9aa0, 0xf0ece0,
];
const BOTTOMS: [u32; 5] = [0x34466e, 0x4d4238, 0x5b5f68, 0x6a3b4a, 0x2f5a4c];
const SHOES: u32 = 0x33262a;

struct Look {
    skin: u32,
    hair: u32,
    top: u32,
    bottom: u32,
    /// 0 short, 1 long, 2 bun, 3 cap of curls.
    cut: u8,
    skirt: bool,
}

/// Draws the person of a scene with a brush over the whole picture.
pub fn draw(brush: &mut Brush<'_>, person: &Person, scene: &Scene, rng: &mut impl Rng) {
    let choose = |colours: &[u32], rng: &mut _| colours.choose(rng).copied().unwrap_or(SHOES);
    let look = Look {
        skin: choose(&SKINS, rng),
        hair: choose(&HAIRS, rng),
        top: choose(&TOPS, rng),
        bottom: choose(&BOTTOMS, rng),
        cut: rng.random_range(0..4),
        skirt: rng.random_bool(0.3),
    };
    let pose = pose::pose(person.action);
    let ((x, y), scale) = pose::origin(person, scene.mirrored());
    // The brush counts in pixels of 112, boxes in pixels.
    let unit = 112.0 / scene.size as f32;
    let flip = if scene.mirrored() { -1.0 } else { 1.0 };
    let mut brush = brush.at(x * unit, y * unit, (flip * scale * unit, scale * unit));
    let action = ACTIONS[person.action];
    if action == "sitting" {
        stool(&mut brush);
    }
    limb(
        &mut brush,
        pose.hip,
        pose.legs[0],
        8.0,
        mix(look.bottom, 0x000000, 0.25),
    );
    shoe(&mut brush, &pose, 0, action);
    limb(
        &mut brush,
        pose.shoulder,
        pose.arms[0],
        6.0,
        mix(look.top, 0x000000, 0.25),
    );
    brush.circle(
        pose.arms[0][1].0,
        pose.arms[0][1].1,
        if action == "fighting" { 4.6 } else { 3.3 },
        mix(look.skin, 0x000000, 0.12),
    );
    if look.cut == 1 {
        let (head_x, head_y) = pose.head;
        for side in [-11.0, 11.0] {
            brush.line(
                &[(head_x + side, head_y), (head_x + side, head_y + 13.0)],
                6.6,
                mix(look.hair, 0x000000, 0.15),
            );
        }
    }
    torso(&mut brush, &pose, &look);
    limb(&mut brush, pose.hip, pose.legs[1], 8.0, look.bottom);
    shoe(&mut brush, &pose, 1, action);
    if look.skirt {
        skirt(&mut brush, &pose, look.bottom);
    }
    head(&mut brush, &pose, &look, person.expression, flip);
    limb(
        &mut brush,
        pose.shoulder,
        pose.arms[1],
        6.0,
        mix(look.top, 0xffffff, 0.12),
    );
    brush.circle(
        pose.arms[1][1].0,
        pose.arms[1][1].1,
        if action == "fighting" { 5.4 } else { 3.4 },
        look.skin,
    );
    strokes(&mut brush, action);
}

/// The shadow at a person's feet.
pub fn shadow(brush: &mut Brush<'_>, person: &Person, size: u32) {
    let [left, _, right, bottom] = person.body.map(|edge| edge * 112.0 / size as f32);
    let wide = if ACTIONS[person.action] == "jumping" {
        0.3
    } else {
        0.45
    };
    brush.faint(0.3).ellipse(
        (left + right) / 2.0,
        bottom - 1.0,
        (right - left) * wide,
        3.0,
        0x101020,
    );
}

fn limb(
    brush: &mut Brush<'_>,
    from: (f32, f32),
    [middle, end]: [(f32, f32); 2],
    width: f32,
    colour: u32,
) {
    brush.line(&[from, middle, end], width, colour);
}

fn shoe(brush: &mut Brush<'_>, pose: &Pose, leg: usize, action: &str) {
    let (x, y) = pose.legs[leg][1];
    let toe = if action == "kneeling" { -1.5 } else { 1.8 };
    brush.ellipse(x + toe, y, 4.6, 3.0, SHOES);
}

fn torso(brush: &mut Brush<'_>, pose: &Pose, look: &Look) {
    let ((sx, sy), (hx, hy)) = (pose.shoulder, pose.hip);
    let length = (hx - sx).hypot(hy - sy).max(1.0);
    let (across_x, across_y) = (-(hy - sy) / length, (hx - sx) / length);
    let corner = |x: f32, y: f32, half: f32| (x + across_x * half, y + across_y * half);
    brush.line(
        &[pose.head, pose.shoulder],
        6.0,
        mix(look.skin, 0x000000, 0.15),
    );
    let outline = [
        corner(sx, sy, 9.0),
        corner(hx, hy, 7.5),
        corner(hx, hy, -7.5),
        corner(sx, sy, -9.0),
    ];
    brush.polygon(&outline, look.top);
    brush.line(&[corner(sx, sy, 6.5), corner(sx, sy, -6.5)], 5.0, look.top);
    brush.line(
        &[corner(hx, hy, 4.5), corner(hx, hy, -4.5)],
        6.0,
        look.bottom,
    );
}

fn skirt(brush: &mut Brush<'_>, pose: &Pose, colour: u32) {
    let (x, y) = pose.hip;
    let knees = [pose.legs[0][0], pose.legs[1][0]];
    let reach = |knee: (f32, f32), side: f32| {
        (
            x + (knee.0 - x) * 0.9 + side * 6.0,
            y + (knee.1 - y) * 0.9 + 1.0,
        )
    };
    let (left, right) = if knees[0].0 < knees[1].0 {
        (knees[0], knees[1])
    } else {
        (knees[1], knees[0])
    };
    brush.polygon(
        &[
            (x - 7.0, y - 3.0),
            (x + 7.0, y - 3.0),
            reach(right, 1.0),
            reach(left, -1.0),
        ],
        colour,
    );
}

fn head(brush: &mut Brush<'_>, pose: &Pose, look: &Look, expression: usize, flip: f32) {
    let (x, y) = pose.head;
    let mut brush = brush.at(x, y, (flip, 1.0));
    match look.cut {
        2 => brush.circle(0.0, -12.0, 3.4, look.hair),
        3 => {
            for turn in 0..7 {
                let angle = (200.0 + 23.0 * turn as f32).to_radians();
                brush.circle(10.8 * angle.cos(), 10.8 * angle.sin(), 4.5, look.hair);
            }
        }
        _ => {}
    }
    brush.ellipse(0.0, -1.0, HEAD.0, HEAD.1 - 1.0, look.hair);
    for side in [-1.0, 1.0] {
        brush.circle(side * 13.0, 2.5, 1.5, look.skin);
    }
    brush.ellipse(0.0, 2.0, 13.2, 13.0, look.skin);
    face::draw(&mut brush.at(0.0, 1.6, (13.2, 13.6)), expression, look.skin);
    // The fringe.
    brush.segment((0.0, -3.0), (13.4, 11.2), (207.0, 333.0), look.hair);
}

fn stool(brush: &mut Brush<'_>) {
    brush.line(&[(-14.0, -14.0), (-16.0, -2.0)], 2.6, 0x6b4426);
    brush.line(&[(1.0, -14.0), (3.0, -2.0)], 2.6, 0x6b4426);
    brush.rect(-18.0, -17.0, 5.0, -12.5, 0x94633a);
}

/// Marks of movement.
fn strokes(brush: &mut Brush<'_>, action: &str) {
    let lines: &[[(f32, f32); 2]] = match action {
        "jumping" => &[
            [(-8.0, -6.0), (-8.0, -2.0)],
            [(0.0, -9.0), (0.0, -2.0)],
            [(8.0, -6.0), (8.0, -2.0)],
        ],
        "running" => &[
            [(-28.0, -36.0), (-20.0, -36.0)],
            [(-29.0, -28.0), (-18.0, -28.0)],
            [(-28.0, -44.0), (-16.0, -46.0)],
        ],
        "fighting" => &[
            [(33.0, -52.0), (35.0, -55.0)],
            [(35.0, -36.0), (36.0, -33.0)],
            [(24.0, -53.0), (22.0, -57.0)],
        ],
        "dancing" => &[
            [(26.0, -24.0), (28.0, -28.0)],
            [(-18.0, -50.0), (-20.0, -54.0)],
        ],
        _ => &[],
    };
    for line in lines {
        brush.line(line, 1.6, 0xfff6d0);
    }
}
