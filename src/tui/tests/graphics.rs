//! Pictures in the terminal's pixels: when they are shown, when cells are used instead, and what is sent again.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{Terminal, backend::TestBackend, layout::Size};

use super::screens::{described, settled};
use crate::{
    images::Images,
    made_up,
    theme::{Depth, Theme},
    tui::{
        Viewer,
        app::App,
        canvas::{Canvas, Placed},
        event_loop,
        graphics::{Choice, Graphics, Protocol},
        inbox::Message,
        input::Input,
        ui::Pane,
    },
};

const KITTY: Choice = Choice {
    graphics: Some(Graphics {
        protocol: Protocol::Kitty,
        cell: Size::new(10, 20),
    }),
    pixels: true,
    refused: None,
};
/// The picture and its six maps.
const TILES: usize = 7;

fn app(choice: Choice) -> (App, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    made_up::write_samples(folder.path()).unwrap();
    let mut viewer = Viewer::new(folder.path().to_owned(), "made-up");
    viewer.theme = Theme::dark(Depth::True);
    for record in made_up::records(60) {
        viewer.history.apply(&record);
    }
    let mut app = App::new(viewer).unwrap();
    app.set_graphics(choice);
    app.ui.focus_on(Pane::Sample);
    (app, folder)
}

fn key(app: &mut App, code: KeyCode, modifiers: KeyModifiers) {
    assert_eq!(app.input(Input::Key(KeyEvent::new(code, modifiers))), None);
}

fn press(app: &mut App, key: char) {
    self::key(app, KeyCode::Char(key), KeyModifiers::NONE);
}

/// The pixel pictures once all have arrived, and the text of the cells.
fn shown(app: &mut App) -> (Vec<Placed>, String) {
    let buffer = settled(app, 120, 40);
    (
        app.shown.pictures.take_placed(),
        described(&buffer, &Theme::dark(Depth::True)),
    )
}

#[test]
fn a_key_changes_between_pixels_and_half_blocks() {
    let (mut app, _folder) = app(KITTY);
    let (pixels, cells) = shown(&mut app);
    assert_eq!(pixels.len(), TILES);
    assert!(!cells.contains('▒'), "{cells}");
    press(&mut app, 'i');
    let (none, cells) = shown(&mut app);
    assert!(none.is_empty() && cells.contains('▒'), "{cells}");
    assert_eq!(app.ui.notice.as_deref(), Some("half blocks"));
    press(&mut app, 'i');
    assert!(shown(&mut app).0 == pixels, "they are kept");
    assert_eq!(app.ui.notice.as_deref(), Some("pixels (kitty)"));
}

#[test]
fn where_there_are_no_pixels_the_key_says_why() {
    let none = Choice {
        graphics: None,
        pixels: false,
        refused: None,
    };
    let why = "a multiplexer does not pass them on";
    for (refused, says) in [(None, "the terminal reports none"), (Some(why), why)] {
        let (mut app, _folder) = app(Choice { refused, ..none });
        assert_eq!(app.ui.notice.is_some(), refused.is_some());
        press(&mut app, 'i');
        let (pixels, cells) = shown(&mut app);
        assert!(pixels.is_empty() && cells.contains('▒'), "{cells}");
        assert_eq!(app.ui.notice, Some(format!("no pixels: {says}")));
    }
    let mut viewer = Viewer::new("/nowhere".into(), "off");
    viewer.images = Images::Off;
    let mut app = App::new(viewer).unwrap();
    press(&mut app, 'i');
    assert_eq!(app.ui.notice.as_deref(), Some("pictures are off (--images)"));
}

#[test]
fn under_a_popup_pictures_are_cells() {
    let (mut app, _folder) = app(KITTY);
    let pixels = shown(&mut app).0;
    for opens in ['?', ':'] {
        press(&mut app, opens);
        assert!(shown(&mut app).0.is_empty(), "{opens}");
        key(&mut app, KeyCode::Esc, KeyModifiers::NONE);
        assert!(shown(&mut app).0 == pixels, "{opens}");
    }
}

#[test]
fn another_size_of_the_cells_paints_all_again() {
    let (mut app, _folder) = app(KITTY);
    let before = shown(&mut app).0;
    app.input(Input::Resized(Some(Size::new(10, 20))));
    assert!(app.display.redraw, "the terminal may have moved them");
    assert!(shown(&mut app).0 == before);
    app.input(Input::Resized(Some(Size::new(20, 40))));
    let after = shown(&mut app).0;
    assert_eq!(after.len(), TILES);
    assert!(after.iter().all(|placed| !before.contains(placed)));
    // In half blocks there is nothing to send again.
    press(&mut app, 'i');
    app.display.redraw = false;
    app.input(Input::Resized(None));
    assert!(!app.display.redraw);
}

#[test]
fn pictures_painted_for_the_previous_protocol_are_dropped() {
    let (mut app, _folder) = app(KITTY);
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
    let mut draw = |app: &mut App| {
        terminal.draw(|frame| app.draw(frame)).unwrap();
    };
    draw(&mut app);
    let answer = |app: &mut App| {
        loop {
            if let Message::Picture(Some(done)) = app.inbox.next(None) {
                return done;
            }
        }
    };
    let read = answer(&mut app);
    app.shown.pictures.accept(read);
    draw(&mut app);
    let painted = answer(&mut app);
    app.input(Input::Resized(Some(Size::new(20, 40))));
    app.shown.pictures.accept(painted);
    draw(&mut app);
    assert!(app.shown.pictures.take_placed().is_empty());
    assert!(app.shown.pictures.wanted(), "all is painted again");
}

/// The output so far.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn count(&self, what: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).matches(what).count()
    }

    /// Waits until `what` has been written `count` times.
    fn wait(&self, what: &str, count: usize) {
        let begin = Instant::now();
        while self.count(what) < count {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "{what:?}: {}",
                self.count(what)
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn ctrl_l_drops_the_pictures_and_sends_them_again() {
    let (mut app, _folder) = app(KITTY);
    let written = Written::default();
    app.display.canvas = Canvas::new(Box::new(written.clone()));
    let inputs = app.inbox.inputs();
    let screen = thread::spawn(move || {
        let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
        event_loop::run(&mut terminal, &mut app)
    });
    let press = |code, modifiers| inputs.send(Input::Key(KeyEvent::new(code, modifiers))).unwrap();
    written.wait("a=p", TILES);
    assert_eq!((written.count("a=t"), written.count("d=I")), (TILES, 0));
    press(KeyCode::Char('l'), KeyModifiers::CONTROL);
    written.wait("a=p", 2 * TILES);
    assert_eq!((written.count("a=t"), written.count("d=I")), (2 * TILES, TILES));
    // Another screen removes them. Back on this one they are only placed, because the terminal has kept them.
    press(KeyCode::Char('4'), KeyModifiers::NONE);
    written.wait("d=i", TILES);
    press(KeyCode::Char('1'), KeyModifiers::NONE);
    written.wait("a=p", 3 * TILES);
    assert_eq!(written.count("a=t"), 2 * TILES);
    press(KeyCode::Char('q'), KeyModifiers::NONE);
    screen.join().unwrap();
}
