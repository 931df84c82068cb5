//! Abstract (Machajdik and Hanbury 2010): a flat folder and `ABSTRACT_groundTruth.csv` with a column of votes for each
//! emotion. The label is the emotion with most votes; a tie is left out, as is usual.
//!
//! As distributed, names are quoted with `'` and fields divided by commas; spreadsheets save it with `"`, semicolons
//! or tabs, and as UTF-16.

use std::{collections::HashSet, path::Path};

use super::{
    candidates::{Candidate, Listing, Split},
    definition::Layout,
    listing::{entries, read_list},
    meant::{child, correct_paths, key, written},
};
use crate::data::{DataError, LeftOut, classes, image_file};
use crate::printable::printable;

pub(super) const LAYOUT: Layout = Layout {
    name: "Abstract (flat folder, ABSTRACT_groundTruth.csv)",
    datasets: &[&classes::ABSTRACT],
    matches,
    list,
};

pub(super) const VOTES: &str = "ABSTRACT_groundTruth.csv";

fn matches(root: &Path, _named: bool) -> bool {
    child(root, &[VOTES]).is_file()
}

fn list(root: &Path) -> Result<Listing, DataError> {
    let path = child(root, &[VOTES]);
    let wrong = |reason: String| DataError::File {
        path: path.clone(),
        reason,
    };
    let text = read_list(&path).map_err(|error| wrong(error.to_string()))?;
    let table = Table::new(&text);
    let mut reader = table.reader();
    let heading: Vec<String> = reader
        .headers()
        .map_err(|error| wrong(error.to_string()))?
        .iter()
        .map(unquoted)
        .collect();
    let columns = columns(&heading);
    if columns.len() < 2 {
        return Err(wrong(format!(
            "its header ({}) does not name at least two of the classes {}",
            printable(&heading.join(", ")),
            classes::ABSTRACT.classes.join(", ")
        )));
    }

    let mut listing = Listing {
        folders: columns.iter().map(|(_, name)| name.clone()).collect(),
        ..Listing::default()
    };
    let foreign = heading
        .iter()
        .skip(1)
        .filter(|name| !name.is_empty() && columns.iter().all(|(_, column)| *column != key(name)));
    let foreign: Vec<&str> = foreign.map(String::as_str).collect();
    if !foreign.is_empty() {
        listing.warnings.push(format!(
            "{VOTES} has columns that are not classes; they are not read: {}.",
            printable(&foreign.join(", "))
        ));
    }
    for (index, record) in table.reader().records().enumerate() {
        let row = record.map_err(|error| error.to_string()).and_then(|record| {
            let fields: Vec<String> = record.iter().map(unquoted).collect();
            let name = fields.first().map(String::as_str).unwrap_or_default();
            let image =
                written(root, name).ok_or_else(|| format!("`{}` is not a file of this folder", printable(name)))?;
            let votes: Result<Vec<(&str, f64)>, String> = (columns.iter())
                .map(|(column, class)| Ok((class.as_str(), votes(fields.get(*column).map_or("", String::as_str))?)))
                .collect();
            Ok((image, votes.and_then(|votes| winner(votes.into_iter()))))
        });
        match row {
            Ok((image, Ok(class))) => listing.candidates.push(Candidate {
                split: Split::Train,
                class,
                image,
                annotation: None,
            }),
            Ok((image, Err(reason))) => listing.left_out.push(LeftOut { path: image, reason }),
            Err(reason) => listing.left_out.push(LeftOut {
                path: path.clone(),
                reason: format!("row {}: {reason}", index + 2 + table.lines_before),
            }),
        }
    }
    correct_paths(root, &mut listing);

    let named: HashSet<_> = (listing.candidates.iter().map(|candidate| candidate.image.clone()))
        .chain(listing.left_out.iter().map(|left_out| left_out.path.clone()))
        .collect();
    let mut files = entries(root, &mut listing.left_out)?.files;
    files.retain(|file| image_file::is_image_name(&file.path) && !named.contains(&file.path));
    listing.leave_out(files, "it has no row in ABSTRACT_groundTruth.csv");
    Ok(listing)
}

/// The table, with the quotes and delimiter that it was saved with.
#[derive(Clone, Copy)]
struct Table<'a> {
    text: &'a str,
    quote: u8,
    delimiter: u8,
    /// Before the heading: a spreadsheet's `sep=;`.
    lines_before: usize,
}

impl<'a> Table<'a> {
    /// Takes the quotes from the heading, and the delimiter that makes it name the most classes; in a tie the distributed
    /// file's comma wins.
    fn new(text: &'a str) -> Self {
        let (text, lines_before) = match text.split_once('\n') {
            Some((first, rest)) if key(first).trim_matches('"').starts_with("sep=") => (rest, 1),
            _ => (text, 0),
        };
        let heading = text.split(['\n', '\r']).next().unwrap_or_default();
        let mut best = Self {
            text,
            quote: if heading.contains('\'') { b'\'' } else { b'"' },
            delimiter: b',',
            lines_before,
        };
        let mut most = best.classes();
        for delimiter in [b';', b'\t', b'|'] {
            let table = Self { delimiter, ..best };
            if table.classes() > most {
                most = table.classes();
                best = table;
            }
        }
        best
    }

    /// How many classes the heading names.
    fn classes(&self) -> usize {
        let mut reader = self.reader();
        let heading = reader
            .headers()
            .map_or(Vec::new(), |names| names.iter().map(unquoted).collect());
        columns(&heading).len()
    }

    fn reader(&self) -> csv::Reader<&'a [u8]> {
        csv::ReaderBuilder::new()
            .quote(self.quote)
            .delimiter(self.delimiter)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(self.text.as_bytes())
    }
}

/// A field without the quotes that the reader did not remove.
fn unquoted(field: &str) -> String {
    field
        .trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
        .to_owned()
}

/// The columns of votes, with their classes.
fn columns(heading: &[String]) -> Vec<(usize, String)> {
    (heading.iter().map(|name| key(name)).enumerate())
        .filter(|(_, name)| classes::ABSTRACT.classes.contains(&name.as_str()))
        .collect()
}

/// An empty field counts as no votes; a spreadsheet may write `0,5`.
fn votes(field: &str) -> Result<f64, String> {
    if field.is_empty() {
        return Ok(0.0);
    }
    let number = field.replace(',', ".").parse::<f64>().ok();
    number
        .filter(|votes| votes.is_finite() && *votes >= 0.0)
        .ok_or_else(|| format!("`{}` is not a number of votes", printable(field)))
}

fn winner<'a>(votes: impl Iterator<Item = (&'a str, f64)> + Clone) -> Result<String, String> {
    let most = votes.clone().map(|(_, count)| count).fold(0.0, f64::max);
    let winners: Vec<&str> = votes
        .filter(|(_, count)| *count == most)
        .map(|(class, _)| class)
        .collect();
    match winners.as_slice() {
        _ if most <= 0.0 => Err("it has no votes".into()),
        [class] => Ok((*class).to_owned()),
        tied => Err(format!("the votes are tied between {}", tied.join(", "))),
    }
}
