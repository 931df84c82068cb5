//! Further words by which the command palette finds an action: the field's, and those of other programs.

use super::Action;

/// The words, separated by spaces; none of them need be shown.
#[must_use]
pub const fn synonyms(action: Action) -> &'static str {
    match action {
        Action::PlayPause => "replay playback",
        Action::Overlay => "overlay",
        Action::LearningRate => "lr",
        Action::Export => "tensorboard csv html svg png pdf figure report save",
        Action::CloneRun => "clone duplicate copy",
        Action::NewRun => "start launch",
        Action::Resume => "resume continue restart",
        Action::Remove => "delete rm",
        Action::Note => "tag comment",
        Action::Mark => "compare select",
        Action::Summary => "mean std seeds matrix",
        Action::Look => "predict",
        Action::Ask => "question vqa chat",
        Action::Mute(_) => "ablate without",
        Action::Effects => "ablation drives importance",
        Action::Filter => "search query find",
        Action::Smoothing => "ema",
        Action::Checkpoint => "save",
        Action::Evaluate => "validate test",
        Action::Stop => "abort end",
        Action::LogAxis => "logarithmic",
        _ => "",
    }
}
