//! The settings: what lies behind people and objects. The ground begins at about y = 66 of 112.

use rand::Rng;

use super::{brush::Brush, grounds, indoors, nature, sky::Light, town};
use crate::data::synth::scene::{SCENES, Scene};

/// Fills the picture with the setting of `scene`.
pub fn draw(brush: &mut Brush<'_>, scene: &Scene, rng: &mut impl Rng) {
    let light = Light {
        night: scene.brightness < 0.2,
        overcast: scene.colorfulness < 0.4,
    };
    match SCENES[scene.setting] {
        "beach" => nature::beach(brush, light, rng),
        "cemetery" => grounds::cemetery(brush, light, rng),
        "fairground" => town::fairground(brush, light, rng),
        "forest" => nature::forest(brush, rng),
        "garden" => grounds::garden(brush, light, rng),
        "landfill" => grounds::landfill(brush, light, rng),
        "living_room" => indoors::living_room(brush, light, rng),
        "mountain" => nature::mountain(brush, light, rng),
        "ocean" => nature::ocean(brush, light, rng),
        "stadium" => town::stadium(brush, light, rng),
        _ => town::street(brush, light, rng),
    }
}
