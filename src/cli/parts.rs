//! Which trained parts a command uses: those of a session, or those in files.

use super::args::{CheckpointArgs, SessionSpec};
use super::failure::Failure;
use super::train::record;
use crate::config::{self, Settings, Sources};
use crate::engine::inference::TrainedParts;
use crate::session::{Checkpoints, Evaluated, Event, Selector, SessionFolder, SessionStart, Stage, first_record};

/// The parts of a session or of files, the settings they go with, and the session's folder.
pub struct Chosen {
    pub parts: TrainedParts,
    pub settings: Settings,
    pub session: Option<SessionFolder>,
    /// How the session's run began.
    pub start: Option<Box<SessionStart>>,
    /// The session's checkpoint that was chosen.
    pub checkpoint: Option<(Stage, u64)>,
    /// How an evaluation's note names these parts.
    pub evaluated: Evaluated,
}

/// The frozen model without aspects and prompt, with the settings and classes of a session where one is named.
///
/// # Errors
/// Where the session does not exist, or the settings are wrong.
pub fn frozen(mut sources: Sources, spec: Option<&SessionSpec>) -> Result<Chosen, Failure> {
    let session = spec.map(|spec| open_session(&mut sources, spec)).transpose()?;
    let start = session.as_ref().map(begun).transpose()?.flatten();
    let mut settings = config::load(sources)?.settings;
    settings.aspects.views.clear();
    settings.prompt.tokens = 0;
    Ok(Chosen {
        parts: TrainedParts {
            classes: start.as_ref().map(|start| start.classes.clone()),
            ..TrainedParts::default()
        },
        settings,
        session,
        start,
        checkpoint: None,
        evaluated: Evaluated::Frozen,
    })
}

/// Opens a session's folder and adds its recorded settings below the other sources.
fn open_session(sources: &mut Sources, spec: &SessionSpec) -> Result<SessionFolder, Failure> {
    let root = config::load(sources.clone())?.settings.session.root;
    let folder = SessionFolder::open(&root, &spec.session)?;
    sources.record = record(&folder)?;
    Ok(folder)
}

/// The first event of a session's journal.
fn begun(folder: &SessionFolder) -> Result<Option<Box<SessionStart>>, Failure> {
    Ok(first_record(&folder.journal())?.and_then(|record| match record.event {
        Event::Session(start) => Some(start),
        _ => None,
    }))
}

/// Why these files alone would not give a trained model, if so: aspect modules that no file provides are random.
fn untrained(files: &CheckpointArgs, settings: &Settings) -> Option<String> {
    let needs_aspects = !settings.aspects.views.is_empty();
    match (&files.load_spmodel_ckpt, &files.load_ckpt) {
        (None, None) => Some(
            "neither a session nor a checkpoint is named, so nothing here is trained; name a session, or files of a soft prompt \
             with --load-ckpt and of aspect modules with --load-spmodel-ckpt (for the base model as it is: `masp eval --frozen`)"
                .to_owned(),
        ),
        (None, Some(_)) if needs_aspects => Some(
            "a soft prompt is named with --load-ckpt, but no aspect modules, which would be random; name them with \
             --load-spmodel-ckpt, or say `--set aspects.views=[]` for a prompt that was trained without them"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Resolves what the command line names. A session's recorded settings lie below the config file and flags.
///
/// # Errors
/// Where the session or its checkpoint does not exist, or the settings are wrong.
pub fn choose(mut sources: Sources, spec: Option<&SessionSpec>, files: &CheckpointArgs) -> Result<Chosen, Failure> {
    let other = Evaluated::Files {
        prompt: files.load_ckpt.clone(),
        aspects: files.load_spmodel_ckpt.clone(),
    };
    let Some(spec) = spec else {
        let settings = config::load(sources)?.settings;
        if let Some(reason) = untrained(files, &settings) {
            return Err(Failure::failed(reason));
        }
        let parts = TrainedParts {
            aspects: files.load_spmodel_ckpt.clone(),
            prompt: files.load_ckpt.clone(),
            classes: None,
        };
        return Ok(Chosen {
            parts,
            settings,
            session: None,
            start: None,
            checkpoint: None,
            evaluated: other,
        });
    };
    let folder = open_session(&mut sources, spec)?;
    let settings = config::load(sources)?.settings;
    let checkpoints = Checkpoints::read(&folder)?;
    let selector: Selector = spec.checkpoint;
    let prompt = checkpoints.find(selector, Some(Stage::Prompt)).or_else(|error| {
        // A session that trained only stage 1 has no prompt; the selector then means its aspects.
        match checkpoints.find(Selector::Last, Some(Stage::Prompt)) {
            Ok(_) => Err(error),
            Err(_) => checkpoints.find(selector, Some(Stage::Aspects)).map_err(|_| error),
        }
    })?;
    let aspects = match prompt.stage {
        Stage::Aspects => Some(prompt.path.clone()),
        Stage::Prompt => checkpoints
            .find(Selector::Last, Some(Stage::Aspects))
            .ok()
            .map(|file| file.path),
    };
    if aspects.is_none() && files.load_spmodel_ckpt.is_none() && !settings.aspects.views.is_empty() {
        return Err(Failure::failed(format!(
            "the session {} has no checkpoint of its aspect modules, without which its prompt means nothing; name them \
             with --load-spmodel-ckpt where the command takes it",
            folder.name()
        )));
    }
    let (stage, step) = (prompt.stage, prompt.step);
    let own = files.load_ckpt.is_none() && files.load_spmodel_ckpt.is_none();
    let start = begun(&folder)?;
    let prompt = (prompt.stage == Stage::Prompt).then_some(prompt.path);
    let parts = TrainedParts {
        aspects: files.load_spmodel_ckpt.clone().or(aspects),
        prompt: files.load_ckpt.clone().or(prompt),
        classes: start.as_ref().map(|start| start.classes.clone()),
    };
    Ok(Chosen {
        parts,
        settings,
        session: Some(folder),
        start,
        checkpoint: Some((stage, step)),
        // With parameters from other files, the figures are not the session's own.
        evaluated: if own {
            Evaluated::Checkpoint { stage, step }
        } else {
            other
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_trained_and_a_prompt_without_its_aspects_are_refused() {
        let files = |prompt: bool, aspects: bool| CheckpointArgs {
            load_ckpt: prompt.then(|| "p.pt".into()),
            load_spmodel_ckpt: aspects.then(|| "a.pth".into()),
        };
        let mut settings = Settings::default();
        let told = untrained(&files(false, false), &settings).unwrap();
        assert!(told.contains("--load-ckpt") && told.contains("--frozen"), "{told}");
        let told = untrained(&files(true, false), &settings).unwrap();
        assert!(told.contains("random") && told.contains("aspects.views=[]"), "{told}");
        assert_eq!(untrained(&files(true, true), &settings), None);
        assert_eq!(
            untrained(&files(false, true), &settings),
            None,
            "as a session of stage 1 alone"
        );
        settings.aspects.views.clear();
        assert_eq!(untrained(&files(true, false), &settings), None);
        assert!(untrained(&files(false, false), &settings).is_some());
    }
}
