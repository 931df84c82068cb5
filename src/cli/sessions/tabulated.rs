//! The runs, or groups of them, as rows of text and of exact values.

use serde_json::{Map, Value, json};

use crate::export::Head;
use crate::runs::{Cell, Column, Figure, Group, Groups, Sort};
use crate::session::SessionSummary;

/// A table for people, and the same for programs.
pub(super) struct Tabulated {
    pub heads: Vec<Head>,
    pub rows: Vec<Vec<String>>,
    /// A document for each row.
    pub documents: Vec<Value>,
    /// The exact values, with a column for each of their parts.
    pub exact_heads: Vec<String>,
    pub exact: Vec<Vec<String>>,
}

/// The columns of a table of runs where none are named.
pub(super) fn usual() -> Vec<Column> {
    vec![
        Column::Name,
        Column::State,
        Column::Progress,
        Column::Steps,
        Column::Best(Figure::Accuracy),
        Column::Test(Figure::Accuracy),
        Column::Started,
        Column::Time,
        Column::Data,
        Column::Model,
    ]
}

/// A row a run.
pub(super) fn of_runs(runs: &[&SessionSummary], columns: &[Column]) -> Tabulated {
    let mut table = Tabulated::new(columns.iter().map(head_of));
    table.exact_heads = columns.iter().map(|column| column.name().to_owned()).collect();
    for run in runs {
        let cells: Vec<Cell> = columns.iter().map(|column| column.cell(run)).collect();
        let named = columns.iter().zip(&cells);
        table
            .rows
            .push(named.clone().map(|(column, cell)| column.shown(cell)).collect());
        table.exact.push(cells.iter().map(exact).collect());
        let keys = named.map(|(column, cell)| (column.name().to_owned(), document(cell)));
        table.documents.push(Value::Object(keys.collect()));
    }
    table
}

/// A row a group over `over`: the settings that tell the groups apart, the number of runs, and of each figure mean and standard
/// deviation. The last column holds a figure against the first row's, with a 95 % interval.
///
/// Without an order the best group by that figure stands first.
pub(super) fn of_groups(
    runs: &[&SessionSummary],
    over: &[Column],
    columns: &[Column],
    sort: Option<&Sort>,
) -> Tabulated {
    let mut groups = Groups::of(runs, over);
    let figures: Vec<Column> = columns.iter().filter(|column| column.is_figure()).cloned().collect();
    let compared = groups.compared(runs, &figures);
    let usual = compared.cloned().map(Sort::by).unwrap_or_default();
    groups.sort(runs, sort.unwrap_or(&usual));
    let compared = compared.filter(|_| groups.groups.len() > 1);
    let count = |name: &str| Head {
        name: name.to_owned(),
        is_text: false,
    };
    let mut table = Tabulated::new(groups.settings.iter().chain(&figures).map(head_of));
    table.heads.insert(groups.settings.len(), count("runs"));
    let names = groups.settings.iter().map(|column| column.name().to_owned());
    table.exact_heads = names.chain(["runs".to_owned()]).collect();
    for figure in &figures {
        let parts = ["mean", "sd", "n"].map(|part| format!("{}_{part}", figure.name()));
        table.exact_heads.extend(parts);
    }
    if let Some(figure) = compared {
        table.heads.push(count(&format!("{} against the first", figure.name())));
        let parts = ["difference", "low", "high"].map(|part| format!("{}_{part}", figure.name()));
        table.exact_heads.extend(parts);
    }
    for (place, group) in groups.groups.iter().enumerate() {
        let against = groups.groups.first().filter(|_| place > 0);
        table.push_group(group, runs, (&groups.settings, &figures), compared.zip(against));
    }
    table
}

impl Tabulated {
    fn new(heads: impl Iterator<Item = Head>) -> Self {
        Self {
            heads: heads.collect(),
            rows: Vec::new(),
            documents: Vec::new(),
            exact_heads: Vec::new(),
            exact: Vec::new(),
        }
    }

    fn push_group(
        &mut self,
        group: &Group,
        runs: &[&SessionSummary],
        (settings, figures): (&[Column], &[Column]),
        compared: Option<(&Column, &Group)>,
    ) {
        let (mut row, mut values, mut keys) = (Vec::new(), Vec::new(), Map::new());
        for column in settings {
            let cell = group.cell(runs, column);
            row.push(column.shown(&cell));
            values.push(exact(&cell));
            keys.insert(column.name().to_owned(), document(&cell));
        }
        let names: Vec<&str> = group.runs.iter().map(|&run| runs[run].name.as_str()).collect();
        row.push(names.len().to_string());
        values.push(names.len().to_string());
        keys.insert("runs".to_owned(), json!(names));
        for column in figures {
            let spread = group.spread(runs, column);
            row.push(
                spread
                    .map(|spread| column.shown_spread(&spread, names.len()))
                    .unwrap_or_default(),
            );
            let parts = spread.map(|spread| (Some(spread.mean), spread.deviation, spread.n));
            let (mean, deviation, n) = parts.unwrap_or((None, None, 0));
            values.extend([mean, deviation].map(|part| part.map(|part| part.to_string()).unwrap_or_default()));
            values.push(n.to_string());
            keys.insert(
                column.name().to_owned(),
                json!({ "mean": mean, "deviation": deviation, "n": n }),
            );
        }
        if self.heads.len() > row.len() {
            let found = compared.and_then(|(column, first)| Some((column, group.minus(first, runs, column)?)));
            row.push(
                found
                    .map(|(column, found)| column.shown_difference(&found))
                    .unwrap_or_default(),
            );
            let parts = found.map(|(_, found)| [found.value, found.low, found.high]);
            let texts = parts
                .map(|parts| parts.map(|part| part.to_string()))
                .unwrap_or_default();
            values.extend(texts);
            if let Some((column, found)) = found {
                let found = json!({ "of": column.name(), "value": found.value, "low": found.low, "high": found.high });
                keys.insert("against_the_first".to_owned(), found);
            }
        }
        self.rows.push(row);
        self.exact.push(values);
        self.documents.push(Value::Object(keys));
    }
}

fn head_of(column: &Column) -> Head {
    let name = match column {
        Column::Started => "started (UTC)",
        column => column.name(),
    };
    Head {
        name: name.to_owned(),
        is_text: column.is_text(),
    }
}

fn document(cell: &Cell) -> Value {
    match cell {
        Cell::Missing => Value::Null,
        Cell::Number(number) => json!(number),
        Cell::Text(text) => json!(text),
    }
}

fn exact(cell: &Cell) -> String {
    match cell {
        Cell::Missing => String::new(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    }
}
