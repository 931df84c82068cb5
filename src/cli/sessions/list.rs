//! `masp sessions list`.

use std::io::Write;

use super::error::SessionsError;
use super::formats::{Format, write};
use super::tabulated::{of_groups, of_runs, usual};
use crate::cli::args::ListArgs;
use crate::cli::json::write_line;
use crate::printable::printable;
use crate::runs::{Column, Figure, arrange};
use crate::session::SessionSummary;

/// Prints the sessions to `out`, as a table or in a form for programs and papers. As JSON without chosen columns each is a
/// whole [`SessionSummary`].
///
/// # Errors
/// A closed output; a group over something that is no setting.
pub(super) fn list(all: &[SessionSummary], asked: &ListArgs, out: &mut impl Write) -> Result<(), SessionsError> {
    let query = asked.filter.clone().unwrap_or_default();
    let sort = asked.sort.clone().unwrap_or_default();
    let shown = arrange(all, &query, &sort);
    let runs: Vec<&SessionSummary> = shown.iter().filter_map(|&row| all.get(row)).collect();
    let format = format(asked);
    let grouped = !asked.group.is_empty();
    if format == Format::Json && asked.columns.is_empty() && !grouped {
        return Ok(write_line(out, &runs)?);
    }
    if format == Format::Text && runs.is_empty() {
        let line = match all {
            [] => "no sessions yet; `masp demo` creates the first ones".to_owned(),
            all => format!("none of {} sessions passes the filter", all.len()),
        };
        return Ok(writeln!(out, "{line}")?);
    }
    let table = if grouped {
        of_groups(&runs, &over(asked)?, &figures(asked), asked.sort.as_ref())
    } else if asked.columns.is_empty() {
        of_runs(&runs, &usual())
    } else {
        of_runs(&runs, &asked.columns)
    };
    write(&table, format, out)?;
    if format == Format::Text {
        for run in runs {
            if let Some(problem) = &run.problem {
                writeln!(out, "{}: {}", printable(&run.name), printable(problem))?;
            }
        }
    }
    Ok(())
}

fn format(asked: &ListArgs) -> Format {
    match asked {
        ListArgs { json: true, .. } => Format::Json,
        ListArgs { csv: true, .. } => Format::Csv,
        ListArgs { markdown: true, .. } => Format::Markdown,
        ListArgs { latex: true, .. } => Format::Latex,
        _ => Format::Text,
    }
}

/// The settings that a group's runs may differ by.
fn over(asked: &ListArgs) -> Result<Vec<Column>, SessionsError> {
    match asked.group.iter().find(|column| !matches!(column, Column::Setting(_))) {
        None => Ok(asked.group.clone()),
        Some(column) => Err(SessionsError::Group(column.name().to_owned())),
    }
}

/// The figures of a table of groups: those among the columns, or both accuracies.
fn figures(asked: &ListArgs) -> Vec<Column> {
    if asked.columns.iter().any(Column::is_figure) {
        return asked.columns.clone();
    }
    vec![Column::Best(Figure::Accuracy), Column::Test(Figure::Accuracy)]
}
