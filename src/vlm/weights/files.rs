//! Finds the files of a model folder that hold its weights.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::WeightsError;
use super::file_names::{INDEX, SINGLE};
use crate::{
    bounded_file::read_text,
    inside::inside,
    printable::printable,
    vlm::{foreign, placeholder::Placeholder},
};

/// The largest index that is read. The largest supported model's is less than a megabyte.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// The largest number of a folder's entries that is examined.
const MOST_ENTRIES: usize = 10_000;

/// The files among a list of names that hold the weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// These files, each a plain name.
    Files(Vec<String>),
    /// The shards that this index names.
    Index(String),
    /// A set of shards that lacks these.
    Incomplete(Vec<String>),
    /// No such file, or several that do not form one set.
    Nothing,
}

/// Chooses as transformers does. If its file names are missing, it accepts what is unambiguous: one file under another
/// name, or a set of shards whose index was lost.
pub fn choose<'a>(names: impl IntoIterator<Item = &'a str>) -> Choice {
    let plain = |name: &&str| !name.contains('/');
    let names: BTreeSet<&str> = names.into_iter().filter(plain).collect();
    if names.contains(SINGLE) {
        return Choice::Files(vec![SINGLE.to_owned()]);
    }
    let of_model = |name: &&&str| {
        !["adapter_", "optimizer", "training_", "scheduler", "diffusion_"]
            .iter()
            .any(|other| name.starts_with(other))
    };
    let with = |end: &'static str| names.iter().filter(of_model).filter(move |name| name.ends_with(end));
    if names.contains(INDEX) {
        return Choice::Index(INDEX.to_owned());
    }
    if let (Some(index), 1) = (
        with(".safetensors.index.json").next(),
        with(".safetensors.index.json").count(),
    ) {
        return Choice::Index((*index).to_owned());
    }
    let files: Vec<&str> = with(".safetensors").copied().collect();
    let sets: BTreeSet<Option<(&str, usize)>> = files.iter().map(|name| set(name)).collect();
    match (files.as_slice(), sets.first(), sets.len()) {
        (_, Some(Some((stem, shards))), 1) => {
            let all = (1..=*shards).map(|n| format!("{stem}-{n:05}-of-{shards:05}.safetensors"));
            let missing: Vec<String> = all.filter(|name| !names.contains(name.as_str())).collect();
            if missing.is_empty() {
                Choice::Files(files.into_iter().map(str::to_owned).collect())
            } else {
                Choice::Incomplete(missing)
            }
        }
        ([one], ..) => Choice::Files(vec![(*one).to_owned()]),
        _ => Choice::Nothing,
    }
}

/// The stem and the number of shards of a name such as `model-00001-of-00002.safetensors`.
fn set(name: &str) -> Option<(&str, usize)> {
    let (begin, count) = name.strip_suffix(".safetensors")?.rsplit_once("-of-")?;
    let (stem, number) = begin.rsplit_once('-')?;
    let shards = (count.len() == 5).then(|| count.parse::<usize>().ok())??;
    (number.len() == 5 && (1..=shards).contains(&number.parse().ok()?) && shards <= MOST_ENTRIES)
        .then_some((stem, shards))
}

/// The files of `folder` that hold its weights.
///
/// # Errors
/// [`WeightsError`]: there are none, a shard is missing, or an index cannot be understood.
pub fn weight_files(folder: &Path) -> Result<Vec<PathBuf>, WeightsError> {
    if !folder.is_dir() {
        return Err(WeightsError::NoFolder(folder.to_owned()));
    }
    let entries = std::fs::read_dir(folder).map_err(|source| WeightsError::Read {
        path: folder.to_owned(),
        source,
    })?;
    let names: Vec<String> = entries
        .take(MOST_ENTRIES)
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let chosen = match choose(names.iter().map(String::as_str)) {
        // A file with this name may be one of several shards.
        Choice::Files(files) if files == [SINGLE] && names.iter().any(|name| name == INDEX) => {
            let shards = shards(&folder.join(INDEX)).unwrap_or_default();
            let of_several = shards.len() > 1 && shards.iter().any(|shard| shard == SINGLE);
            if of_several {
                Choice::Index(INDEX.to_owned())
            } else {
                Choice::Files(files)
            }
        }
        chosen => chosen,
    };
    let missing = |index: &str, missing: Vec<String>| WeightsError::MissingShards {
        index: folder.join(index),
        missing: missing.iter().map(|name| printable(name).into_owned()).collect(),
    };
    match chosen {
        Choice::Files(files) => Ok(files.into_iter().map(|file| folder.join(file)).collect()),
        Choice::Index(index) => {
            let shards = shards(&folder.join(&index))?;
            let lacking: Vec<String> = shards
                .iter()
                .filter(|shard| at(folder, shard).is_none())
                .cloned()
                .collect();
            if lacking.is_empty() {
                Ok(shards.iter().filter_map(|shard| at(folder, shard)).collect())
            } else {
                Err(missing(&index, lacking))
            }
        }
        Choice::Incomplete(lacking) => Err(WeightsError::NoWeights {
            folder: folder.to_owned(),
            what: Some(format!(
                "of its shards {} are missing; download them into the same folder",
                printable(&lacking.join(", "))
            )),
        }),
        Choice::Nothing => {
            let safetensors: Vec<_> = names
                .iter()
                .filter(|name| name.ends_with(".safetensors") && !name.starts_with("adapter_"))
                .map(|name| printable(name))
                .collect();
            let several = || {
                (!safetensors.is_empty()).then(|| {
                    format!(
                        "its files {} are not of one set; keep those of one model",
                        safetensors.join(", ")
                    )
                })
            };
            Err(WeightsError::NoWeights {
                folder: folder.to_owned(),
                what: several().or_else(|| foreign::what_is(folder)),
            })
        }
    }
}

/// The path of an index's shard: below the folder as the index says, or directly in it.
fn at(folder: &Path, shard: &str) -> Option<PathBuf> {
    let there = |path: PathBuf| path.is_file().then_some(path);
    inside(folder, Path::new(shard))
        .and_then(there)
        .or_else(|| there(folder.join(file_name(shard))))
}

fn file_name(shard: &str) -> &str {
    shard.rsplit(['/', '\\']).next().unwrap_or(shard)
}

#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

/// The shards that an index names, as paths relative to its folder. If the index names a shard elsewhere (the folder
/// where it was saved), only the file name is used.
///
/// # Errors
/// [`WeightsError`]: it cannot be read or understood, or it names pickles.
pub fn shards(index: &Path) -> Result<BTreeSet<String>, WeightsError> {
    let path = index.to_owned();
    let text = match read_text(index, MAX_INDEX_BYTES) {
        Ok(text) => text,
        Err(source) => return Err(WeightsError::Read { path, source }),
    };
    let fault = |reason: String| WeightsError::Index {
        path: index.to_owned(),
        reason,
    };
    let parsed = serde_json::from_str::<ShardIndex>(text.trim_start_matches('\u{feff}'));
    let map = match parsed {
        Ok(parsed) => parsed.weight_map,
        Err(error) => {
            return Err(match Placeholder::of(text.as_bytes()) {
                Some(what) => WeightsError::Placeholder { path, what },
                None => fault(error.to_string().escape_debug().to_string()),
            });
        }
    };
    if map.is_empty() {
        return Err(fault("it names no weights".to_owned()));
    }
    map.values()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|shard| {
            if !shard.ends_with(".safetensors") || shard.chars().any(char::is_control) {
                return Err(fault(format!("{shard:?} is not the name of a safetensors file")));
            }
            let below = inside(Path::new(""), Path::new(shard)).filter(|_| !shard.contains('\\'));
            let below = below.and_then(|path| path.to_str().map(str::to_owned));
            Ok(below.unwrap_or_else(|| file_name(shard).to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Choice, choose, shards, weight_files};

    #[test]
    fn files_are_chosen_by_their_names() {
        let files = |names: &[&str]| Choice::Files(names.iter().map(|name| (*name).to_owned()).collect());
        let set = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
        for (names, chosen) in [
            (
                vec!["model.safetensors", "model.safetensors.index.json"],
                files(&["model.safetensors"]),
            ),
            (
                vec!["model.safetensors.index.json", set[0]],
                Choice::Index("model.safetensors.index.json".to_owned()),
            ),
            (
                vec!["model.fp16.safetensors.index.json"],
                Choice::Index("model.fp16.safetensors.index.json".to_owned()),
            ),
            (
                vec!["weights.safetensors", "adapter_model.safetensors"],
                files(&["weights.safetensors"]),
            ),
            (set.to_vec(), files(&set)),
            (vec![set[1]], Choice::Incomplete(vec![set[0].to_owned()])),
            (vec!["a.safetensors", "b.safetensors"], Choice::Nothing),
            (vec!["adapter_model.safetensors"], Choice::Nothing),
            (vec!["sub/model.safetensors"], Choice::Nothing),
            (vec![], Choice::Nothing),
        ] {
            assert_eq!(choose(names.iter().copied()), chosen, "{names:?}");
        }
    }

    #[test]
    fn an_index_may_name_its_shards_freely() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::create_dir(folder.join("sub")).unwrap();
        for name in ["a.safetensors", "sub/b.safetensors"] {
            fs::write(folder.join(name), "").unwrap();
        }
        let index = folder.join("model.safetensors.index.json");
        for (named, found) in [
            ("a.safetensors", "a.safetensors"),
            ("./a.safetensors", "a.safetensors"),
            ("/home/x/out/a.safetensors", "a.safetensors"),
            ("../out/a.safetensors", "a.safetensors"),
            ("C:\\\\out\\\\a.safetensors", "a.safetensors"),
            ("sub/b.safetensors", "sub/b.safetensors"),
        ] {
            fs::write(&index, format!("\u{feff}{{\"weight_map\": {{\"x\": \"{named}\"}}}}")).unwrap();
            assert_eq!(weight_files(folder).unwrap(), [folder.join(found)], "{named}");
        }
        for named in ["", "..", "/etc/passwd", "pytorch_model.bin", "a\\u001b.safetensors"] {
            fs::write(&index, format!("{{\"weight_map\": {{\"x\": \"{named}\"}}}}")).unwrap();
            assert!(shards(&index).is_err(), "{named}");
        }
        // A shard may have the single file's name.
        fs::write(folder.join("model.safetensors"), "").unwrap();
        fs::write(
            &index,
            r#"{"weight_map": {"x": "model.safetensors", "y": "a.safetensors"}}"#,
        )
        .unwrap();
        assert_eq!(weight_files(folder).unwrap().len(), 2);
    }
}
