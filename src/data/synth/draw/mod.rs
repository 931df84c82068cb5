//! Pictures of scenes.

mod brush;
mod face;
mod grade;
mod grounds;
mod indoors;
mod nature;
mod object;
mod person;
mod setting;
mod sky;
mod town;

use image::{Rgb, RgbImage};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tiny_skia::{Pixmap, PixmapPaint, PremultipliedColorU8, Transform};

use super::scene::{OBJECTS, Scene};
use brush::Brush;

/// The picture of a scene, `size` by `size` pixels; the same scene gives the same pixels. A size of 0, or one beyond what
/// memory can hold, gives an empty picture.
#[must_use]
pub fn render(scene: &Scene) -> RgbImage {
    let pixmap = || Pixmap::new(scene.size, scene.size);
    let (Some(picture), Some(front)) = (pixmap(), pixmap()) else {
        return RgbImage::new(0, 0);
    };
    let mut pixels = paint(scene, picture, front);
    grade::grade(&mut pixels, scene.brightness, scene.colorfulness);
    RgbImage::from_fn(scene.size, scene.size, |x, y| {
        Rgb(pixels[(y * scene.size + x) as usize].map(|value| (value * 255.0).round() as u8))
    })
}

/// Draws the setting on `picture`, what stands before it on `front`, and joins them: pixels row by row, before the
/// grade, values in `[0, 1]`.
pub(super) fn paint(scene: &Scene, mut picture: Pixmap, mut front: Pixmap) -> Vec<[f32; 3]> {
    let mut rng = ChaCha8Rng::seed_from_u64(scene.style);
    setting::draw(&mut Brush::new(&mut picture), scene, &mut rng);
    for thing in &scene.objects {
        let [left, top, right, bottom] = thing.bounds;
        // The rim around what stands in front needs room within the box.
        let rim = 0.012 * scene.size as f32;
        let inner = [left + rim, top + rim, right - rim, bottom - rim];
        object::shadow(&mut Brush::new(&mut picture).within(&inner, false), OBJECTS[thing.kind]);
        object::draw(
            &mut Brush::new(&mut front).within(&inner, scene.mirrored()),
            OBJECTS[thing.kind],
            &mut rng,
        );
    }
    if let Some(person) = &scene.person {
        person::shadow(&mut Brush::new(&mut picture), person, scene.size);
        person::draw(&mut Brush::new(&mut front), person, scene, &mut rng);
    }
    rim(&mut picture, &front);

    let values = |p: &PremultipliedColorU8| [p.red(), p.green(), p.blue()].map(|value| f32::from(value) / 255.0);
    picture.pixels().iter().map(values).collect()
}

/// Puts `front` on `picture` with a thin dark rim around it, so that it stands out from any setting.
fn rim(picture: &mut Pixmap, front: &Pixmap) {
    let mut silhouette = front.clone();
    for pixel in silhouette.pixels_mut() {
        let ink = |share: f32| (f32::from(pixel.alpha()) * share) as u8;
        if let Some(dark) = PremultipliedColorU8::from_rgba(ink(0.13), ink(0.1), ink(0.17), pixel.alpha()) {
            *pixel = dark;
        }
    }
    let reach = picture.width() as f32 / 112.0;
    let (paint, plain) = (
        PixmapPaint {
            opacity: 0.6,
            ..PixmapPaint::default()
        },
        PixmapPaint::default(),
    );
    for (x, y) in [(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)] {
        picture.draw_pixmap(
            (x * reach) as i32,
            (y * reach) as i32,
            silhouette.as_ref(),
            &paint,
            Transform::identity(),
            None,
        );
    }
    picture.draw_pixmap(0, 0, front.as_ref(), &plain, Transform::identity(), None);
}
