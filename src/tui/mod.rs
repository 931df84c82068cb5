//! The workbench's screens. Knows the engine only by the session's records and commands.
//!
//! [`run`] shows a run on the terminal; [`app`] holds the state, [`event_loop`] waits for events and draws. [`train`],
//! [`browse`], [`compare`] and [`sessions`] are a screen each, [`screens`] paints the header and key bar around them.

mod abilities;
mod act;
mod app;
mod axis;
mod backend;
mod background;
mod beside;
mod browse;
mod canvas;
mod common_prefix;
mod compare;
mod completion;
mod connected;
mod cursor;
mod decimate;
mod display;
mod drawing;
mod event_loop;
mod exit;
mod follow;
mod graphics;
mod history;
mod host;
mod inbox;
mod input;
mod look;
mod map_style;
mod meter;
mod metric;
mod model;
mod offers;
mod opening;
mod overlays;
mod palette;
mod panes;
mod paths;
mod pictures;
mod pixels;
mod player;
mod post;
mod probe;
mod reader;
#[doc(hidden)]
pub mod rehearsal;
mod relisting;
mod screens;
mod seeking;
mod series;
mod sessions;
mod shown_session;
mod span;
mod surface;
mod terminal;
mod terminfo;
mod train;
mod typed;
mod ui;
mod viewer;
mod waits;

#[cfg(test)]
mod tests;

use std::io::{self, BufWriter};

pub use abilities::Abilities;
pub use exit::{Exit, TuiError};
pub use follow::Link;
pub use host::{ENTER_REPLACES, Host};
pub use player::{SPEEDS as REPLAY_SPEEDS, USUAL_SPEED as REPLAY_SPEED};
pub use sessions::form::{Completes, Field};
pub use viewer::Viewer;

use self::{canvas::Canvas, input::Input};
use crate::theme::Depth;

/// Shows a run until the person leaves, the terminal is gone or a requested stop has happened. The terminal is restored
/// in every case, including panics.
///
/// # Errors
/// Where the terminal cannot be set up. What happens to it later is an [`Exit`].
pub fn run(viewer: Viewer) -> Result<Exit, TuiError> {
    let (images, depth) = (viewer.images, viewer.theme.depth);
    let can = Abilities::from_environment(|name| std::env::var(name).ok());
    let on_light = viewer.on_light.clone();
    let mut app = app::App::new(viewer).map_err(TuiError::Start)?;
    let inputs = app.inbox.inputs();
    let (guard, mut screen) =
        terminal::Guard::take(can, depth.is_few(), app.display.meter.clone()).map_err(TuiError::Terminal)?;
    app.display.canvas = Canvas::new(Box::new(BufWriter::new(
        app.display.meter.clone().counting(io::stdout()),
    )));
    if depth != Depth::Mono {
        let found = probe::find(images, on_light.is_some()).map_err(TuiError::Terminal)?;
        if let Some(theme) = on_light.filter(|_| found.light == Some(true)) {
            app.set_theme(theme);
        }
        app.set_graphics(found.choice);
        // The app is in this function, so somebody waits for them.
        let _ = found.typed.into_iter().try_for_each(|key| inputs.send(Input::Key(key)));
    }
    let input_thread = input::InputThread::start(inputs).map_err(TuiError::Start)?;
    let exit = loop {
        let exit = event_loop::run(&mut screen, &mut app);
        if exit != Exit::Suspend {
            break exit;
        }
        let _ = app.display.canvas.forget();
        guard.suspend().map_err(TuiError::Terminal)?;
        // The terminal no longer shows anything of the last frame.
        app.shown.pictures.forget();
        app.display.redraw = true;
    };
    drop(input_thread);
    if exit != Exit::TerminalGone {
        // Clear the pictures before the terminal is given back; if it is gone, there is nothing to clear.
        let _ = app.display.canvas.forget();
    }
    if let Some(reason) = app.cannot_start {
        return Err(TuiError::Session(reason));
    }
    if exit == Exit::TerminalGone {
        guard.abandon().map_err(TuiError::Terminal)?;
    }
    Ok(exit)
}
