//! The pixel pictures on the terminal: which are shown, which are still to be sent, which must be removed.
//!
//! They are not part of ratatui's buffer, whose cells under a picture are skipped: a picture must be sent whole, and
//! must not be sent again because a neighbour changed. Only one picture is sent at a time, so that a key waits for at
//! most one picture.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    io::{self, Write},
    sync::{Arc, Weak},
};

use ratatui::layout::Rect;

use super::{
    pixels::{self, Pixels},
    surface::Surface,
};

/// A picture of pixels and the cells it covers.
#[derive(Debug, Clone)]
pub struct Placed {
    pub surface: Arc<Surface>,
    pub place: Rect,
}

impl PartialEq for Placed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.surface, &other.surface) && self.place == other.place
    }
}

/// What the terminal shows beside its cells.
pub struct Canvas {
    out: Box<dyn Write + Send>,
    /// Pictures on the screen. Unwanted ones stay until the picture that replaces them is sent.
    shown: Vec<Placed>,
    /// Pictures still to be sent.
    waiting: VecDeque<Placed>,
    /// Pictures in the terminal's memory, by number.
    kept: HashMap<u32, Weak<Surface>>,
    screen: Rect,
}

impl Canvas {
    /// A canvas on a terminal, which `out` writes to.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            shown: Vec::new(),
            waiting: VecDeque::new(),
            kept: HashMap::new(),
            screen: Rect::default(),
        }
    }

    /// Sets the pictures of a frame whose cells are already drawn. Pictures that are no longer wanted are removed at
    /// once, unless a new one replaces them.
    ///
    /// # Errors
    /// Where the terminal cannot be written to.
    pub fn set(&mut self, wanted: Vec<Placed>, screen: Rect) -> io::Result<()> {
        if screen != self.screen {
            // The resize has cleared the whole screen.
            self.screen = screen;
            self.forget()?;
        }
        if wanted.is_empty() && self.shown.is_empty() && self.kept.is_empty() {
            self.waiting.clear();
            return Ok(());
        }
        let mut text = String::new();
        let (shown, new): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|placed| self.shown.contains(placed));
        let waits = |placed: &Placed| new.iter().any(|new| new.place.intersects(placed.place));
        let (left, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.shown)
            .into_iter()
            .partition(|placed| shown.contains(placed) || waits(placed));
        self.shown = left;
        text.extend(gone.iter().filter_map(Placed::hidden));
        drop(gone);
        // Blank the old cells, which would otherwise show until the picture arrives.
        let bare = |placed: &&Placed| {
            let covers = |old: &Placed| old.place.intersects(placed.place);
            !self.waiting.contains(placed) && !self.shown.iter().any(covers)
        };
        text.extend(new.iter().filter(bare).map(|placed| pixels::blanked(placed.place)));
        self.waiting = new.into();
        self.kept.retain(|&id, surface| {
            let alive = surface.strong_count() > 0;
            if !alive {
                text.push_str(&pixels::forgotten(id));
            }
            alive
        });
        self.write(&text)
    }

    /// Whether a picture is still to be sent.
    #[must_use]
    pub fn has_more(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Sends a picture.
    ///
    /// # Errors
    /// Where the terminal cannot be written to.
    pub fn send_one(&mut self) -> io::Result<()> {
        let Some(placed) = self.waiting.pop_front() else {
            return Ok(());
        };
        let Some(pixels) = placed.surface.pixels() else {
            return Ok(());
        };
        let mut text = pixels.shown(placed.place, self.kept.contains_key(&pixels.id));
        if pixels.is_kept() {
            self.kept.insert(pixels.id, Arc::downgrade(&placed.surface));
        }
        let (under, left) = std::mem::take(&mut self.shown)
            .into_iter()
            .partition::<Vec<_>, _>(|old| old.place.intersects(placed.place));
        text.extend(under.iter().filter_map(Placed::hidden));
        self.shown = left;
        self.shown.push(placed);
        self.write(&text)
    }

    /// Forgets what the terminal shows, and deletes the pictures from the terminal's memory.
    ///
    /// # Errors
    /// Where the terminal cannot be written to.
    pub fn forget(&mut self) -> io::Result<()> {
        self.shown.clear();
        self.waiting.clear();
        let text: String = self.kept.drain().map(|(id, _)| pixels::forgotten(id)).collect();
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl Placed {
    fn hidden(&self) -> Option<String> {
        self.surface.pixels().map(|pixels: &Pixels| pixels.hidden(self.place))
    }
}

/// A canvas without a terminal.
impl Default for Canvas {
    fn default() -> Self {
        Self::new(Box::new(io::sink()))
    }
}

impl fmt::Debug for Canvas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canvas")
            .field("shown", &self.shown)
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use image::RgbImage;
    use ratatui::layout::Size;

    use super::*;
    use crate::{
        theme::{Depth, Theme},
        tui::{
            graphics::{Graphics, Protocol},
            surface::Painter,
        },
    };

    const SCREEN: Rect = Rect::new(0, 0, 80, 24);

    /// A writer that collects its output for the test.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
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

    fn canvas() -> (Canvas, Written) {
        let written = Written::default();
        (Canvas::new(Box::new(written.clone())), written)
    }

    fn placed(protocol: Protocol, x: u16) -> Placed {
        let mut painter = Painter::new(&Theme::dark(Depth::True));
        painter.graphics = Some(Graphics {
            protocol,
            cell: Size::new(10, 20),
        });
        let picture = RgbImage::new(40, 40);
        let surface = painter.picture(&picture, Size::new(8, 4), true).unwrap();
        Placed {
            surface: Arc::new(surface),
            place: Rect::new(x, 0, 8, 4),
        }
    }

    fn send_all(canvas: &mut Canvas) {
        while canvas.has_more() {
            canvas.send_one().unwrap();
        }
    }

    #[test]
    fn an_unchanged_picture_is_not_sent_again() {
        let (mut canvas, written) = canvas();
        let (a, b) = (placed(Protocol::Kitty, 0), placed(Protocol::Kitty, 20));
        canvas.set(vec![a.clone(), b.clone()], SCREEN).unwrap();
        send_all(&mut canvas);
        assert_eq!(written.take().matches("a=t").count(), 2);
        canvas.set(vec![a.clone(), b], SCREEN).unwrap();
        assert_eq!((canvas.has_more(), written.take()), (false, String::new()));
        canvas.set(vec![a], SCREEN).unwrap();
        let said = written.take();
        // Nothing refers to the second picture any more, so it is deleted.
        assert_eq!((said.matches("d=i,").count(), said.matches("d=I,").count()), (1, 1));
        assert!(!canvas.has_more());
    }

    #[test]
    fn a_picture_is_hidden_after_its_replacement_is_shown() {
        let (mut canvas, written) = canvas();
        let (old, new) = (placed(Protocol::Kitty, 0), placed(Protocol::Kitty, 0));
        canvas.set(vec![old.clone()], SCREEN).unwrap();
        send_all(&mut canvas);
        written.take();
        canvas.set(vec![new], SCREEN).unwrap();
        assert_eq!(written.take(), "", "the old one is still to be seen");
        send_all(&mut canvas);
        let said = written.take();
        assert!(said.find("a=p").unwrap() < said.find("d=i").unwrap());
        canvas.set(vec![old], SCREEN).unwrap();
        send_all(&mut canvas);
        let said = written.take();
        assert!(
            said.contains("a=p") && !said.contains("a=t"),
            "the terminal has kept it"
        );
    }

    #[test]
    fn redrawing_or_resizing_sends_all_pictures_again() {
        let (mut canvas, written) = canvas();
        let a = placed(Protocol::Kitty, 0);
        for (screen, drops) in [(SCREEN, 0), (Rect::new(0, 0, 100, 30), 1), (SCREEN, 1)] {
            canvas.set(vec![a.clone()], screen).unwrap();
            send_all(&mut canvas);
            let said = written.take();
            assert_eq!((said.matches("d=I").count(), said.matches("a=t").count()), (drops, 1));
        }
        canvas.forget().unwrap();
        canvas.set(vec![a], SCREEN).unwrap();
        send_all(&mut canvas);
        assert_eq!(written.take().matches("a=t").count(), 1);
    }

    #[test]
    fn one_picture_is_sent_at_a_time_and_unwanted_ones_are_not() {
        let (mut canvas, written) = canvas();
        let all = [0, 20, 40].map(|x| placed(Protocol::Sixel, x));
        canvas.set(all.to_vec(), SCREEN).unwrap();
        canvas.send_one().unwrap();
        assert_eq!(written.take().matches("\x1bP").count(), 1);
        canvas.set(all[..2].to_vec(), SCREEN).unwrap();
        send_all(&mut canvas);
        assert_eq!(written.take().matches("\x1bP").count(), 1);
        canvas.set(Vec::new(), SCREEN).unwrap();
        assert_eq!((canvas.has_more(), written.take()), (false, String::new()));
    }
}
