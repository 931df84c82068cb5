//! A drawn picture's annotation file: EmoSet's keys, and two of our own that no training reads.

use serde::Serialize;

use super::{
    rule,
    scene::{Bounds, Scene, Thing},
};
use crate::data::classes::MIKELS;

/// The content of `annotation/<emotion>/<emotion>_NNNNN.json`. An aspect that the picture does not show has no key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnnotationFile<'a> {
    pub image_id: &'a str,
    pub emotion: &'a str,
    pub brightness: f32,
    pub colorfulness: f32,
    pub scene: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facial_expression: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub human_action: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub object: Vec<&'a str>,
    pub boxes: Boxes,
    pub drawn: Drawn,
}

/// Where things are, in pixels: left, top, right, bottom.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Boxes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face: Option<Bounds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Bounds>,
    pub objects: Vec<ObjectBox>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectBox {
    pub name: &'static str,
    #[serde(rename = "box")]
    pub bounds: Bounds,
}

/// How the picture came about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drawn {
    pub situation: &'static str,
    /// The rule's emotion; the label is another one for the share of label noise.
    pub emotion: &'static str,
    /// By how many points it leads.
    pub lead: u8,
}

impl<'a> AnnotationFile<'a> {
    #[must_use]
    pub fn new(scene: &Scene, image_id: &'a str, label: &'a str) -> Self {
        let verdict = rule::verdict(scene);
        let person = scene.person.as_ref();
        // By name: the picture gives its objects no order, and an answer that lists them must have one.
        let mut objects: Vec<&Thing> = scene.objects.iter().collect();
        objects.sort_by_key(|thing| thing.name());
        Self {
            image_id,
            emotion: label,
            brightness: scene.brightness,
            colorfulness: scene.colorfulness,
            scene: scene.scene_word(),
            facial_expression: person.map(|person| person.expression_word()),
            human_action: person.map(|person| person.action_word()),
            object: objects.iter().map(|thing| thing.name()).collect(),
            boxes: Boxes {
                face: person.map(|person| hundredths(person.face)),
                person: person.map(|person| hundredths(person.body)),
                objects: objects
                    .iter()
                    .map(|thing| ObjectBox {
                        name: thing.name(),
                        bounds: hundredths(thing.bounds),
                    })
                    .collect(),
            },
            drawn: Drawn {
                situation: scene.situation_name(),
                emotion: MIKELS[verdict.emotion],
                lead: verdict.lead,
            },
        }
    }
}

fn hundredths(bounds: Bounds) -> Bounds {
    bounds.map(|edge| (edge * 100.0).round() / 100.0)
}
