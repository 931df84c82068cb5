//! The event loop: waits for the next message, handles everything that has arrived, then draws one frame.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use ratatui::{
    Terminal,
    backend::Backend,
    layout::{Position, Rect},
};

use super::{Exit, act::Wanted, app::App};

/// The delay before a frame that answers a key or shows an awaited picture, so that it appears within 50 ms.
const PROMPT_FRAME: Duration = Duration::from_millis(35);

/// Runs until the person leaves, the terminal is gone, or a run that was asked to stop has ended. Draws nothing if
/// nothing has changed. A terminal that cannot be written to counts as gone.
pub fn run<B: Backend>(terminal: &mut Terminal<B>, app: &mut App) -> Exit {
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
            if draw(terminal, app).is_err() {
                return Exit::TerminalGone;
            }
            (drawn, wanted) = (Some(Instant::now()), Wanted::Nothing);
            continue;
        }
        let due = if app.display.canvas.has_more() {
            // Check for keys between two pictures.
            if app.display.canvas.send_one().is_err() {
                return Exit::TerminalGone;
            }
            Some(Instant::now())
        } else {
            [due, app.play_due(), app.relist_due()].into_iter().flatten().min()
        };
        match app.handle_arrived(due) {
            ControlFlow::Continue(more) => wanted = wanted.max(more),
            ControlFlow::Break(exit) => return exit,
        }
    }
}

/// What could not be written to.
struct TerminalGone;

/// Draws a frame, and hands its pixel pictures to the canvas.
fn draw<B: Backend>(terminal: &mut Terminal<B>, app: &mut App) -> Result<(), TerminalGone> {
    if std::mem::take(&mut app.display.redraw) {
        clear(terminal).map_err(|_| TerminalGone)?;
        app.display.canvas.forget().map_err(|_| TerminalGone)?;
    }
    let frame = terminal.draw(|frame| app.draw(frame)).map_err(|_| TerminalGone)?;
    let placed = app.shown.pictures.take_placed();
    app.display.canvas.set(placed, frame.area).map_err(|_| TerminalGone)
}

/// Makes the next frame redraw everything. `Terminal::clear` cannot be used: it queries the cursor's position, but only
/// the input thread may read the answer.
fn clear<B: Backend>(terminal: &mut Terminal<B>) -> Result<(), B::Error> {
    let size = terminal.size()?;
    terminal.resize(Rect::from((Position::ORIGIN, size)))
}
