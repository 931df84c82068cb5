//! The pointing game: does an aspect's heatmap peak on what the aspect is about? (Zhang et al. 2016.)

use std::path::Path;

use indexmap::IndexMap;
use serde::Deserialize;

use super::error::EngineError;
use super::features::FeatureStore;
use super::learner::Learner;
use crate::bounded_file::read_text;
use crate::data::{Sample, View};
use crate::metrics::{BoundingBox, expected_hit_rate, pointing_hit};

/// Limit on an annotation file; those of drawn pictures are far shorter.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Hit rates per view, over the images that show what the view is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pointing {
    pub hits: IndexMap<View, f64>,
    /// The same for a random map.
    pub random: IndexMap<View, f64>,
}

/// The `boxes` of a drawn picture's annotation, in pixels `[x0, y0, x1, y1]`.
#[derive(Debug, Default, Deserialize)]
struct Boxes {
    face: Option<[f32; 4]>,
    person: Option<[f32; 4]>,
    #[serde(default)]
    objects: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(rename = "box")]
    bounds: [f32; 4],
}

/// Plays the game for faces, objects and people on drawn `samples` whose pictures have `size` pixels a side; the map is
/// the mean over the queries.
///
/// # Errors
/// Where an annotation or image cannot be read, or the device fails.
pub fn play(
    learner: &Learner,
    store: &mut FeatureStore,
    root: &Path,
    samples: &[Sample],
    size: u32,
) -> Result<Pointing, EngineError> {
    let views = [View::FacialExpression, View::Object, View::HumanAction];
    let mut sums: IndexMap<View, (f64, f64, u32)> = views.map(|view| (view, (0.0, 0.0, 0))).into_iter().collect();
    for sample in samples {
        let boxes = boxes(root, sample)?;
        let features = store.get(&[&sample.path])?.remove(0)?;
        let (_, attention) = learner.visual_rows(&features, &[])?;
        for (view, attention) in learner.views().into_iter().zip(&attention) {
            let wanted = bounds(&boxes, view, size as f32);
            let Some(sum) = sums.get_mut(&view).filter(|_| !wanted.is_empty()) else {
                continue;
            };
            let map = attention.mean(0)?.to_vec1::<f32>()?;
            let grid = [features.grid.0, features.grid.1];
            if let Some(hit) = pointing_hit(grid, &map, &wanted) {
                *sum = (
                    sum.0 + f64::from(u8::from(hit)),
                    sum.1 + expected_hit_rate(grid, &wanted),
                    sum.2 + 1,
                );
            }
        }
    }
    let mut pointing = Pointing::default();
    for (view, (hits, random, images)) in sums.into_iter().filter(|(_, sum)| sum.2 > 0) {
        pointing.hits.insert(view, hits / f64::from(images));
        pointing.random.insert(view, random / f64::from(images));
    }
    Ok(pointing)
}

/// `image/<emotion>/<name>.png` has its annotation at `annotation/<emotion>/<name>.json`.
fn boxes(root: &Path, sample: &Sample) -> Result<Boxes, EngineError> {
    #[derive(Deserialize)]
    struct Annotated {
        #[serde(default)]
        boxes: Boxes,
    }
    let relative = Path::new(&sample.id).with_extension("json");
    let inner: std::path::PathBuf = relative.components().skip(1).collect();
    let path = root.join("annotation").join(inner);
    let wrong = |reason: String| EngineError::Failed(format!("cannot read the boxes in {}: {reason}", path.display()));
    let text = read_text(&path, MAX_FILE_BYTES).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str::<Annotated>(&text)
        .map(|found| found.boxes)
        .map_err(|error| wrong(error.to_string()))
}

fn bounds(boxes: &Boxes, view: View, size: f32) -> Vec<BoundingBox> {
    let pixels: Vec<[f32; 4]> = match view {
        View::FacialExpression => boxes.face.into_iter().collect(),
        View::HumanAction => boxes.person.into_iter().collect(),
        View::Object => boxes.objects.iter().map(|object| object.bounds).collect(),
        _ => Vec::new(),
    };
    let fractions = pixels.into_iter().map(|b| b.map(|pixel| f64::from(pixel / size)));
    fractions
        .map(|[left, top, right, bottom]| BoundingBox {
            left,
            top,
            right,
            bottom,
        })
        .collect()
}
