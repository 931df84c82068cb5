//! Snapshots of the Train screen and its panes on a made-up run.
//!
//! A snapshot holds the text, then the styles of its rows as runs: the first column, the colour's role, `+b` for bold, `on` a
//! background. Rows of the same runs share a line; rows without any style have none. Cells of pictures are not listed one by
//! one; a run of them is `picture` with a hash of its colours.

use std::fmt::Write;

use crossbeam_channel::unbounded;
use indexmap::IndexMap;
use insta::assert_snapshot;
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

use crate::{
    keymap::Screen,
    made_up,
    session::{Event, Log, Phase, Record, Resumed, Stage, Warning},
    theme::{Depth, Theme},
    tui::{
        Viewer,
        app::App,
        ui::{Layer, Pane},
    },
};

const STEPS: u64 = 600;

/// A run at step `until` of `stage`, with a channel for commands.
fn app(stage: Stage, until: u64, theme: Theme) -> (App, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    made_up::write_samples(folder.path()).unwrap();
    let mut viewer = Viewer::new(folder.path().to_owned(), "made-up");
    (viewer.link.commands, viewer.theme) = (Some(unbounded().0), theme);
    for record in made_up::records(STEPS) {
        let last = matches!(&record.event, Event::Step(step) if step.stage == stage && step.step == until);
        viewer.history.apply(&record);
        if last {
            break;
        }
    }
    (App::new(viewer).unwrap(), folder)
}

/// The screen once all pictures have arrived.
pub fn settled(app: &mut App, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    loop {
        terminal.draw(|frame| app.draw(frame)).unwrap();
        if !app.shown.pictures.wanted() {
            break;
        }
        assert!(app.handle_arrived(None).is_continue());
    }
    terminal.backend().buffer().clone()
}

fn style(cell: &Cell, theme: &Theme) -> Option<String> {
    let name = |color| match color {
        Color::Reset => Some(String::new()),
        Color::Indexed(n) => Some(format!("#{n}")),
        color => theme.role(color).map(str::to_owned),
    };
    let (fg, bg) = (name(cell.fg)?, name(cell.bg)?);
    let mut style = if cell.symbol() == " " && cell.modifier.is_empty() {
        String::new()
    } else {
        fg
    };
    for (modifier, letter) in [(Modifier::BOLD, "b"), (Modifier::DIM, "d"), (Modifier::REVERSED, "r")] {
        if cell.modifier.contains(modifier) {
            write!(style, "+{letter}").unwrap();
        }
    }
    if !bg.is_empty() {
        write!(style, " on {bg}").unwrap();
    }
    Some(style)
}

pub fn described(buffer: &Buffer, theme: &Theme) -> String {
    let mut text = String::new();
    // The rows that have these runs.
    let mut styles: IndexMap<String, Vec<u16>> = IndexMap::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        // First column, style (`None`: a picture), hash of the cells.
        let mut runs: Vec<(u16, Option<String>, u32)> = Vec::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = style(cell, theme);
            let picture = style.is_none() && "▀▄ ".contains(cell.symbol());
            line.push_str(if picture { "▒" } else { cell.symbol() });
            let goes_on = |last: &Option<String>| *last == style || (style.as_deref() == Some("") && last.is_some());
            if runs.last().is_none_or(|(_, last, _)| !goes_on(last)) {
                runs.push((x, style, 0));
            }
            if let Some((.., hash)) = runs.last_mut() {
                let said = format!("{:?}{:?}{}", cell.fg, cell.bg, cell.symbol());
                *hash = said
                    .bytes()
                    .fold(*hash, |hash, byte| hash.wrapping_mul(0x0100_0193) ^ u32::from(byte));
            }
        }
        writeln!(text, "{}", line.trim_end()).unwrap();
        let runs = runs.into_iter().filter(|(_, style, _)| style.as_deref() != Some(""));
        let runs = runs.map(|(x, style, hash)| match style {
            Some(style) => format!("{x} {style}"),
            None => format!("{x} picture {hash:08x}"),
        });
        let runs = runs.collect::<Vec<_>>().join(", ");
        styles.entry(runs).or_default().push(y);
    }
    styles.shift_remove("");
    text.push('\n');
    for (runs, rows) in styles {
        writeln!(text, "{}: {runs}", ranges(&rows)).unwrap();
    }
    text
}

/// `2-5 7`
fn ranges(rows: &[u16]) -> String {
    let ranges = rows.chunk_by(|row, next| row + 1 == *next).map(|range| match range {
        [first, .., last] => format!("{first}-{last}"),
        [row] => row.to_string(),
        [] => String::new(),
    });
    ranges.collect::<Vec<_>>().join(" ")
}

fn snapshot(name: &str, mut app: App, width: u16, height: u16, theme: &Theme) {
    let buffer = settled(&mut app, width, height);
    assert_snapshot!(name, described(&buffer, theme));
}

#[test]
fn train_at_four_sizes() {
    let theme = Theme::dark(Depth::True);
    for (width, height) in [(20, 5), (80, 24), (120, 40), (200, 55)] {
        let (app, _folder) = app(Stage::Prompt, 430, theme.clone());
        snapshot(&format!("train_{width}x{height}"), app, width, height, &theme);
    }
}

#[test]
fn each_pane_at_80x24() {
    let theme = Theme::dark(Depth::True);
    let (mut app, _folder) = app(Stage::Aspects, 250, theme.clone());
    for (pane, part) in [
        (Pane::Accuracy, "│ mean 43.0 % ▲ 9.0  loss 1.349 "),
        (Pane::Rationale, "│ brightness  very high "),
        (
            Pane::Log,
            "│    2:08 ◆ evaluated at step 100: 33.9 % of 256 right, loss 1.782 ",
        ),
    ] {
        app.ui.focus_on(pane);
        let shown = described(&settled(&mut app, 80, 24), &theme);
        assert!(shown.contains(part), "{shown}");
    }
    app.ui.focus_on(Pane::Sample);
    snapshot("tab_sample", app, 80, 24, &theme);
}

#[test]
fn a_sample_without_its_pictures() {
    let theme = Theme::dark(Depth::True);
    let (mut app, _folder) = app(Stage::Prompt, 430, theme.clone());
    app.display.show_pictures = false;
    app.ui.focus_on(Pane::Sample);
    let shown = described(&settled(&mut app, 80, 24), &theme);
    assert!(
        shown.contains("says  amusement ✓  62.4 %") && !shown.contains("picture"),
        "{shown}"
    );
}

#[test]
fn each_metric_and_the_log_axis() {
    let theme = Theme::dark(Depth::True);
    let (mut app, _folder) = app(Stage::Prompt, 430, theme.clone());
    for (metric, mark) in [
        ("accuracy", "◆ validation 61.7 %"),
        ("macro-F1", "◆ validation 60.7 %"),
        ("ECE", "◆ validation 0.077"),
        ("grad norm", "⠶ step"),
        ("learning rate", "⠶ step"),
        ("samples/s", "⠶ step"),
    ] {
        app.ui.metric = app.ui.metric.next();
        let shown = described(&settled(&mut app, 120, 40), &theme);
        assert!(shown.contains(&format!("╭ {metric} · stage prompt")), "{shown}");
        assert!(shown.contains(mark), "{shown}");
        assert_eq!(shown.contains("◆ validation"), mark.starts_with('◆'), "{shown}");
    }
    (app.ui.metric, app.ui.log_axis) = (crate::tui::metric::Metric::Loss, true);
    snapshot("log_axis", app, 80, 24, &theme);
}

#[test]
fn help_and_the_quit_dialog() {
    let theme = Theme::light(Depth::True);
    for (name, layer) in [("help", Layer::Help), ("quit", Layer::Quit)] {
        let (mut app, _folder) = app(Stage::Prompt, 10, theme.clone());
        app.ui.layer = layer;
        snapshot(name, app, 80, 32, &theme);
    }
}

#[test]
fn fewer_colours() {
    for (name, depth) in [("indexed", Depth::Indexed), ("mono", Depth::Mono)] {
        let theme = Theme::dark(depth);
        let (app, _folder) = app(Stage::Prompt, 430, theme.clone());
        snapshot(name, app, 120, 40, &theme);
    }
}

#[test]
fn before_the_first_event_it_says_so_and_then_names_each_phase() {
    let mut viewer = Viewer::new("/nowhere".into(), "new");
    viewer.theme = Theme::dark(Depth::True);
    let mut app = App::new(viewer).unwrap();
    let shows = |app: &mut App, text: &str| {
        for (width, height) in [(20, 5), (80, 24), (120, 40)] {
            let shown = described(&settled(app, width, height), &Theme::dark(Depth::True));
            assert!(shown.contains(text), "{text:?} at {width}x{height}:\n{shown}");
        }
    };
    shows(&mut app, "starting");
    app.record(&Record::new(
        0,
        0.0,
        Event::Phase(Phase {
            name: "loading 3/7".into(),
            stage: None,
        }),
    ));
    shows(&mut app, "loading 3/7");
}

#[test]
fn text_from_files_cannot_control_the_terminal() {
    let evil = "\x1b[2J\u{9b}31m\u{202e}evil\x07 喜び e\u{301} אבג";
    let (mut app, _folder) = app(Stage::Prompt, 430, Theme::dark(Depth::True));
    let events = [
        Event::Log(Log::new(evil)),
        Event::Warning(Warning {
            text: evil.into(),
            step: None,
        }),
        Event::Phase(Phase {
            name: evil.into(),
            stage: None,
        }),
    ];
    for (seq, event) in (app.shown.state.next_seq..).zip(events) {
        app.record(&Record::new(seq, 1.7e9, event));
    }
    if let Some(session) = &mut app.shown.state.session {
        (session.device, session.model, session.dataname) = (evil.into(), evil.into(), evil.into());
    }
    for look in app.shown.state.panel.values_mut().flatten() {
        (look.image, look.gold, look.prediction) = (evil.into(), evil.into(), evil.into());
        look.file = evil.into();
    }
    for &pane in Screen::Train.panes() {
        app.ui.focus_on(pane);
        for (width, height) in [(80, 24), (120, 40), (200, 55)] {
            let buffer = settled(&mut app, width, height);
            let bad = |c: char| c.is_control() || c == '\u{202e}';
            assert!(buffer.content.iter().all(|cell| !cell.symbol().chars().any(bad)));
        }
    }
}

#[test]
fn curves_followed_step_by_step_equal_curves_drawn_at_once() {
    let theme = Theme::dark(Depth::True);
    let (mut followed, _folder) = app(Stage::Prompt, 200, theme.clone());
    let mut records: Vec<Record> = made_up::records(STEPS)
        .into_iter()
        .filter(|record| record.seq >= followed.shown.state.next_seq)
        .collect();
    records.truncate(150);
    let seq = followed.shown.state.next_seq + 150;
    let resumed = Event::Resumed(Resumed {
        stage: Stage::Prompt,
        from_step: 180,
        plan: vec![],
    });
    records.push(Record::new(seq, 1.7e9, resumed));
    let mut step = made_up::records(STEPS)
        .into_iter()
        .rev()
        .find(|r| matches!(r.event, Event::Step(_)))
        .unwrap();
    for n in 1..=60 {
        if let Event::Step(step) = &mut step.event {
            (step.step, step.loss) = (180 + n, 1.5 + n as f64 * 0.01);
        }
        step.seq = seq + n;
        records.push(step.clone());
    }
    let mut at_once = app(Stage::Prompt, 200, theme).0;
    for (n, record) in records.iter().enumerate() {
        followed.record(record);
        at_once.record(record);
        if n.is_multiple_of(7) {
            settled(&mut followed, 80, 24);
        }
    }
    assert_eq!(settled(&mut followed, 80, 24), settled(&mut at_once, 80, 24));
}
