//! The forms in which a table of runs is printed.

use std::io::{self, Write};

use super::table::aligned;
use super::tabulated::Tabulated;
use crate::cli::json::write_line;
use crate::export::{latex, markdown};
use crate::printable::printable;

/// How a table is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
    Csv,
    Markdown,
    Latex,
}

/// Prints a table.
///
/// # Errors
/// A closed output.
pub(super) fn write(table: &Tabulated, format: Format, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Text => text(table, out),
        Format::Json => write_line(out, &table.documents),
        Format::Csv => csv(table, out),
        Format::Markdown => write!(out, "{}", markdown(&table.heads, &table.rows)),
        Format::Latex => write!(out, "{}", latex(&table.heads, &table.rows)),
    }
}

fn text(table: &Tabulated, out: &mut impl Write) -> io::Result<()> {
    let mut lines = vec![
        table
            .heads
            .iter()
            .map(|head| head.name.to_uppercase())
            .collect::<Vec<_>>(),
    ];
    let cells = |row: &Vec<String>| row.iter().map(|cell| printable(cell).into_owned()).collect();
    lines.extend(table.rows.iter().map(cells));
    for line in aligned(&lines) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Exact values; spreads and intervals have a column for each of their numbers.
fn csv(table: &Tabulated, out: &mut impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(&table.exact_heads)?;
    for row in &table.exact {
        writer.write_record(row)?;
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::super::tabulated::{of_groups, of_runs};
    use super::*;
    use crate::made_up::evaluated::summaries;
    use crate::runs::{Column, parse_columns};
    use crate::session::SessionSummary;

    fn printed(format: Format, grouped: bool) -> String {
        let mut all = summaries(6);
        for (n, run) in all.iter_mut().enumerate() {
            run.settings["train"]["seed"] = (n / 2).into();
            run.settings["aspects"]["views"] = "scene".into();
            run.settings["train"]["prompt"]["learning_rate"] = if n % 2 == 0 { 0.003.into() } else { 1e-5.into() };
            run.test_accuracy = Some(0.75 + 0.03125 * (n % 4) as f64);
        }
        all[0].name = "50 %_|run".into();
        let runs: Vec<&SessionSummary> = all.iter().collect();
        let columns = parse_columns("name test lr").unwrap();
        let table = if grouped {
            let over = [Column::parse("seed").unwrap()];
            of_groups(&runs, &over, &columns, None)
        } else {
            of_runs(&runs[..2], &columns)
        };
        let mut out = Vec::new();
        write(&table, format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn runs_in_each_form() {
        assert_eq!(
            printed(Format::Text, false),
            "NAME       TEST    LR\n50 %_|run  75.0 %  0.003\nrun-1      78.1 %  1e-5\n"
        );
        assert_eq!(
            printed(Format::Csv, false),
            "name,test,lr\n50 %_|run,0.75,0.003\nrun-1,0.78125,0.00001\n"
        );
        assert_eq!(
            printed(Format::Json, false),
            "[{\"name\":\"50 %_|run\",\"test\":0.75,\"lr\":0.003},{\"name\":\"run-1\",\"test\":0.78125,\"lr\":0.00001}]\n"
        );
        assert_eq!(
            printed(Format::Markdown, false),
            "| name | test | lr |\n| --- | ---: | ---: |\n| 50 %_\\|run | 75.0 % | 0.003 |\n| run-1 | 78.1 % | 1e-5 |\n"
        );
        let latex = printed(Format::Latex, false);
        assert!(latex.contains("\\begin{tabular}{lrr}") && latex.contains("50 \\%\\_|run & 75.0 \\% & 0.003 \\\\"));
    }

    #[test]
    fn groups_have_mean_deviation_and_an_interval() {
        // 0.78125, 0.84375, 0.78125 and 0.75, 0.8125, 0.75.
        let text = printed(Format::Text, true);
        let rows: Vec<&str> = text.lines().collect();
        assert!(rows[0].contains("TEST AGAINST THE FIRST"), "{text}");
        assert!(rows[1].starts_with("1e-5   3     80.2 ± 3.6 %"), "{text}");
        assert!(rows[2].contains("77.1 ± 3.6 %  -3.1 [-11.3, +5.1]"), "{text}");
        let csv = printed(Format::Csv, true);
        assert!(
            csv.starts_with("lr,runs,test_mean,test_sd,test_n,test_difference,test_low,test_high\n"),
            "{csv}"
        );
        assert!(printed(Format::Latex, true).contains("80.2 $\\pm$ 3.6 \\%"));
        let json: serde_json::Value = serde_json::from_str(&printed(Format::Json, true)).unwrap();
        assert_eq!(json[1]["runs"].as_array().map(Vec::len), Some(3));
        assert!(json[1]["against_the_first"]["low"].as_f64() < Some(0.0));
    }
}
