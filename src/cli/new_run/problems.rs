//! What is wrong with the values of the form for a new run, beyond what the settings themselves refuse.

use std::path::Path;

use super::form::{DATA, DATASET, Filled, MODEL, SESSION, Target};
use crate::config::Settings;
use crate::data::{self, DataError, classes};
use crate::session::{Stage, check_name};
use crate::vlm::hub;

/// Why a run could not begin with these settings, although each one is valid by itself.
pub fn field_problem(settings: &Settings, filled: &Filled, target: Target) -> Option<String> {
    let aspects = filled.value(Target::InitAspects);
    let (views, stages) = (&settings.aspects.views, filled.stages());
    let problem = match target {
        SESSION => return session_name_problem(settings),
        DATA => match &settings.data.root {
            None => "name the dataset's folder",
            Some(root) if !root.is_dir() => "there is no such folder",
            Some(root) => return data_folder_problem(root, settings),
        },
        DATASET => {
            let unknown = filled.typed(DATASET).and_then(unknown_dataset);
            return unknown.or_else(|| dataset_name_problem(settings));
        }
        MODEL => match &settings.model.path {
            Some(model) if !Path::new(model).is_dir() && !hub::is_hub_id(model) => "neither a folder nor a hub id",
            _ => return None,
        },
        Target::Stage if views.is_empty() && stages.contains(&Stage::Aspects) => {
            "aspects.views is empty, so only prompt can be trained"
        }
        Target::InitAspects if !aspects.is_empty() && !Path::new(aspects).is_file() => "there is no such file",
        Target::InitAspects if aspects.is_empty() && !views.is_empty() && stages == [Stage::Prompt] => {
            "stage 2 needs aspect modules; name their file"
        }
        Target::Device if filled.value(target) == "cuda" && !cfg!(feature = "cuda") => {
            "this program was built without CUDA"
        }
        _ => return None,
    };
    Some(problem.to_owned())
}

/// A message with the nearest known name, if a typed name is not a known dataset's. The user's own names belong in
/// config.yaml, where they are not typed again for every run.
fn unknown_dataset(name: &str) -> Option<String> {
    if classes::by_name(name).is_some() {
        return None;
    }
    let nearest = classes::nearest_name(name);
    Some(format!(
        "no known dataset; did you mean {nearest}? Leave this empty to detect the dataset"
    ))
}

/// Why a run could not read the folder. None if it could with another dataset name: then the name is wrong, not the folder.
fn data_folder_problem(root: &Path, settings: &Settings) -> Option<String> {
    let error = data::recognise(root, settings.data.dataname.as_deref()).err()?;
    if dataset_name_problem(settings).is_some() {
        return None;
    }
    Some(match error {
        // The form has no room for the list of all layouts.
        DataError::UnknownLayout { near, .. } => {
            format!(
                "no known dataset layout; {}",
                near.replace("point --data at", "point this at")
            )
        }
        error => error.to_string(),
    })
}

/// A message that says which dataset the folder holds, if it is not the named one. An unknown name fits any folder.
fn dataset_name_problem(settings: &Settings) -> Option<String> {
    let (root, name) = (settings.data.root.as_ref()?, settings.data.dataname.as_deref()?);
    let known = classes::by_name(name)?;
    if data::recognise(root, Some(name)).is_ok() {
        return None;
    }
    let layout = data::recognise(root, None).ok()?;
    Some(format!(
        "the data folder does not have the layout of {} but of {layout}; leave this empty to detect the dataset",
        known.name
    ))
}

fn session_name_problem(settings: &Settings) -> Option<String> {
    let name = settings.session.name.as_ref()?;
    match check_name(name) {
        Err(error) => Some(error.to_string()),
        Ok(()) if settings.session.root.join(name).exists() => Some("there is a session of this name".to_owned()),
        Ok(()) => None,
    }
}
