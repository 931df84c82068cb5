//! `masp compare A B`: two checkpoints on the same images.

use std::collections::HashMap;
use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

use super::args::{CheckpointArgs, CompareArgs, SessionSpec};
use super::chosen_model::ChosenModel;
use super::failure::Failure;
use super::json::write_line;
use super::phases::bar;
use super::say::say;
use crate::engine::inference::SplitEvaluation;
use crate::figures::{self, fixed};
use crate::metrics::{Both, Comparison, Estimate, Pair, Scored, compare};
use crate::printable::printable;
use crate::session::{Difference, ImageResult, differences};

/// The number of flips in the text output; `--json` lists all.
const LISTED: usize = 20;

/// The document of `compare --json`.
#[derive(Debug, Serialize)]
struct Document {
    a: String,
    b: String,
    split: &'static str,
    /// Settings that differ.
    settings: Vec<Difference>,
    #[serde(flatten)]
    figures: Comparison,
}

/// Runs the command: both checkpoints are evaluated, each with its own session's settings.
///
/// # Errors
/// Something cannot be opened, an evaluation fails, or the two have different classes or no image in common.
pub fn run(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let device = args.model.device;
    let choose = |spec: &SessionSpec| {
        let mut model = ChosenModel::trained(args.sources(), device, Some(spec), &CheckpointArgs::default())?;
        model.find_images(bar("drawing pictures again"))?;
        Ok::<_, Failure>(model)
    };
    let (a, b) = (choose(&args.a)?, choose(&args.b)?);
    let split = args.split.name();
    let (seen_a, seen_b) = (a.evaluate(split)?, b.evaluate(split)?);
    let labels = &seen_a.metrics.confusion.labels;
    if *labels != seen_b.metrics.confusion.labels {
        return Err(Failure::failed(
            "the two sessions have different classes, so their predictions cannot be compared",
        ));
    }
    let (rows_a, rows_b) = (rows(&seen_a, labels), rows(&seen_b, labels));
    let by_image: HashMap<&str, &Row> = rows_b.iter().map(|row| (row.image, row)).collect();
    let common = rows_a.iter().filter_map(|a| Some((a, *by_image.get(a.image)?)));
    let common: Vec<(&Row, &Row)> = common.collect();
    let other = common.iter().filter(|(a, b)| a.gold != b.gold).count();
    if other > 0 {
        return Err(Failure::failed(format!(
            "{other} of {} images have different labels in the two sessions, so their datasets differ; name one dataset for \
             both with --data",
            common.len()
        )));
    }
    let place = |seen: &SplitEvaluation| std::fs::canonicalize(seen.metrics.data.as_deref()?).ok();
    if place(&seen_a) != place(&seen_b) {
        say(format_args!(
            "warning: the datasets are in different folders, {} and {}; images with the same name are taken to be the same",
            printable(seen_a.metrics.data.as_deref().unwrap_or_default()),
            printable(seen_b.metrics.data.as_deref().unwrap_or_default())
        ));
    }
    let pairs: Vec<Pair> = common
        .into_iter()
        .map(|(a, b)| Pair {
            image: a.image,
            a: a.scored(),
            b: b.scored(),
        })
        .collect();
    if pairs.is_empty() {
        return Err(Failure::failed(format!(
            "the two sessions have no image of the split `{split}` in common; name one dataset for both with --data"
        )));
    }
    let alone = rows_a.len() + rows_b.len() - 2 * pairs.len();
    if alone > 0 {
        say(format_args!(
            "{alone} images were evaluated by only one of the two and are left out"
        ));
    }
    let document = Document {
        a: args.a.to_string(),
        b: args.b.to_string(),
        split,
        settings: differences(&a.settings.to_record(), &b.settings.to_record()),
        figures: compare(labels, &pairs),
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        write_line(&mut out, &document)?;
    } else {
        print(&mut out, &document)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A prediction with the gold label's index and the probabilities in the labels' order.
struct Row<'a> {
    image: &'a str,
    gold: usize,
    probabilities: Vec<f64>,
    generated: &'a str,
}

impl Row<'_> {
    fn scored(&self) -> Scored<'_> {
        Scored {
            gold: self.gold,
            probabilities: &self.probabilities,
            generated: self.generated,
        }
    }
}

fn rows<'a>(seen: &'a SplitEvaluation, labels: &[String]) -> Vec<Row<'a>> {
    let row = |seen: &'a ImageResult| {
        Some(Row {
            image: &seen.prediction.image,
            gold: labels.iter().position(|label| *label == seen.gold)?,
            probabilities: seen.prediction.probabilities.values().copied().collect(),
            generated: &seen.prediction.generated,
        })
    };
    seen.results.iter().filter_map(row).collect()
}

fn print(out: &mut impl Write, document: &Document) -> std::io::Result<()> {
    let figures = &document.figures;
    writeln!(out, "a  {}", printable(&document.a))?;
    writeln!(out, "b  {}", printable(&document.b))?;
    writeln!(out, "{} images of split {}", figures.samples, document.split)?;
    if !document.settings.is_empty() {
        writeln!(out, "\nsettings that differ")?;
        for difference in &document.settings {
            let [a, b] = difference.shown();
            let line = format!("  {:<28} {a} | {b}", difference.key);
            writeln!(out, "{}", printable(&line))?;
        }
    }
    writeln!(out, "\n{:<12} {:>24} {:>24} {:>24}", "95 %", "a", "b", "b - a")?;
    for (name, Both { a, b, difference }) in [
        ("accuracy", figures.accuracy),
        ("macro-F1", figures.macro_f1),
        ("ECE", figures.ece),
    ] {
        writeln!(
            out,
            "{name:<12} {:>24} {:>24} {:>24}",
            shown(a),
            shown(b),
            signed(difference)
        )?;
    }
    let test = &figures.mcnemar;
    writeln!(
        out,
        "\nonly a is right {}, only b {}; McNemar's p = {:.3}",
        test.only_first, test.only_second, test.p_value
    )?;
    writeln!(
        out,
        "\n{:<16} {:>8} {:>9} {:>9} {:>8}",
        "recall", "images", "a", "b", "b - a"
    )?;
    for (label, class) in &figures.per_class {
        writeln!(
            out,
            "{:<16} {:>8} {:>9} {:>9} {:>8}",
            printable(label),
            class.support,
            recall(class.recall_a, fixed),
            recall(class.recall_b, fixed),
            recall(class.recall_b - class.recall_a, figures::signed)
        )?;
    }
    if !figures.flips.is_empty() {
        writeln!(out, "\nflips")?;
    }
    for flip in figures.flips.iter().take(LISTED) {
        let sign = if flip.gained { '+' } else { '-' };
        let line = format!("{sign} {}  {}: {} -> {}", flip.image, flip.gold, flip.a, flip.b);
        writeln!(out, "{}", printable(&line))?;
    }
    if let Some(more) = figures.flips.len().checked_sub(LISTED).filter(|more| *more > 0) {
        writeln!(out, "... and {more} more; --json lists all")?;
    }
    Ok(())
}

/// A dash for a class without images.
fn recall(share: f64, shown: fn(f64, usize) -> String) -> String {
    if share.is_finite() {
        shown(share, 3)
    } else {
        "–".to_owned()
    }
}

fn shown(Estimate { value, low, high }: Estimate) -> String {
    format!("{} [{}, {}]", fixed(value, 3), fixed(low, 3), fixed(high, 3))
}

fn signed(Estimate { value, low, high }: Estimate) -> String {
    let signed = |share| figures::signed(share, 3);
    format!("{} [{}, {}]", signed(value), signed(low), signed(high))
}
