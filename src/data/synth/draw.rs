//! stub
use super::Scene;
pub fn render(scene: &Scene) -> image::RgbImage {
    let mut p = image::RgbImage::new(scene.size, scene.size);
    for (x, y, c) in p.enumerate_pixels_mut() {
        let f = (scene.brightness * 255.0) as u8;
        c.0 = [f, (scene.setting * 20) as u8, f / 2];
        for t in &scene.objects {
            let (x, y) = (x as f32, y as f32);
            if x > t.bounds[0] && x < t.bounds[2] && y > t.bounds[1] && y < t.bounds[3] {
                c.0 = [(t.kind * 17) as u8, 255 - (t.kind * 13) as u8, 99];
            }
        }
    }
    p
}
