//! How a person's limbs lie in each action, and how much room that takes.

use super::scene::{Bounds, Person};

/// A point in a pose's own units: x to the right from the person's middle, y down from the ground (so above it is negative). A person who
/// stands is 86 units tall.
pub(super) type Joint = (f32, f32);

/// The head's half width and half height, face and hair.
pub(super) const HEAD: (f32, f32) = (14.5, 15.5);

/// Limbs of a person who faces right.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pose {
    pub head: Joint,
    pub shoulder: Joint,
    pub hip: Joint,
    /// Elbow and hand: the arm at the back, the arm at the front.
    pub arms: [[Joint; 2]; 2],
    /// Knee and foot: the leg at the back, the leg at the front.
    pub legs: [[Joint; 2]; 2],
    /// Left, top, right, bottom of all that is drawn.
    pub extent: Bounds,
}

/// The pose of an action (index into [`super::scene::ACTIONS`]).
#[rustfmt::skip]
pub(super) fn pose(action: usize) -> Pose {
    let (head, shoulder, hip, arms, legs, extent) = match action {
        // bending: the back is level, the head low in front, hands on the knees
        0 => ((19.0, -45.0), (4.0, -44.0), (-16.0, -32.0), [[(-4.0, -30.0), (1.0, -19.0)], [(2.0, -30.0), (6.0, -19.0)]],
            [[(-14.0, -17.0), (-16.0, -3.0)], [(-6.0, -18.0), (-7.0, -3.0)]], [-24.0, -62.0, 35.0, 0.0]),
        // dancing: one arm over the head, one on the hip, a leg kicked up
        1 => ((-1.0, -68.0), (0.0, -50.0), (-3.0, -28.0), [[(-17.0, -42.0), (-7.0, -30.0)], [(19.0, -56.0), (22.0, -76.0)]],
            [[(-4.0, -15.0), (-5.0, -3.0)], [(11.0, -23.0), (24.0, -14.0)]], [-22.0, -85.0, 30.0, 0.0]),
        // fighting: a wide stance, one fist far forward, one drawn back
        2 => ((-4.0, -64.0), (-2.0, -46.0), (-4.0, -27.0), [[(-19.0, -38.0), (-17.0, -26.0)], [(13.0, -42.0), (29.0, -43.0)]],
            [[(-14.0, -15.0), (-20.0, -3.0)], [(9.0, -16.0), (14.0, -3.0)]], [-28.0, -81.0, 37.0, 0.0]),
        // jumping: off the ground, arms thrown up, knees apart
        3 => ((0.0, -73.0), (0.0, -55.0), (0.0, -34.0), [[(-17.0, -58.0), (-23.0, -79.0)], [(17.0, -58.0), (23.0, -79.0)]],
            [[(-13.0, -27.0), (-17.0, -13.0)], [(13.0, -27.0), (17.0, -13.0)]], [-28.0, -90.0, 28.0, 0.0]),
        // kneeling: shins on the ground, hands folded before the chest
        4 => ((1.0, -57.0), (-2.0, -39.0), (-7.0, -18.0), [[(4.0, -25.0), (14.0, -33.0)], [(8.0, -24.0), (15.0, -33.0)]],
            [[(4.0, -4.0), (-19.0, -4.0)], [(10.0, -4.0), (-13.0, -3.5)]], [-25.0, -74.0, 21.0, 0.0]),
        // running: leaning forward, a long stride
        5 => ((8.0, -67.0), (5.0, -49.0), (-3.0, -28.0), [[(-10.0, -43.0), (-18.0, -32.0)], [(14.0, -38.0), (24.0, -46.0)]],
            [[(-9.0, -15.0), (-25.0, -13.0)], [(12.0, -22.0), (18.0, -5.0)]], [-31.0, -84.0, 29.0, 0.0]),
        // sitting: on a stool, thighs level
        6 => ((-4.0, -60.0), (-5.0, -42.0), (-7.0, -20.0), [[(-7.0, -29.0), (7.0, -24.0)], [(2.0, -29.0), (13.0, -24.0)]],
            [[(7.0, -19.0), (8.0, -3.0)], [(13.0, -18.0), (16.0, -3.0)]], [-20.0, -77.0, 23.0, 0.0]),
        // standing: upright, arms at the sides
        _ => ((0.0, -69.0), (0.0, -51.0), (0.0, -28.0), [[(-12.0, -39.0), (-13.0, -26.0)], [(12.0, -39.0), (13.0, -26.0)]],
            [[(-5.0, -15.0), (-6.0, -3.0)], [(5.0, -15.0), (6.0, -3.0)]], [-18.0, -86.0, 18.0, 0.0]),
    };
    Pose { head, shoulder, hip, arms, legs, extent }
}

/// Gives a person at `scale` pixels a unit, the ground under whose middle is `x`, `y`, its boxes.
pub(super) fn set_boxes(person: &mut Person, (x, y): (f32, f32), scale: f32, mirrored: bool) {
    let pose = pose(person.action);
    let place = |[left, top, right, bottom]: Bounds| {
        let (left, right) = if mirrored { (-right, -left) } else { (left, right) };
        [x + left * scale, y + top * scale, x + right * scale, y + bottom * scale]
    };
    person.body = place(pose.extent);
    let (head_x, head_y) = pose.head;
    person.face = place([head_x - HEAD.0, head_y - HEAD.1, head_x + HEAD.0, head_y + HEAD.1]);
}

/// The inverse of [`set_boxes`]: where the person's middle meets the ground, and pixels a unit.
pub(super) fn origin(person: &Person, mirrored: bool) -> (Joint, f32) {
    let [left, _, right, _] = pose(person.action).extent;
    let [box_left, _, box_right, bottom] = person.body;
    let scale = (box_right - box_left) / (right - left);
    let x = if mirrored {
        box_right + left * scale
    } else {
        box_left - left * scale
    };
    ((x, bottom), scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::synth::scene::ACTIONS;

    #[test]
    fn limbs_lie_in_the_extent_and_boxes_are_invertible() {
        for (action, word) in ACTIONS.iter().enumerate() {
            let pose = pose(action);
            let [left, top, right, bottom] = pose.extent;
            let inside = |(x, y): Joint, margin: (f32, f32)| {
                x - margin.0 >= left && x + margin.0 <= right && y - margin.1 >= top && y + margin.1 <= bottom
            };
            assert!(inside(pose.head, HEAD), "{}", word);
            for joint in pose.arms.iter().chain(&pose.legs).flatten() {
                assert!(inside(*joint, (3.0, 3.0)), "{word}: {joint:?}");
            }
            for mirrored in [false, true] {
                let mut person = Person {
                    expression: 0,
                    action,
                    face: [0.0; 4],
                    body: [0.0; 4],
                };
                set_boxes(&mut person, (50.0, 108.0), 0.96, mirrored);
                let ((x, y), scale) = origin(&person, mirrored);
                assert!((x - 50.0).abs() < 1e-3 && (y - 108.0).abs() < 1e-3 && (scale - 0.96).abs() < 1e-4);
                assert!(person.face[2] - person.face[0] >= 24.0);
            }
        }
    }
}
