//! What a sweep runs: every combination of the values that vary, as a session with its settings.

use std::collections::HashMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde_json::Value;

use super::file::{SHOTS, SweepFile};
use super::name::session_name;
use super::varied::{Varied, set};
use crate::cli::args::{StageChoice, SweepArgs};
use crate::cli::failure::Failure;
use crate::cli::train::check_can_train;
use crate::config::{self, Settings, Sources};
use crate::data;
use crate::printable::printable;
use crate::session::comparable;

/// The setting that `--seeds` varies.
const SEED: &str = "train.seed";
/// More runs than this are a slip of the hand.
const MOST_RUNS: usize = 1000;
/// A longer name would leave no room for what varies.
const LONGEST_NAME: usize = 40;

/// A sweep's runs; the last key varies fastest, so that a combination's seeds follow one another.
#[derive(Debug)]
pub struct Plan {
    pub name: String,
    /// The folder of all sessions.
    pub root: PathBuf,
    pub runs: Vec<Planned>,
    pub stage: StageChoice,
    /// What all runs have in common, and the screens' settings.
    pub common: Sources,
    pub settings: Settings,
}

/// One run of a sweep.
#[derive(Debug)]
pub struct Planned {
    /// Its session's name.
    pub name: String,
    /// All that stands after `--set` for it.
    pub set: Vec<String>,
    /// As `masp train` will have them.
    pub settings: Settings,
}

impl Plan {
    /// Puts the combinations together, and checks each as `masp train` would.
    ///
    /// # Errors
    /// Wrong usage: nothing varies, an unknown key, a value that is not allowed, two combinations that are the same run, too
    /// many of them. A dataset that is not there, or has no known layout.
    pub fn of(args: &SweepArgs) -> Result<Self, Failure> {
        let file = args
            .file
            .as_deref()
            .map(SweepFile::read)
            .transpose()?
            .unwrap_or_default();
        if args.name.len() > LONGEST_NAME {
            return Err(Failure::usage(format!(
                "`{}` is too long for a sweep's name, with which its sessions' names begin; use at most {LONGEST_NAME} \
                 characters",
                printable(&args.name)
            )));
        }
        let mut common = args.sources();
        common.set = file.set.iter().cloned().chain(common.set).collect();
        let settings = config::load(common.clone())?.settings;
        let stage = args.stage.or(file.stage).unwrap_or_default();
        let vary = vary(args, file, settings.train.seed)?;
        let runs = combinations(&vary)?
            .iter()
            .map(|values| planned(&args.name, values, &common))
            .collect::<Result<Vec<_>, _>>()?;
        runs.iter().try_for_each(|run| {
            let named = |failure: Failure| Failure::usage(format!("{}: {failure}", run.name));
            check_can_train(&run.settings, stage.stages()).map_err(named)
        })?;
        refuse_equals(&runs)?;
        check_data(&runs)?;
        Ok(Self {
            name: args.name.clone(),
            root: settings.session.root.clone(),
            runs,
            stage,
            common,
            settings,
        })
    }
}

/// What varies, by key, the seed last: flags override what the file says of the same key.
fn vary(args: &SweepArgs, file: SweepFile, seed: u64) -> Result<Vec<Varied>, Failure> {
    let seeds = |count: u64| {
        let last = seed.checked_add(count - 1);
        let too_many = || {
            Failure::usage(format!(
                "{count} seeds from train.seed, which is {seed}, are more than there are"
            ))
        };
        let last = last.ok_or_else(too_many)?;
        // One more than is allowed is enough for the message.
        let values = (seed..=last).take(MOST_RUNS + 1).map(Value::from).collect();
        Ok::<_, Failure>(Varied {
            key: SEED.to_owned(),
            values,
        })
    };
    let mut flags: Vec<Varied> = args
        .vary
        .iter()
        .map(|text| Varied::parse("--vary", text))
        .collect::<Result<_, _>>()?;
    if let Some(shots) = &args.shots {
        flags.push(Varied::parse("--shots", &format!("{SHOTS}={shots}"))?);
    }
    flags.extend(args.seeds.map(&seeds).transpose()?);
    let mut of_file = file.vary;
    of_file.extend(file.shots);
    of_file.extend(file.seeds.map(&seeds).transpose()?);

    let mut all: IndexMap<String, Varied> = IndexMap::new();
    for source in [of_file, flags] {
        let mut own: IndexMap<String, Varied> = IndexMap::new();
        for varied in source {
            if let Some(before) = own.insert(varied.key.clone(), varied) {
                return Err(Failure::usage(format!(
                    "`{}` varies twice; name all its values at one place",
                    before.key
                )));
            }
        }
        all.extend(own);
    }
    if all.is_empty() {
        return Err(Failure::usage(
            "nothing varies; name settings with --vary KEY=VALUE,..., --seeds N, --shots K,... or --file FILE",
        ));
    }
    let mut vary: Vec<Varied> = all.into_values().collect();
    // Not in the order of the flags: the names must not depend on it.
    vary.sort_by(|a, b| (a.key == SEED, &a.key).cmp(&(b.key == SEED, &b.key)));
    Ok(vary)
}

type Combination<'a> = Vec<(&'a str, &'a Value)>;

fn combinations(vary: &[Varied]) -> Result<Vec<Combination<'_>>, Failure> {
    let count = vary
        .iter()
        .try_fold(1_usize, |count, varied| count.checked_mul(varied.values.len()));
    if count.is_none_or(|count| count > MOST_RUNS) {
        let counts: Vec<String> = vary
            .iter()
            .map(|varied| format!("{} of {}", varied.values.len(), varied.key))
            .collect();
        return Err(Failure::usage(format!(
            "these are more than {MOST_RUNS} combinations, the most that a sweep may have ({}); vary less, or split the sweep",
            counts.join(" x ")
        )));
    }
    let mut all: Vec<Combination> = vec![Vec::new()];
    for varied in vary {
        let mut longer = Vec::new();
        for begun in &all {
            let with = |value| begun.iter().copied().chain([(varied.key.as_str(), value)]).collect();
            longer.extend(varied.values.iter().map(with));
        }
        all = longer;
    }
    Ok(all)
}

fn planned(sweep: &str, values: &Combination<'_>, common: &Sources) -> Result<Planned, Failure> {
    let name = session_name(sweep, values)?;
    let mut sources = common.clone();
    sources.set.extend(values.iter().map(|(key, value)| set(key, value)));
    let set = sources.set.clone();
    let settings = config::load(sources)
        .map_err(|error| {
            let usage = error.is_usage();
            let said = format!("{name}: {error}");
            if usage {
                Failure::usage(said)
            } else {
                Failure::failed(said)
            }
        })?
        .settings;
    Ok(Planned { name, set, settings })
}

/// Refuses two runs with the same settings: a value stands twice, or something overrides what varies.
fn refuse_equals(runs: &[Planned]) -> Result<(), Failure> {
    let records: Vec<Value> = runs.iter().map(|run| run.settings.to_record()).collect();
    let records = comparable(&records.iter().collect::<Vec<_>>());
    let mut seen = HashMap::new();
    for (run, record) in runs.iter().zip(&records) {
        if let Some(other) = seen.insert(format!("{record:?}"), &run.name) {
            return Err(Failure::usage(format!(
                "`{other}` and `{}` would have the same settings; a value stands twice, or a flag such as --max-steps, --data or \
                 --model overrides what varies",
                run.name
            )));
        }
    }
    Ok(())
}

/// Looks at each dataset once, so that a slip in its folder's name does not make every run fail.
fn check_data(runs: &[Planned]) -> Result<(), Failure> {
    let mut seen: Vec<(&PathBuf, Option<&str>)> = Vec::new();
    for run in runs {
        let Some(root) = &run.settings.data.root else { continue };
        let of = (root, run.settings.data.dataname.as_deref());
        if seen.contains(&of) {
            continue;
        }
        data::recognise(of.0, of.1).map_err(Failure::failed)?;
        seen.push(of);
    }
    Ok(())
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
