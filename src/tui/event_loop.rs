//! The event loop: waits for keys, records and pictures at once, handles everything that is available, then draws one
//! frame.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, TryRecvError, never};
use ratatui::{
    Terminal,
    backend::Backend,
    layout::{Position, Rect},
};

use super::{Exit, app::App, input::Input};

/// The delay before a frame that answers a key or shows an awaited picture, so that it appears within 50 ms.
const PROMPT_FRAME: Duration = Duration::from_millis(35);
/// The largest number of events that are handled before a frame, even if more are available.
const MOST_AT_ONCE: usize = 20_000;

/// How soon a change must be visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Nothing,
    Soon,
    Promptly,
}

/// Runs until the person leaves, the terminal is gone, or a run that was asked to stop has ended. Draws nothing if
/// nothing has changed. A terminal that cannot be written to counts as gone.
pub fn run<B: Backend>(terminal: &mut Terminal<B>, app: &mut App, inputs: &Receiver<Input>) -> Exit {
    let mut wanted = Wanted::Promptly;
    let mut drawn: Option<Instant> = None;
    loop {
        if app.cannot_start.is_some() {
            return Exit::NotOpened;
        }
        let due = match (wanted, drawn) {
            (Wanted::Nothing, _) => None,
            (_, None) => Some(Instant::now()),
            (Wanted::Soon, Some(at)) => Some(at + app.display.frame),
            (Wanted::Promptly, Some(at)) => Some(at + PROMPT_FRAME.min(app.display.frame)),
        };
        if due.is_some_and(|due| due <= Instant::now()) {
            if std::mem::take(&mut app.display.redraw)
                && (clear(terminal).is_err() || app.display.canvas.forget().is_err())
            {
                return Exit::TerminalGone;
            }
            let Ok(frame) = terminal.draw(|frame| app.draw(frame)) else {
                return Exit::TerminalGone;
            };
            if app
                .display
                .canvas
                .set(app.shown.pictures.take_placed(), frame.area)
                .is_err()
            {
                return Exit::TerminalGone;
            }
            (drawn, wanted) = (Some(Instant::now()), Wanted::Nothing);
            continue;
        }
        if app.display.canvas.has_more() {
            // Check for keys between two pictures.
            if app.display.canvas.send_one().is_err() {
                return Exit::TerminalGone;
            }
        } else {
            wait(inputs, app, [due, app.play_due()].into_iter().flatten().min());
        }

        if app.play(Instant::now()) {
            wanted = wanted.max(Wanted::Soon);
        }
        loop {
            match inputs.try_recv() {
                Ok(input) => {
                    if let Some(exit) = app.input(input) {
                        return exit;
                    }
                    wanted = Wanted::Promptly;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Exit::TerminalGone,
            }
        }
        loop {
            match app.shown.pictures.done().try_recv() {
                Ok(done) => app.shown.pictures.accept(done),
                Err(TryRecvError::Disconnected) => app.shown.pictures.lost(),
                Err(TryRecvError::Empty) => break,
            }
            wanted = Wanted::Promptly;
        }
        loop {
            match app.reader.done().try_recv() {
                Ok(done) => app.read(done),
                Err(TryRecvError::Disconnected) => app.reader.lost(),
                Err(TryRecvError::Empty) => break,
            }
            wanted = Wanted::Promptly;
        }
        if app.take_opened() | app.take_sought() {
            wanted = Wanted::Promptly;
        }
        match app.shown.link.resumed.try_recv() {
            Ok(()) => {
                app.rejoin();
                wanted = Wanted::Promptly;
            }
            Err(TryRecvError::Disconnected) => app.shown.link.resumed = never(),
            Err(TryRecvError::Empty) => {}
        }
        match app.started.try_recv() {
            Err(TryRecvError::Empty) => {}
            started => {
                let gone = "the run could not be started: its thread is gone".to_owned();
                app.run_started(started.unwrap_or(Err(gone)));
                wanted = Wanted::Promptly;
            }
        }
        match app.exported.try_recv() {
            Err(TryRecvError::Empty) => {}
            written => {
                let gone = "nothing was written: the thread is gone".to_owned();
                app.export_done(written.unwrap_or(Err(gone)));
                wanted = Wanted::Promptly;
            }
        }
        for (place, records) in app.models().into_iter().enumerate() {
            let Some(records) = records else { continue };
            loop {
                match records.try_recv() {
                    Ok(record) => app.said(place, Some(record)),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        app.said(place, None);
                        break;
                    }
                }
                wanted = Wanted::Promptly;
            }
        }
        for _ in 0..MOST_AT_ONCE {
            match app.shown.link.records.try_recv() {
                Ok(record) => {
                    if let Some(exit) = app.record(&record) {
                        return exit;
                    }
                    wanted = wanted.max(Wanted::Soon);
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    // A disconnected channel is always ready, so it must be replaced or the loop would never wait.
                    app.records_ended();
                    wanted = Wanted::Promptly;
                    break;
                }
            }
        }
    }
}

/// Waits until a channel is ready, at most until `due`.
fn wait(inputs: &Receiver<Input>, app: &App, due: Option<Instant>) {
    let mut select = Select::new();
    select.recv(inputs);
    select.recv(app.shown.pictures.done());
    select.recv(app.reader.done());
    select.recv(&app.shown.link.records);
    select.recv(&app.started);
    select.recv(&app.exported);
    select.recv(&app.shown.link.resumed);
    for opened in [app.opened(), app.rejoined()].into_iter().flatten() {
        select.recv(opened);
    }
    if let Some(sought) = app.sought() {
        select.recv(sought);
    }
    let models = app.models();
    for records in models.iter().flatten() {
        select.recv(records);
    }
    match due {
        // If `due` has passed, the frame is drawn first, and whatever is ready is handled after it.
        Some(due) => drop(select.ready_deadline(due)),
        None => drop(select.ready()),
    }
}

/// Makes the next frame redraw everything. `Terminal::clear` cannot be used: it queries the cursor's position, but only
/// the input thread may read the answer.
fn clear<B: Backend>(terminal: &mut Terminal<B>) -> Result<(), B::Error> {
    let size = terminal.size()?;
    terminal.resize(Rect::from((Position::ORIGIN, size)))
}
