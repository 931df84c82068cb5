//! Tables of text as Markdown and LaTeX.

use std::fmt::Write;

use crate::printable::printable;

/// A column's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub name: String,
    /// Whether its cells are read from their left end.
    pub is_text: bool,
}

/// A Markdown table.
#[must_use]
pub fn markdown(heads: &[Head], rows: &[Vec<String>]) -> String {
    let escaped = |text: &str| printable(text).replace('\\', "\\\\").replace('|', "\\|");
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rule = |head: &Head| if head.is_text { "---" } else { "---:" }.to_owned();
    let mut table = line(heads.iter().map(|head| escaped(&head.name)).collect());
    table += &line(heads.iter().map(rule).collect());
    table.extend(
        rows.iter()
            .map(|row| line(row.iter().map(|cell| escaped(cell)).collect())),
    );
    table
}

/// A LaTeX `tabular` with the rules of booktabs.
#[must_use]
pub fn latex(heads: &[Head], rows: &[Vec<String>]) -> String {
    let columns: String = heads.iter().map(|head| if head.is_text { 'l' } else { 'r' }).collect();
    // A `[` behind the end of a line would begin an argument.
    let line = |cells: Vec<String>| {
        let guard = cells
            .first()
            .filter(|first| first.starts_with('['))
            .map_or("", |_| "{}");
        format!("{guard}{} \\\\\n", cells.join(" & "))
    };
    let mut table = format!("\\begin{{tabular}}{{{columns}}}\n\\toprule\n");
    table += &line(heads.iter().map(|head| for_latex(&head.name)).collect());
    table += "\\midrule\n";
    table.extend(
        rows.iter()
            .map(|row| line(row.iter().map(|cell| for_latex(cell)).collect())),
    );
    // Writing to a string does not fail.
    let _ = writeln!(table, "\\bottomrule\n\\end{{tabular}}");
    table
}

/// Text as LaTeX prints it.
#[must_use]
pub fn for_latex(text: &str) -> String {
    let mut escaped = String::new();
    for c in printable(text).chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', c]),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '±' => escaped.push_str("$\\pm$"),
            '–' => escaped.push_str("--"),
            c => escaped.push(c),
        }
    }
    escaped
}
