//! One image of the panel, at the look under the cursor.

use std::sync::Arc;

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    figures::count,
    session::{Answer, Found, SampleSeen},
    text::{clean, columns, fit_end},
    tui::{
        panes::{
            frame::{bordered, nothing_yet},
            portrait::{self, Portrait},
            scene::Scene,
        },
        pictures::Source,
        ui::Pane,
    },
};

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let slots = scene.state.panel.len();
    let Some(sample) = scene.cursor.sample(scene.state).cloned() else {
        let inner = bordered(Pane::Sample, "sample", "", area, buffer, scene);
        let text = "samples come with the first evaluation";
        return nothing_yet(text, inner, buffer, scene.theme);
    };
    let place = scene.cursor.sample.min(slots.saturating_sub(1)) + 1;
    let answer = answer_of_now(&sample, scene);
    let waited_for = scene.browse.intervention.waiting.as_ref();
    let step = match &answer {
        _ if waited_for.is_some_and(|asked| asked.image() == sample.image) => {
            scene.opening.map_or_else(|| "the model looks …".to_owned(), clean)
        }
        Some(answer) => format!("step {}, asked", count(answer.step)),
        None => format!("step {}", count(sample.step)),
    };
    let room = usize::from(area.width).saturating_sub(columns(&step) + 24);
    let name = fit_end(&clean(&sample.image), room);
    let note = if room >= 8 { format!("{step} · {name}") } else { step };
    let title = format!("sample {place}/{slots}");
    let inner = bordered(Pane::Sample, &title, &note, area, buffer, scene);
    let prediction = answer.as_ref().and_then(predicted);
    let portrait = Portrait {
        source: source(&sample, answer.clone(), scene),
        gold: &sample.gold,
        prediction: prediction.unwrap_or(&sample.prediction),
        tried: None,
    };
    portrait::render(&portrait, inner, buffer, scene);
}

/// The model's answer to a request after the newest look, if that look is shown.
pub fn answer_of_now(sample: &SampleSeen, scene: &Scene) -> Option<Arc<Answer>> {
    let looks = scene.state.panel.get(&sample.slot)?;
    let newest = looks.last() == Some(sample);
    let answer = scene.browse.answers(&sample.image)?.plain.as_ref()?;
    let later = (answer.stage, answer.step) > (sample.stage, sample.step);
    (newest && later).then(|| Arc::clone(answer))
}

/// The files of the look, or the picture with the answer.
pub fn source(sample: &SampleSeen, answer: Option<Arc<Answer>>, scene: &Scene) -> Source {
    match answer {
        Some(answer) => Source::image(scene.images, &sample.image, Some(answer), ""),
        None => Source::seen(sample),
    }
}

/// An answer's predicted class.
pub fn predicted(answer: &Arc<Answer>) -> Option<&str> {
    match &answer.found {
        Found::Prediction(prediction) => Some(&prediction.prediction),
        _ => None,
    }
}
