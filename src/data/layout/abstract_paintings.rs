//! Abstract (Machajdik and Hanbury 2010): a flat folder and `ABSTRACT_groundTruth.csv` with a column of votes for each
//! emotion, names quoted with `'`. The label is the emotion with most votes; a tie is left out, as is usual.

use std::{collections::HashSet, path::Path};

use super::{
    Candidate, Layout, Listing, Split,
    listing::{entries, read_list},
};
use crate::data::{DataError, LeftOut, classes, image_file};
use crate::{inside::inside, printable::printable};

pub(super) const LAYOUT: Layout = Layout {
    name: "Abstract (flat folder, ABSTRACT_groundTruth.csv)",
    datasets: &[&classes::ABSTRACT],
    matches,
    list,
};

const VOTES: &str = "ABSTRACT_groundTruth.csv";

fn matches(root: &Path, _named: bool) -> bool {
    root.join(VOTES).is_file()
}

fn list(root: &Path) -> Result<Listing, DataError> {
    let path = root.join(VOTES);
    let wrong = |reason: String| DataError::File {
        path: path.clone(),
        reason,
    };
    let listed = read_list(&path).map_err(|error| wrong(error.to_string()))?;
    let mut reader = csv::ReaderBuilder::new()
        .quote(b'\'')
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(listed.as_slice());
    let heading = reader.byte_headers().map_err(|error| wrong(error.to_string()))?;
    let columns: Vec<(usize, String)> = heading
        .iter()
        .map(|name| String::from_utf8_lossy(name).to_lowercase())
        .enumerate()
        .filter(|(_, name)| classes::ABSTRACT.classes.contains(&name.as_str()))
        .collect();
    if columns.len() < 2 {
        return Err(wrong(format!(
            "its heading names no two of the classes {}",
            classes::ABSTRACT.classes.join(", ")
        )));
    }

    let mut listing = Listing {
        folders: columns.iter().map(|(_, name)| name.clone()).collect(),
        ..Listing::default()
    };
    for (index, record) in reader.byte_records().enumerate() {
        let row = record.map_err(|error| error.to_string()).and_then(|record| {
            let fields: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
            let name = fields.first().map(AsRef::as_ref).unwrap_or_default();
            let image = inside(root, Path::new(name))
                .ok_or_else(|| format!("`{}` is no file of this folder", printable(name)))?;
            let votes = |column: usize| {
                fields
                    .get(column)
                    .and_then(|votes| votes.parse::<f64>().ok())
                    .unwrap_or(0.0)
            };
            Ok((
                image,
                winner(columns.iter().map(|(column, class)| (class.as_str(), votes(*column)))),
            ))
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
                reason: format!("row {}: {reason}", index + 2),
            }),
        }
    }

    let named: HashSet<_> = (listing.candidates.iter().map(|candidate| candidate.image.clone()))
        .chain(listing.left_out.iter().map(|left_out| left_out.path.clone()))
        .collect();
    let mut files = entries(root, &mut listing.left_out)?.files;
    files.retain(|file| image_file::is_image_name(&file.path) && !named.contains(&file.path));
    listing.leave_out(files, "it has no row in ABSTRACT_groundTruth.csv");
    Ok(listing)
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
