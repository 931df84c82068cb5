//! `masp eval`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::EvalArgs;
use super::chosen_model::ChosenModel;
use super::failure::Failure;
use super::json::write_line;
use super::phases::bar;
use super::recorded_session::RecordedSession;
use super::say::say;
use crate::engine::inference::SplitEvaluation;
use crate::export::{check_rows_target, export_rows};
use crate::figures;
use crate::printable::{printable, printable_path};
use crate::session::{Evaluated, EvaluationNote, KeepError, Metrics, Origin, SessionStart, keep_evaluation, now};

/// Runs the command. It prints the figures before it keeps them, so that they are not lost if keeping fails.
///
/// # Errors
/// Where something cannot be opened, the evaluation fails, or `--predictions` cannot be written.
pub fn run(args: &EvalArgs) -> Result<ExitCode, Failure> {
    if let Some(to) = &args.predictions {
        check_rows_target(to).map_err(Failure::usage)?;
    }
    let (sources, device, session) = (args.sources(), args.model.device, args.session.as_ref());
    let mut model = if args.frozen {
        ChosenModel::frozen(sources, device, session)?
    } else {
        ChosenModel::trained(sources, device, session, &args.checkpoints)?
    };
    model.find_images(bar("drawing pictures again"))?;
    let evaluation = model.evaluate(args.split.name())?;
    for line in &evaluation.left_out {
        say(format_args!("left out: {}", printable(line)));
    }
    // If nobody reads the output any more (`| head`), keep the evaluation all the same, and return the error last.
    let printed = print(&evaluation.metrics, args.json);
    match &model.session {
        Some(session) => match keep(session, &model.evaluated, &evaluation) {
            Ok(kept) => say(format_args!("wrote {}", printable_path(&kept))),
            Err(error) => say(format_args!("warning: the evaluation was not kept: {error}")),
        },
        None if args.predictions.is_none() => {
            say("the evaluation was not kept, because no session was named; --predictions FILE writes the predictions");
        }
        None => {}
    }
    if let Some(to) = &args.predictions {
        let origin = origin(&model, &evaluation.metrics);
        let written = export_rows(&evaluation.results, &origin, to).map_err(Failure::failed)?;
        say(format_args!("wrote {}", printable_path(&written)));
    }
    printed?;
    Ok(ExitCode::SUCCESS)
}

fn print(metrics: &Metrics, json: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if json {
        write_line(&mut out, metrics)?;
    } else {
        print_table(&mut out, metrics)?;
    }
    Ok(out.flush()?)
}

/// Writes the evaluation into a folder of its own under the session.
fn keep(session: &RecordedSession, evaluated: &Evaluated, seen: &SplitEvaluation) -> Result<PathBuf, KeepError> {
    let note = note(evaluated.clone(), session.start.as_deref(), seen);
    keep_evaluation(&session.folder, &note, &seen.metrics, &seen.results, now())
}

/// What was evaluated, and whether on the data of the session that began with `start`.
pub fn note(evaluated: Evaluated, start: Option<&SessionStart>, seen: &SplitEvaluation) -> EvaluationNote {
    let data = seen.metrics.data.clone().unwrap_or_default();
    let whole = std::fs::canonicalize(&data).map(|path| path.display().to_string());
    EvaluationNote {
        own_data: start.is_none_or(|start| is_own_data(start, &data, seen)),
        data: whole.unwrap_or(data),
        evaluated,
    }
}

/// Whether `data` is the session's dataset, however its path is spelled. If the session's folder is gone, a dataset with
/// the same classes and split sizes counts as the same one, moved.
fn is_own_data(start: &SessionStart, data: &str, seen: &SplitEvaluation) -> bool {
    match (start.images().canonicalize().ok(), Path::new(data).canonicalize().ok()) {
        (Some(own), Some(this)) => own == this,
        (None, Some(_)) => start.splits == seen.splits && start.classes == seen.metrics.confusion.labels,
        _ => start.data == data,
    }
}

fn origin(model: &ChosenModel, metrics: &Metrics) -> Origin {
    let session = model.session.as_ref().map_or("", |session| session.folder.name());
    Origin::new(
        session,
        Some(&model.evaluated),
        &metrics.split,
        metrics.data.as_deref().unwrap_or(""),
    )
}

fn print_table(out: &mut impl Write, metrics: &Metrics) -> std::io::Result<()> {
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
