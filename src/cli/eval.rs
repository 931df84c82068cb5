//! `masp eval`.

use std::io::Write;
use std::process::ExitCode;

use super::args::EvalArgs;
use super::failure::Failure;
use super::json::write_line;
use super::parts::{choose, frozen};
use super::phases::Phases;
use super::say::say;
use crate::atomic_file::write_bytes_atomically;
use crate::engine::inference::{SplitEvaluation, evaluate_split};
use crate::printable::{printable, printable_path};
use crate::session::{EVALUATED_CHECKPOINT, EvaluatedCheckpoint, Metrics, SessionFolder, Utc, now, write_results};
use crate::tui::figures;

/// Runs the command.
///
/// # Errors
/// Where something cannot be opened, or the evaluation fails.
pub fn run(args: &EvalArgs) -> Result<ExitCode, Failure> {
    let chosen = if args.frozen {
        frozen(args.sources(), args.session.as_ref())?
    } else {
        choose(args.sources(), args.session.as_ref(), &args.checkpoints)?
    };
    let split = args.split.name();
    let mut phases = Phases::new();
    let device = args.model.device.into();
    let seen = evaluate_split(&chosen.settings, device, &chosen.parts, split, |phase, done, total| {
        phases.show(phase, done, total)
    })?;
    phases.finish();
    for line in &seen.left_out {
        say(format_args!("left out: {}", printable(line)));
    }
    let own = args.checkpoints.load_ckpt.is_none() && args.checkpoints.load_spmodel_ckpt.is_none();
    // Figures of other files' parameters are not the session's.
    if let Some(folder) = chosen.session.as_ref().filter(|_| own) {
        let kept = if args.frozen {
            keep_frozen(folder, &seen.metrics)?
        } else {
            keep(folder, split, &seen, chosen.checkpoint)?
        };
        say(format_args!("wrote {}", printable_path(&kept)));
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        write_line(&mut out, &seen.metrics)?;
    } else {
        print(&mut out, &seen.metrics)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An evaluation gets its own folder under the session; a live journal is not touched.
fn keep(
    folder: &SessionFolder,
    split: &str,
    seen: &SplitEvaluation,
    checkpoint: Option<EvaluatedCheckpoint>,
) -> Result<std::path::PathBuf, Failure> {
    let path = folder
        .evaluations()
        .join(format!("{}-{split}", Utc::from_seconds(now()).to_name()));
    std::fs::create_dir_all(&path)?;
    write_bytes_atomically(&path.join("metrics.json"), &serde_json::to_vec_pretty(&seen.metrics)?)?;
    if let Some(checkpoint) = checkpoint {
        write_bytes_atomically(&path.join(EVALUATED_CHECKPOINT), &serde_json::to_vec(&checkpoint)?)?;
    }
    write_results(&path.join("predictions.jsonl"), seen.results.iter())?;
    Ok(path)
}

/// The Train screen marks these figures in its bars.
///
/// # Errors
/// Where the session's folder cannot be written.
pub fn keep_frozen(folder: &SessionFolder, metrics: &Metrics) -> Result<std::path::PathBuf, Failure> {
    std::fs::create_dir_all(folder.evaluations())?;
    write_bytes_atomically(&folder.frozen(), &serde_json::to_vec_pretty(metrics)?)?;
    Ok(folder.frozen())
}

fn print(out: &mut impl Write, metrics: &Metrics) -> std::io::Result<()> {
    let percent = |share: f64| format!("{:>7}", figures::percent(share));
    writeln!(out, "{} images of split {}", metrics.samples, metrics.split)?;
    writeln!(out, "accuracy            {}", percent(metrics.accuracy))?;
    writeln!(out, "accuracy, generated {}", percent(metrics.accuracy_generated))?;
    writeln!(out, "macro-F1            {}", percent(metrics.macro_f1))?;
    writeln!(out, "ECE                 {:>7}", figures::calibration(metrics.ece))?;
    writeln!(out, "Brier               {:>7}", figures::calibration(metrics.brier))?;
    if let Some(polarity) = metrics.polarity_accuracy {
        writeln!(out, "polarity accuracy   {}", percent(polarity))?;
    }
    if let Some(distance) = metrics.wheel_distance {
        writeln!(out, "wheel distance      {distance:7.3}")?;
    }
    writeln!(
        out,
        "\n{:<16} {:>7} {:>9} {:>7} {:>8}",
        "class", "recall", "precision", "F1", "support"
    )?;
    let classes = metrics.per_class.keys();
    for (label, class) in classes.filter_map(|label| Some((label, metrics.class(label)?))) {
        let (recall, precision, f1) = (percent(class.recall), percent(class.precision), percent(class.f1));
        writeln!(
            out,
            "{:<16} {recall:>7} {precision:>9} {f1:>7} {:>8}",
            printable(label),
            class.support
        )?;
    }
    writeln!(
        out,
        "\n{:.1} images/s scored, {:.1} images/s generated",
        metrics.images_per_s, metrics.generated_images_per_s
    )
}
