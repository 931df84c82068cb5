//! The model that a command line chooses: settings, device and trained parts, settled once and then handed on as one value.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::args::{CheckpointArgs, SessionSpec};
use super::failure::Failure;
use super::phases::evaluate_with_phases;
use super::recorded_session::RecordedSession;
use crate::config::{self, Settings, Sources};
use crate::engine::DeviceChoice;
use crate::engine::inference::{SplitEvaluation, TrainedParts};
use crate::session::{
    CheckpointFile, Checkpoints, CheckpointsError, Evaluated, Selector, SessionFolder, SessionStart, Stage,
};

/// A base model with the parts that were trained for it, and where these come from.
pub struct ChosenModel {
    /// Names the base model and the dataset. Of a session: what its run recorded, with flags and config file on top.
    pub settings: Settings,
    pub device: DeviceChoice,
    pub parts: TrainedParts,
    /// The session that the command line names.
    pub session: Option<RecordedSession>,
    /// The session's checkpoint that was chosen.
    pub checkpoint: Option<(Stage, u64)>,
    /// What an evaluation of this model is recorded as.
    pub evaluated: Evaluated,
}

impl ChosenModel {
    /// The model with the parts of a session's checkpoint, or of checkpoint files where no session is named. Files replace the
    /// session's own parts.
    ///
    /// # Errors
    /// Where the session or its checkpoint does not exist, the settings are wrong, or nothing that is named was trained.
    pub fn trained(
        sources: Sources,
        device: DeviceChoice,
        spec: Option<&SessionSpec>,
        files: &CheckpointArgs,
    ) -> Result<Self, Failure> {
        let (settings, session) = settle(sources, spec)?;
        let own = session
            .as_ref()
            .zip(spec)
            .map(|(session, spec)| session_parts(&session.folder, spec.checkpoint))
            .transpose()?;
        if let Some(reason) = untrained(files, &settings, own.as_ref()) {
            return Err(Failure::failed(reason));
        }
        let checkpoint = own.as_ref().map(|own| own.checkpoint);
        let (own_aspects, own_prompt) = own.map(|own| (own.aspects, own.prompt)).unwrap_or_default();
        let evaluated = match checkpoint {
            Some((stage, step)) if files.load_ckpt.is_none() && files.load_spmodel_ckpt.is_none() => {
                Evaluated::Checkpoint { stage, step }
            }
            // With parameters from files, the figures are not the session's own.
            _ => Evaluated::Files {
                prompt: files.load_ckpt.clone(),
                aspects: files.load_spmodel_ckpt.clone(),
            },
        };
        Ok(Self {
            parts: TrainedParts {
                aspects: files.load_spmodel_ckpt.clone().or(own_aspects),
                prompt: files.load_ckpt.clone().or(own_prompt),
                classes: classes(session.as_ref()),
            },
            settings,
            device,
            session,
            checkpoint,
            evaluated,
        })
    }

    /// The base model without aspects and prompt, with the settings and classes of a session where one is named.
    ///
    /// # Errors
    /// Where the session does not exist, or the settings are wrong.
    pub fn frozen(sources: Sources, device: DeviceChoice, spec: Option<&SessionSpec>) -> Result<Self, Failure> {
        let (mut settings, session) = settle(sources, spec)?;
        settings.aspects.views.clear();
        settings.prompt.tokens = 0;
        Ok(Self {
            parts: TrainedParts {
                classes: classes(session.as_ref()),
                ..TrainedParts::default()
            },
            settings,
            device,
            session,
            checkpoint: None,
            evaluated: Evaluated::Frozen,
        })
    }

    /// Finds the session's images where a command needs them: if its drawn dataset is gone, it is drawn again in the user's
    /// cache. `progress` is called with the number of pictures done and in all, from several threads. Does nothing if
    /// another dataset was named.
    ///
    /// # Errors
    /// Where the pictures cannot be written.
    pub fn find_images(&mut self, progress: impl Fn(usize, usize) + Sync) -> Result<(), Failure> {
        let start = self.session.as_ref().and_then(|session| session.start.as_deref());
        let root = self.settings.data.root.as_deref().and_then(Path::to_str);
        // The settings hold an absolute path, the start the one that the user gave.
        let is_own = |start: &&SessionStart| {
            let recorded = start.settings.pointer("/data/root").and_then(Value::as_str);
            root.is_some_and(|root| root == start.data || Some(root) == recorded)
        };
        if let Some(start) = start.filter(is_own) {
            start.draw_missing_images(progress)?;
            self.settings.data.root = Some(start.images());
        }
        Ok(())
    }

    /// Evaluates the model on a split of its dataset and shows the progress.
    ///
    /// # Errors
    /// Where model or data cannot be opened, or the evaluation fails.
    pub fn evaluate(&self, split: &str) -> Result<SplitEvaluation, Failure> {
        Ok(evaluate_with_phases(&self.settings, self.device, &self.parts, split)?)
    }
}

/// The settings that hold, and the session that is named. A session's recorded settings lie below the config file and flags,
/// so they are loaded twice: the first time says in which folder the session is.
fn settle(mut sources: Sources, spec: Option<&SessionSpec>) -> Result<(Settings, Option<RecordedSession>), Failure> {
    let Some(spec) = spec else {
        return Ok((config::load(sources)?.settings, None));
    };
    let root = config::load(sources.clone())?.settings.session.root;
    let session = RecordedSession::read(SessionFolder::open(&root, &spec.session)?)?;
    sources.record = session.settings();
    Ok((config::load(sources)?.settings, Some(session)))
}

/// The classes that the session's run trained on.
fn classes(session: Option<&RecordedSession>) -> Option<Vec<String>> {
    Some(session?.start.as_ref()?.classes.clone())
}

/// The files of a session's checkpoint.
struct SessionParts {
    session: String,
    aspects: Option<PathBuf>,
    prompt: Option<PathBuf>,
    checkpoint: (Stage, u64),
}

/// The checkpoint that `selector` means, and of a soft prompt also the aspect modules that it was trained with.
fn session_parts(folder: &SessionFolder, selector: Selector) -> Result<SessionParts, CheckpointsError> {
    let checkpoints = Checkpoints::read(folder)?;
    let chosen = checkpoints.find(selector, Some(Stage::Prompt)).or_else(|error| {
        // A session that trained only stage 1 has no prompt; the selector then means its aspects.
        match checkpoints.find(Selector::Last, Some(Stage::Prompt)) {
            Ok(_) => Err(error),
            Err(_) => checkpoints.find(selector, Some(Stage::Aspects)).map_err(|_| error),
        }
    })?;
    let CheckpointFile { stage, step, path } = chosen;
    let (aspects, prompt) = match stage {
        Stage::Aspects => (Some(path), None),
        Stage::Prompt => {
            let aspects = checkpoints.find(Selector::Last, Some(Stage::Aspects)).ok();
            (aspects.map(|file| file.path), Some(path))
        }
    };
    Ok(SessionParts {
        session: folder.name().to_owned(),
        aspects,
        prompt,
        checkpoint: (stage, step),
    })
}

/// Why session and files would not give a trained model, if so: aspect modules that nothing provides are random.
fn untrained(files: &CheckpointArgs, settings: &Settings, own: Option<&SessionParts>) -> Option<String> {
    let needs_aspects = !settings.aspects.views.is_empty();
    match (own, &files.load_spmodel_ckpt, &files.load_ckpt) {
        (Some(own), None, _) if own.aspects.is_none() && needs_aspects => Some(format!(
            "session {} has no checkpoint of the aspect modules that its soft prompt was trained with; `masp eval` takes a file \
             of them with --load-spmodel-ckpt",
            own.session
        )),
        (None, None, None) => Some(
            "no trained parameters are named; name a session, or checkpoint files with --load-ckpt (soft prompt) and \
             --load-spmodel-ckpt (aspect modules); `masp eval --frozen` evaluates the base model without them"
                .to_owned(),
        ),
        (None, None, Some(_)) if needs_aspects => Some(
            "--load-ckpt names a soft prompt, but nothing names aspect modules, which would be random; name a file of them with \
             --load-spmodel-ckpt, or use `--set aspects.views=[]` if the prompt was trained without aspects"
                .to_owned(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrained_models_and_prompts_without_aspects_are_refused() {
        let files = |prompt: bool, aspects: bool| CheckpointArgs {
            load_ckpt: prompt.then(|| "p.pt".into()),
            load_spmodel_ckpt: aspects.then(|| "a.pth".into()),
        };
        let mut settings = Settings::default();
        let reason = untrained(&files(false, false), &settings, None).unwrap();
        assert!(
            reason.contains("--load-ckpt") && reason.contains("--frozen"),
            "{reason}"
        );
        let reason = untrained(&files(true, false), &settings, None).unwrap();
        assert!(
            reason.contains("random") && reason.contains("aspects.views=[]"),
            "{reason}"
        );
        assert_eq!(untrained(&files(true, true), &settings, None), None);
        assert_eq!(
            untrained(&files(false, true), &settings, None),
            None,
            "as a session of stage 1 alone"
        );
        settings.aspects.views.clear();
        assert_eq!(untrained(&files(true, false), &settings, None), None);
        assert!(untrained(&files(false, false), &settings, None).is_some());
    }
}
