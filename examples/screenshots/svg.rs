//! A screen's cells as SVG. What fonts draw unlike one another (blocks, dots, lines) is drawn as shapes, so that cells join.

use std::fmt::Write;

use vt100::{Cell, Color};

/// A cell's width and height.
const CELL: (f64, f64) = (9.0, 18.0);
const BACKGROUND: &str = "#101218";
const FOREGROUND: &str = "#dee1e6";

pub fn drawn(rows: &[Vec<Cell>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let (width, height) = (columns as f64 * CELL.0, rows.len() as f64 * CELL.1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-size=\"15\" \
         font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{BACKGROUND}\"/>\n"
    );
    for (y, row) in rows.iter().enumerate() {
        let top = y as f64 * CELL.1;
        runs(
            row,
            |cell| paint(cell).1,
            |first, cells, color| {
                if let Some(color) = color {
                    rect(
                        &mut svg,
                        (first as f64 * CELL.0, top),
                        (cells.len() as f64 * CELL.0, CELL.1),
                        &color,
                    );
                }
            },
        );
        let look = |cell: &Cell| (kind(cell), paint(cell).0, cell.bold());
        runs(row, look, |first, cells, (kind, color, bold)| {
            let left = first as f64 * CELL.0;
            match kind {
                Kind::Blank => {}
                Kind::Text => text(&mut svg, (left, top), cells, &color, bold),
                Kind::Upper => rect(
                    &mut svg,
                    (left, top),
                    (cells.len() as f64 * CELL.0, CELL.1 / 2.0),
                    &color,
                ),
                Kind::Lower => {
                    let half = (cells.len() as f64 * CELL.0, CELL.1 / 2.0);
                    rect(&mut svg, (left, top + CELL.1 / 2.0), half, &color);
                }
                Kind::Full => rect(&mut svg, (left, top), (cells.len() as f64 * CELL.0, CELL.1), &color),
                Kind::Shape => {
                    for (place, cell) in cells.iter().enumerate() {
                        shape(&mut svg, (left + place as f64 * CELL.0, top), cell, &color);
                    }
                }
            }
        });
    }
    svg.push_str("</svg>\n");
    svg
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Blank,
    Text,
    Upper,
    Lower,
    Full,
    Shape,
}

fn glyph(cell: &Cell) -> char {
    cell.contents().chars().next().unwrap_or(' ')
}

fn kind(cell: &Cell) -> Kind {
    match glyph(cell) {
        ' ' => Kind::Blank,
        '▀' => Kind::Upper,
        '▄' => Kind::Lower,
        '█' => Kind::Full,
        '\u{2800}'..='\u{28ff}' | '─' | '━' | '│' | '┃' | '╭' | '╮' | '╰' | '╯' => Kind::Shape,
        _ => Kind::Text,
    }
}

/// Neighbours with the same look, each run with the place of its first cell.
fn runs<T: PartialEq>(row: &[Cell], look: impl Fn(&Cell) -> T, mut each: impl FnMut(usize, &[Cell], T)) {
    let mut first = 0;
    for run in row.chunk_by(|a, b| look(a) == look(b)) {
        each(first, run, look(&run[0]));
        first += run.len();
    }
}

/// The colour of the glyph, and of what is behind it where that is not the screen's own.
fn paint(cell: &Cell) -> (String, Option<String>) {
    let own = |color: Color, default: &str| match color {
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        // The program paints in 24-bit colour where the terminal says it has it.
        Color::Default | Color::Idx(_) => default.to_owned(),
    };
    let (front, back) = (own(cell.fgcolor(), FOREGROUND), own(cell.bgcolor(), BACKGROUND));
    let (front, back) = if cell.inverse() { (back, front) } else { (front, back) };
    (front, (back != BACKGROUND).then_some(back))
}

fn rect(svg: &mut String, (x, y): (f64, f64), (width, height): (f64, f64), color: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{color}\" shape-rendering=\"crispEdges\"/>"
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), cells: &[Cell], color: &str, bold: bool) {
    let mut words = String::new();
    for cell in cells {
        match glyph(cell) {
            '&' => words.push_str("&amp;"),
            '<' => words.push_str("&lt;"),
            '>' => words.push_str("&gt;"),
            other => words.push(other),
        }
    }
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{}\" textLength=\"{}\" fill=\"{color}\"{weight}>{words}</text>",
        y + 13.5,
        cells.len() as f64 * CELL.0
    );
}

fn shape(svg: &mut String, (x, y): (f64, f64), cell: &Cell, color: &str) {
    let (middle, centre) = (x + CELL.0 / 2.0, y + CELL.1 / 2.0);
    let (right, bottom) = (x + CELL.0, y + CELL.1);
    let mut line = |path: String, width: f64| {
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" stroke=\"{color}\" stroke-width=\"{width}\" fill=\"none\"/>"
        );
    };
    match glyph(cell) {
        '─' => line(format!("M{x} {centre}H{right}"), 1.0),
        '━' => line(format!("M{x} {centre}H{right}"), 3.0),
        '│' => line(format!("M{middle} {y}V{bottom}"), 1.0),
        '┃' => line(format!("M{middle} {y}V{bottom}"), 3.0),
        '╭' => line(format!("M{middle} {bottom}Q{middle} {centre} {right} {centre}"), 1.0),
        '╮' => line(format!("M{x} {centre}Q{middle} {centre} {middle} {bottom}"), 1.0),
        '╰' => line(format!("M{middle} {y}Q{middle} {centre} {right} {centre}"), 1.0),
        '╯' => line(format!("M{x} {centre}Q{middle} {centre} {middle} {y}"), 1.0),
        braille => {
            // Bit by bit, as Unicode numbers the dots of a cell.
            const PLACES: [(u8, u8); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
            let bits = braille as u32 - 0x2800;
            for (bit, (column, row)) in PLACES.into_iter().enumerate() {
                if bits >> bit & 1 == 1 {
                    let place = (x + 1.5 + f64::from(column) * 4.0, y + 1.5 + f64::from(row) * 4.5);
                    rect(svg, place, (2.0, 2.0), color);
                }
            }
        }
    }
}
