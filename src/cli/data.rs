//! `masp data check` and `masp data synth`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::json;

use super::args::{ConfigArgs, DataCommand};
use super::failure::Failure;
use super::phases::bar;
use crate::config::{self, Flag};
use crate::data::synth::{Options, SynthError, synthesise};
use crate::data::{DatasetOptions, View, check};
use crate::printable::printable;

/// Runs the command. The exit status of a check is 1 if it finds a problem that would stop a run.
///
/// # Errors
/// Wrong settings, a dataset that cannot be written, a closed output.
pub fn run(command: &DataCommand) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    match command {
        DataCommand::Check {
            dir,
            settings,
            dataname,
        } => {
            let (dataset, views) = dataset(dir, settings, dataname.as_deref())?;
            let report = check::check(&dataset, &views, &bar("decoding images"));
            write!(out, "{report}")?;
            Ok(if report.stops_a_run() {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            })
        }
        DataCommand::Synth { dir, images, seed } => {
            let options = Options {
                seed: *seed,
                ..Options::default()
            }
            .with_images(*images);
            draw(dir, &options, &mut out)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The dataset in `dir`, split as a run with these settings would split it, and the aspects that the run would train.
fn dataset(dir: &str, settings: &ConfigArgs, dataname: Option<&str>) -> Result<(DatasetOptions, Vec<View>), Failure> {
    let mut sources = settings.sources();
    sources.flags.push(Flag {
        flag: "DIR",
        key: "data.root",
        value: json!(dir),
    });
    if let Some(name) = dataname {
        sources.flags.push(Flag {
            flag: "--dataname",
            key: "data.dataname",
            value: json!(name),
        });
    }
    let settings = config::load(sources)?.settings;
    let options = DatasetOptions {
        root: dir.into(),
        dataname: settings.data.dataname,
        val_fraction: settings.data.val_fraction,
        shots: settings.data.shots,
        seed: settings.train.seed,
    };
    Ok((options, settings.aspects.views))
}

fn draw(dir: &Path, options: &Options, out: &mut impl Write) -> Result<(), Failure> {
    let began = Instant::now();
    let info = synthesise(dir, options, bar("drawing pictures"))?;
    let Options {
        train, val, test, seed, ..
    } = options;
    writeln!(
        out,
        "{}: {} pictures ({train} train, {val} val, {test} test) drawn in {:.1} s, seed {seed}",
        printable(&dir.to_string_lossy()),
        options.images(),
        began.elapsed().as_secs_f64(),
    )?;
    writeln!(
        out,
        "best possible accuracy on test {:.1} %: {:.0} % of the labels are wrong on purpose",
        100.0 * info.synth.best_possible.test,
        100.0 * options.noise
    )?;
    Ok(())
}

impl From<SynthError> for Failure {
    fn from(error: SynthError) -> Self {
        let usage = match error {
            SynthError::Options { .. } | SynthError::Occupied { .. } => true,
            SynthError::Write { .. } | SynthError::Encode { .. } => false,
        };
        Self::of(error, usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_dataset_passes_the_check() -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        let dir = folder.path().join("drawn");
        let options = Options {
            size: 56,
            ..Options::default()
        }
        .with_images(30);
        let mut out = Vec::new();
        draw(&dir, &options, &mut out)?;
        let text = String::from_utf8_lossy(&out).into_owned();
        assert!(
            text.contains("30 pictures (20 train, 4 val, 6 test)") && text.contains("best possible"),
            "{text}"
        );

        // Twice into the same folder is wrong usage.
        assert_eq!(
            draw(&dir, &options, &mut out).err().map(|failure| failure.exit_code()),
            Some(ExitCode::from(2))
        );

        let settings = ConfigArgs {
            set: vec!["train.seed=7".into()],
            ..ConfigArgs::default()
        };
        let (dataset, views) = dataset(&dir.to_string_lossy(), &settings, None)?;
        assert_eq!((dataset.seed, &dataset.root), (7, &dir));
        let report = check::check(&dataset, &views, &bar("decoding"));
        assert!(report.to_string().ends_with("\nReady to train.\n"), "{report}");
        Ok(())
    }

    #[test]
    fn an_empty_folder_stops_a_run() -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        let dir = folder.path().to_string_lossy().into_owned();
        let command = DataCommand::Check {
            dir,
            settings: ConfigArgs::default(),
            dataname: None,
        };
        assert_eq!(run(&command)?, ExitCode::FAILURE);
        Ok(())
    }
}
