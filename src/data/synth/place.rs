//! Where a person and objects stand: inside the picture, none hidden behind another.

use rand::Rng;

use super::scene::{Bounds, Scene};

/// Gives the person and every object of `scene` a box.
pub(super) fn place(scene: &mut Scene, rng: &mut impl Rng) {
    let unit = scene.size as f32 / 112.0;
    loop {
        let mut taken: Vec<Bounds> = Vec::new();
        if let Some(person) = &mut scene.person {
            let (width, height) = (30.0 * unit, 86.0 * unit);
            let left = rng.random_range(1.0..(111.0 * unit - width));
            let bottom = rng.random_range(106.0..110.0) * unit;
            person.body = [left, bottom - height, left + width, bottom];
            person.face = [
                left + unit,
                bottom - height,
                left + 29.0 * unit,
                bottom - height + 30.0 * unit,
            ];
            taken.push(person.body);
        }
        let free = scene.objects.iter_mut().all(|thing| {
            let side = rng.random_range(22.0..30.0) * unit;
            let left = rng.random_range(1.0..(111.0 * unit - side));
            let bottom = rng.random_range(84.0..110.0) * unit;
            thing.bounds = [left, bottom - side, left + side, bottom];
            let free = taken.iter().all(|other| !overlap(&thing.bounds, other));
            taken.push(thing.bounds);
            free
        });
        if free {
            return;
        }
    }
}

fn overlap(a: &Bounds, b: &Bounds) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}
