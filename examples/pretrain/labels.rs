//! Dense labels of a drawn picture: what is seen in each merged token, and in the picture as a whole.

use masp::data::synth::scene::{ACTIONS, Bounds, EXPRESSIONS, LEVELS, OBJECTS, SCENES, Scene};

use super::shape::Shape;

/// What is read from the vision tokens while the tower is trained, each through a linear layer that is then dropped:
/// its name, its number of classes, and its weight in the loss. In the first three, class 0 is "none".
pub const READ_OUTS: [(&str, usize, f32); 6] = [
    ("object", OBJECTS.len() + 1, 1.0),
    ("expression", EXPRESSIONS.len() + 1, 1.0),
    ("action", ACTIONS.len() + 1, 1.0),
    ("scene", SCENES.len(), 0.3),
    ("brightness", LEVELS.len(), 0.3),
    ("colorfulness", LEVELS.len(), 0.3),
];

/// The weight of a token that shows nothing of a kind: they are most.
const NONE: f32 = 0.2;

/// Classes and weights `[READ_OUTS][tokens]` of one picture.
pub struct Labels {
    pub classes: Vec<Vec<u32>>,
    pub weights: Vec<Vec<f32>>,
}

/// A token shows a thing if its middle lies in the thing's box, and nothing if the box does not touch it; between the
/// two its weight is 0.
pub fn labels(scene: &Scene, shape: &Shape) -> Labels {
    let tokens = shape.tokens();
    let mut classes = vec![vec![0u32; tokens]; READ_OUTS.len()];
    let mut weights = vec![vec![NONE; tokens]; 3];
    weights.extend(vec![vec![1.0; tokens]; 3]);
    let mut mark = |read_out: usize, bounds: &Bounds, class: usize| {
        for token in 0..tokens {
            if holds_middle(bounds, token, shape) {
                classes[read_out][token] = class as u32 + 1;
                weights[read_out][token] = 1.0;
            } else if touches(bounds, token, shape) && classes[read_out][token] == 0 {
                weights[read_out][token] = 0.0;
            }
        }
    };
    for thing in &scene.objects {
        mark(0, &thing.bounds, thing.kind);
    }
    if let Some(person) = &scene.person {
        mark(1, &person.face, person.expression);
        mark(2, &person.body, person.action);
    }
    for (read_out, class) in [scene.setting, scene.brightness_level(), scene.colorfulness_level()]
        .into_iter()
        .enumerate()
    {
        classes[3 + read_out].fill(class as u32);
    }
    Labels { classes, weights }
}

fn cell(token: usize, shape: &Shape) -> Bounds {
    let side = (shape.patch * shape.merge) as f32;
    let (row, column) = ((token / shape.merged()) as f32, (token % shape.merged()) as f32);
    [column * side, row * side, (column + 1.0) * side, (row + 1.0) * side]
}

/// Whether the middle of a token's cell lies in the box.
pub fn holds_middle(bounds: &Bounds, token: usize, shape: &Shape) -> bool {
    let cell = cell(token, shape);
    let (x, y) = ((cell[0] + cell[2]) / 2.0, (cell[1] + cell[3]) / 2.0);
    bounds[0] <= x && x < bounds[2] && bounds[1] <= y && y < bounds[3]
}

fn touches(bounds: &Bounds, token: usize, shape: &Shape) -> bool {
    let cell = cell(token, shape);
    bounds[0] < cell[2] && cell[0] < bounds[2] && bounds[1] < cell[3] && cell[1] < bounds[3]
}
