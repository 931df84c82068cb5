//! `masp sessions export`: a checkpoint's parameters, without the optimiser's moments, as files for use elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::{BadTarget, SessionsError};
use super::overwrite::Kept;
use crate::aspects::aspect_file::{read_aspects, write_aspects};
use crate::aspects::checkpoint::{Checkpoint, CheckpointError, CheckpointMeta};
use crate::aspects::prompt_file::{read_soft_prompt, write_soft_prompt};
use crate::cli::args::SessionSpec;
use crate::cli::recorded_session::RecordedSession;
use crate::cli::say::say;
use crate::output_file::{is_stdout, is_stream};
use crate::printable::printable;
use crate::session::{CheckpointFile, Checkpoints, CheckpointsError, Selector, SessionFolder, Stage, TrainedOn};

/// Writes the parameters that the checkpoint's stage trained to `to`, in the format that its name implies. A soft prompt
/// works only with the aspect modules that it was trained with: those of the session's newest aspect checkpoint are
/// written beside it as `*.aspects.*`, as `masp train --save-ckpt` does, but not if `to` is a pipe. `may_replace` is asked
/// about all files before the first is written.
///
/// # Errors
/// An unknown session or checkpoint, a damaged file, a file that cannot be written or must not be replaced.
pub(super) fn export(
    root: &Path,
    spec: &SessionSpec,
    to: &Path,
    may_replace: impl FnOnce(&[PathBuf]) -> Result<(), Kept>,
    out: &mut impl Write,
) -> Result<(), SessionsError> {
    let folder = SessionFolder::open(root, &spec.session)?;
    refuse_own_files(&folder, to)?;
    let checkpoints = Checkpoints::read(&folder)?;
    let found = checkpoints.find(spec.checkpoint, None)?;
    // The parameters can be exported even if the journal cannot be read.
    let start = RecordedSession::read(folder.clone())
        .ok()
        .and_then(|session| session.start);
    let trained_on = TrainedOn::of(folder.name(), start.as_deref());
    let aspects = match found.stage {
        Stage::Prompt if !is_stream(to) => checkpoints.find(Selector::Last, Some(Stage::Aspects)).ok(),
        _ => None,
    };
    let mut files = vec![to.to_owned()];
    files.extend(aspects.as_ref().map(|_| beside(to)));
    may_replace(&files)?;
    copy(&found, &trained_on, to, out)?;
    if let Some(aspects) = aspects {
        copy(&aspects, &trained_on, &beside(to), out)?;
    }
    Ok(())
}

/// The step for an export of anything but parameters; None for the newest.
///
/// # Errors
/// A session whose checkpoints cannot be read, or that has no best one.
pub(super) fn step(folder: &SessionFolder, selector: Selector) -> Result<Option<u64>, CheckpointsError> {
    match selector {
        Selector::Last => Ok(None),
        Selector::Step(step) => Ok(Some(step)),
        Selector::Best => Ok(Some(Checkpoints::read(folder)?.find(Selector::Best, None)?.step)),
    }
}

fn copy(from: &CheckpointFile, trained_on: &TrainedOn, to: &Path, out: &mut impl Write) -> Result<(), SessionsError> {
    let meta = CheckpointMeta {
        trained_on: trained_on.clone(),
        ..parameters_meta(&from.path)?
    };
    match from.stage {
        Stage::Aspects => write_aspects(to, &read_aspects(&from.path)?, &meta)?,
        Stage::Prompt => write_soft_prompt(to, &read_soft_prompt(&from.path)?, &meta)?,
    }
    let what = match from.stage {
        Stage::Aspects => "aspect modules",
        Stage::Prompt => "soft prompt",
    };
    let line = format!("{}: {what} of {from}", printable(&to.to_string_lossy()));
    if is_stdout(to) {
        say(line);
    } else {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The checkpoint's metadata without the parts that only a resume needs.
fn parameters_meta(path: &Path) -> Result<CheckpointMeta, CheckpointError> {
    let meta = Checkpoint::load_meta(path)?.ok_or_else(|| CheckpointError::NoCheckpoint {
        path: path.to_owned(),
        reason: "its metadata does not say which program and stage it is from".to_owned(),
    })?;
    Ok(CheckpointMeta {
        evaluation_due: false,
        optimizer_steps: BTreeMap::new(),
        sampler: None,
        rng: None,
        ..meta
    })
}

fn beside(path: &Path) -> PathBuf {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("safetensors");
    path.with_extension(format!("aspects.{extension}"))
}

fn refuse_own_files(folder: &SessionFolder, to: &Path) -> Result<(), BadTarget> {
    let parent = to
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    match (fs::canonicalize(parent), fs::canonicalize(folder.checkpoints())) {
        (Ok(parent), Ok(own)) if parent == own => Err(BadTarget(to.to_owned())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;
    use crate::aspects::host_tensor::HostTensor;
    use crate::data::View;
    use crate::session::{Event, JournalWriter, SessionStart, checkpoint_name};

    fn tensor(shape: &[usize]) -> HostTensor {
        let count: usize = shape.iter().product();
        HostTensor::from_parts(shape.to_vec(), (0..count).map(|index| index as f32).collect())
    }

    fn save(
        folder: &SessionFolder,
        stage: Stage,
        step: u64,
        names: &[(&str, &[usize])],
    ) -> Result<(), CheckpointError> {
        let mut tensors = BTreeMap::new();
        for (name, shape) in names {
            tensors.insert((*name).to_owned(), tensor(shape));
            tensors.insert(format!("optimizer.exp_avg.{name}"), tensor(shape));
        }
        let meta = CheckpointMeta {
            format: crate::aspects::checkpoint::FORMAT,
            program: "masp 0.1.0".into(),
            base_model: "tiny".into(),
            family: None,
            hidden_size: 2,
            stage,
            step,
            settings_hash: String::new(),
            trained_on: TrainedOn::default(),
            best: false,
            evaluation_due: false,
            optimizer_steps: BTreeMap::from([("soft_prompt".to_owned(), step)]),
            sampler: Some("{}".into()),
            rng: None,
        };
        Checkpoint { meta, tensors }.save(&folder.checkpoints().join(checkpoint_name(stage, step)))
    }

    #[test]
    fn a_prompt_is_exported_with_the_aspects_it_was_trained_on() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let folder = SessionFolder::create(root.path(), "run")?;
        let aspects: [(&str, &[usize]); 5] = [
            ("q_view.scene", &[3, 2]),
            ("cross_attn.scene.in_proj_weight", &[6, 2]),
            ("cross_attn.scene.in_proj_bias", &[6]),
            ("cross_attn.scene.out_proj.weight", &[2, 2]),
            ("cross_attn.scene.out_proj.bias", &[2]),
        ];
        save(&folder, Stage::Aspects, 4, &aspects)?;
        save(&folder, Stage::Prompt, 3, &[("soft_prompt", &[4, 2])])?;
        save(&folder, Stage::Prompt, 9, &[("soft_prompt", &[4, 2])])?;
        let mut journal = JournalWriter::open(&folder.journal())?;
        journal.append(Event::Session(Box::new(SessionStart {
            data: "/data/drawn".into(),
            dataname: "drawn".into(),
            ..crate::cli::sessions::tests::start()
        })))?;

        for name in ["out.safetensors", "out.pth"] {
            let to = root.path().join(name);
            let mut out = Vec::new();
            export(root.path(), &"run".parse()?, &to, |_| Ok(()), &mut out)?;
            assert!(String::from_utf8(out)?.contains("soft prompt of prompt@9"));
            assert_eq!(read_soft_prompt(&to)?.rows, tensor(&[4, 2]));
            let aspects = read_aspects(&beside(&to))?;
            assert_eq!(aspects.views[&View::Scene].query, tensor(&[3, 2]));
        }
        let written = Checkpoint::load(&root.path().join("out.safetensors"))?;
        let trained_on = &written.meta.trained_on;
        assert_eq!(
            (
                trained_on.session.as_deref(),
                trained_on.split.as_deref(),
                written.meta.step
            ),
            (Some("run"), Some("train"), 9)
        );
        assert_eq!(
            (trained_on.dataset.as_deref(), trained_on.data.as_deref()),
            (Some("drawn"), Some("/data/drawn"))
        );
        assert_eq!(written.tensors.keys().collect::<Vec<_>>(), ["soft_prompt"]);
        assert!(written.meta.optimizer_steps.is_empty() && written.meta.sampler.is_none());

        let files = std::cell::RefCell::new(Vec::new());
        let refuse = |asked: &[PathBuf]| {
            files.borrow_mut().extend_from_slice(asked);
            Err(Kept::Declined)
        };
        let to = root.path().join("out.pth");
        assert!(export(root.path(), &"run".parse()?, &to, refuse, &mut Vec::new()).is_err());
        assert_eq!(*files.borrow(), [to.clone(), beside(&to)], "both files are asked for");

        let to = root.path().join("step.safetensors");
        export(root.path(), &"run@4".parse()?, &to, |_| Ok(()), &mut Vec::new())?;
        assert_eq!(read_aspects(&to)?.views.len(), 1);
        assert!(export(root.path(), &"run@5".parse()?, &to, |_| Ok(()), &mut Vec::new()).is_err());
        let own = folder.checkpoints().join(checkpoint_name(Stage::Prompt, 9));
        let refused = export(root.path(), &"run".parse()?, &own, |_| Ok(()), &mut Vec::new());
        assert!(refused.is_err_and(|error| error.is_wrong_usage()));
        Ok(())
    }
}
