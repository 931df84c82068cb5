//! `masp predict`.

use std::io::Write;
use std::process::ExitCode;

use super::args::PredictArgs;
use super::chosen_model::ChosenModel;
use super::failure::Failure;
use super::json::write_line;
use super::phases::Phases;
use super::say::say;
use super::show;
use crate::data::image_file::DecodeOptions;
use crate::engine::EngineError;
use crate::engine::inference::predict_images;
use crate::printable::{printable, printable_path};
use crate::session::{Prediction, rationale_mark};

/// Runs the command; an image that cannot be read is named, the others are predicted, and the exit status is 1.
///
/// # Errors
/// Where model or checkpoints cannot be opened, or the device fails.
pub fn run(args: &PredictArgs) -> Result<ExitCode, Failure> {
    let device = args.model.device;
    let model = ChosenModel::trained(args.sources(), device, args.session.as_ref(), &args.checkpoints)?;
    // Shown by one closure, cleared by the other before it prints.
    let phases = std::cell::RefCell::new(Phases::new());
    let decode = DecodeOptions {
        exif_orientation: model.settings.data.exif_orientation,
    };
    let mut failed = false;
    let mut out = std::io::stdout().lock();
    let notes = predict_images(
        &model.settings,
        model.device,
        &model.parts,
        (&args.images, &args.mute),
        |phase, done, total| phases.borrow_mut().show(phase, done, total),
        |path, prediction| {
            phases.borrow().finish();
            let written = match prediction {
                Ok(prediction) if args.json => write_line(&mut out, &prediction),
                Ok(prediction) if args.show => show::show(path, &prediction, decode),
                Ok(prediction) => print(&mut out, &prediction),
                Err(error) => {
                    failed = true;
                    let error = error.to_string();
                    say(format_args!("{}: {}", printable_path(path), printable(&error)));
                    Ok(())
                }
            };
            written.map_err(|source| EngineError::Write {
                path: "standard output".to_owned(),
                source,
            })
        },
    )?;
    notes.iter().for_each(|note| say(printable(note)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(out: &mut impl Write, prediction: &Prediction) -> std::io::Result<()> {
    writeln!(
        out,
        "{}: {}",
        printable(&prediction.image),
        printable(&prediction.prediction)
    )?;
    for (label, p) in &prediction.probabilities {
        writeln!(out, "  {:<16} {:5.1} %", printable(label), 100.0 * p)?;
    }
    for (view, seen) in &prediction.aspects {
        writeln!(out, "  {:<18} {}", view, printable(&seen.text))?;
    }
    writeln!(out, "  {}", printable(&prediction.rationale))?;
    match rationale_mark(prediction) {
        Some(mark) => writeln!(out, "  {}", printable(&mark)),
        None => Ok(()),
    }
}
