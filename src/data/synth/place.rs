//! Where a person and objects stand: inside the picture, none hidden behind another.

use rand::Rng;

use super::{
    pose,
    scene::{Bounds, OBJECTS, Person, Scene, Thing},
};

/// Empty pixels (of 112) along the picture's edge and between boxes.
const MARGIN: f32 = 1.5;

/// Gives the person and every object of `scene` a box.
pub(super) fn place(scene: &mut Scene, rng: &mut impl Rng) {
    let unit = scene.size as f32 / 112.0;
    let mirrored = scene.mirrored();
    // Each failure makes the things a little smaller, so that an arrangement that fits is always found.
    for attempt in 0_u32.. {
        let shrink = 1.0 - 0.31 * (attempt.min(60) as f32 / 60.0);
        let mut taken: Vec<Bounds> = Vec::with_capacity(3);
        if let Some(person) = &mut scene.person {
            place_person(person, shrink, unit, mirrored, rng);
            taken.push(person.body);
        }
        let free = scene.objects.iter_mut().all(|thing| {
            place_thing(thing, shrink, unit, rng);
            let free = taken.iter().all(|other| apart(&thing.bounds, other, MARGIN * unit));
            taken.push(thing.bounds);
            free
        });
        if free {
            return;
        }
    }
}

fn place_person(person: &mut Person, shrink: f32, unit: f32, mirrored: bool, rng: &mut impl Rng) {
    let scale = rng.random_range(0.94..1.06) * shrink.max(0.92);
    let [left, _, right, _] = pose::pose(person.action).extent;
    let (left, right) = if mirrored { (-right, -left) } else { (left, right) };
    let x = rng.random_range((MARGIN - left * scale)..(112.0 - MARGIN - right * scale));
    let y = rng.random_range(102.0..109.0);
    pose::set_boxes(person, (x * unit, y * unit), scale * unit, mirrored);
}

fn place_thing(thing: &mut Thing, shrink: f32, unit: f32, rng: &mut impl Rng) {
    let (width, height, airborne) = footprint(OBJECTS[thing.kind]);
    let scale = rng.random_range(1.1..1.4) * shrink;
    let (width, height) = (width * scale, height * scale);
    let left = rng.random_range(MARGIN..(112.0 - MARGIN - width));
    let top = if airborne {
        rng.random_range(4.0..22.0)
    } else {
        rng.random_range(78.0..109.0) - height
    };
    thing.bounds = [left, top, left + width, top + height].map(|edge| edge * unit);
}

/// Width and height of an object in pixels of 112, and whether it hangs in the air.
fn footprint(object: &str) -> (f32, f32, bool) {
    match object {
        "balloon" => (27.0, 37.0, true),
        "boat" => (36.0, 34.0, false),
        "cake" => (31.0, 30.0, false),
        "candle" => (27.0, 34.0, false),
        "car" => (43.0, 27.0, false),
        "dog" => (34.0, 30.0, false),
        "eagle" => (43.0, 27.0, true),
        "fire" => (29.0, 34.0, false),
        "flower" => (27.0, 35.0, false),
        "snake" => (34.0, 27.0, false),
        "spider" => (34.0, 29.0, false),
        "trash" => (28.0, 31.0, false),
        "trophy" => (28.0, 31.0, false),
        _ => (34.0, 33.0, false),
    }
}

fn apart(a: &Bounds, b: &Bounds, margin: f32) -> bool {
    a[0] >= b[2] + margin || b[0] >= a[2] + margin || a[1] >= b[3] + margin || b[1] >= a[3] + margin
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn boxes_are_large_inside_the_picture_and_apart() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for size in [112, 224] {
            let unit = size as f32 / 112.0;
            for _ in 0..2000 {
                let scene = Scene::draw(&mut rng, size, 1.0);
                let things = scene.objects.iter().map(|thing| thing.bounds);
                let boxes: Vec<Bounds> = things
                    .clone()
                    .chain(scene.person.iter().map(|person| person.body))
                    .collect();
                for bounds in boxes.iter().chain(scene.person.iter().map(|person| &person.face)) {
                    assert!(
                        bounds.iter().all(|edge| (0.0..=112.0 * unit).contains(edge)),
                        "{scene:?}"
                    );
                }
                for bounds in things {
                    assert!(
                        bounds[2] - bounds[0] >= 20.0 * unit && bounds[3] - bounds[1] >= 20.0 * unit,
                        "{scene:?}"
                    );
                }
                for face in scene.person.iter().map(|person| person.face) {
                    assert!(face[2] - face[0] >= 24.0 * unit, "{scene:?}");
                }
                for (index, one) in boxes.iter().enumerate() {
                    assert!(
                        boxes[index + 1..].iter().all(|other| apart(one, other, 0.0)),
                        "{scene:?}"
                    );
                }
            }
        }
    }
}
