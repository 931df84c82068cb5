//! Pictures and the model's predictions on them: a background thread reads, decodes and encodes them; the panes get
//! them from a cache.
//!
//! The thread handles one request at a time. All other requests wait here and are collected anew in each frame, so that
//! no work is done for a picture that is no longer visible.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    path::PathBuf,
    sync::Arc,
    thread,
};

use crossbeam_channel::{Sender, unbounded};
use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};

pub use super::look::{Look, Source};
use super::{
    canvas::Placed,
    map_style::MapStyle,
    post::{Post, Subscription},
    surface::{Painter, Surface},
};
use crate::{data::View, heatmap::AttentionMap};

/// The number of cached surfaces above which those not shown are dropped.
const KEPT: usize = 512;
/// The bytes of cached surfaces above which those not shown are dropped; one screen of pixels takes some megabytes.
const KEPT_BYTES: usize = 96 << 20;
/// The number of cached pictures above which those not shown are dropped.
const LOOKS: usize = 128;

/// The part of a look that is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    Picture,
    /// The picture as cells, because the marks on it are cells, too.
    MarkedPicture,
    Attention(View, MapStyle),
}

/// The key of a surface: its source, its subject, and its size, in pixels or in cells.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    source: String,
    shape: Shape,
}

/// Surfaces with the same shape can replace one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shape {
    subject: Subject,
    size: Size,
    pixels: bool,
}

#[derive(Debug)]
enum Request {
    Read(Source),
    Paint {
        key: Key,
        look: Arc<Look>,
        painter: Painter,
    },
}

/// A result of the thread.
#[derive(Debug)]
pub enum Done {
    Read(String, Arc<Look>),
    Painted(Key, Result<Arc<Surface>, String>),
}

/// The request that the thread is working on.
#[derive(Debug, PartialEq)]
enum Work {
    Look(String),
    Surface(Key),
    /// A request that was dropped meanwhile: its answer is ignored.
    Stale,
}

/// A cached item, and the last frame that requested it.
#[derive(Debug)]
struct Kept<T> {
    what: T,
    wanted: u64,
}

/// The cache of the samples' pictures, and the channel to request more.
#[derive(Debug)]
pub struct Pictures {
    requests: Sender<Request>,
    _subscription: Subscription,
    painter: Painter,
    looks: HashMap<String, Kept<Arc<Look>>>,
    surfaces: HashMap<Key, Kept<Result<Arc<Surface>, String>>>,
    /// The newest surface of each shape, shown until its successor is ready.
    latest: HashMap<Shape, Arc<Surface>>,
    /// Requests of this frame that are not in the cache.
    queue: VecDeque<Request>,
    /// The thread's current work.
    work: Option<Work>,
    frame: u64,
    /// Whether this frame's pictures are pixels.
    pixels: bool,
    placed: Vec<Placed>,
}

impl Pictures {
    /// Starts the thread; the files lie under `folder` and are painted by `painter`. It sends its answers: pass each to
    /// [`Pictures::accept`].
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn start(
        folder: PathBuf,
        painter: Painter,
        (finished, subscription): (Post<Done>, Subscription),
    ) -> std::io::Result<Self> {
        let (requests, todo) = unbounded();
        thread::Builder::new().name("pictures".to_owned()).spawn(move || {
            for request in todo {
                let answer = match request {
                    Request::Read(source) => {
                        let look = source.read(&folder);
                        Done::Read(source.id, Arc::new(look))
                    }
                    Request::Paint { key, look, painter } => {
                        let surface = paint(&look, key.shape, &painter).map(Arc::new);
                        Done::Painted(key, surface)
                    }
                };
                if finished.send(answer).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self {
            requests,
            _subscription: subscription,
            painter,
            looks: HashMap::new(),
            surfaces: HashMap::new(),
            latest: HashMap::new(),
            queue: VecDeque::new(),
            work: None,
            frame: 0,
            pixels: false,
            placed: Vec::new(),
        })
    }

    /// Begins a frame. Its pictures are pixels if `pixels` is set and the painter supports them.
    pub fn begin(&mut self, pixels: bool) {
        self.frame += 1;
        self.pixels = pixels && self.painter.graphics.is_some();
        self.queue.clear();
        self.placed.clear();
    }

    /// Ends a frame: starts its first request.
    pub fn end(&mut self) {
        self.go_on();
    }

    /// Takes the frame's pixel pictures; a second call returns none.
    pub fn take_placed(&mut self) -> Vec<Placed> {
        std::mem::take(&mut self.placed)
    }

    /// Stores an answer, unless the cache was cleared after the request.
    pub fn accept(&mut self, done: Done) {
        let stale = self.work.take() == Some(Work::Stale);
        let wanted = self.frame;
        match done {
            _ if stale => {}
            Done::Read(id, look) => {
                self.looks.insert(id, Kept { what: look, wanted });
            }
            Done::Painted(key, surface) => {
                if let Ok(surface) = &surface {
                    self.latest.insert(key.shape, Arc::clone(surface));
                }
                self.surfaces.insert(key, Kept { what: surface, wanted });
            }
        }
        self.shrink();
        self.go_on();
    }

    /// The content of a source's files; `None` while they are being read.
    pub fn look(&mut self, source: &Source) -> Option<Arc<Look>> {
        if let Some(kept) = self.looks.get_mut(&source.id) {
            kept.wanted = self.frame;
            return Some(Arc::clone(&kept.what));
        }
        self.want(Request::Read(source.clone()));
        None
    }

    /// A source's picture or map at `size`. While it is being painted, the newest one of the same shape, if there is
    /// one.
    pub fn surface(&mut self, source: &Source, subject: Subject, size: Size) -> Option<Result<Arc<Surface>, String>> {
        if size.width == 0 || size.height == 0 {
            return None;
        }
        let look = self.look(source);
        let shape = Shape {
            subject,
            size,
            pixels: self.pixels && subject != Subject::MarkedPicture,
        };
        let key = Key {
            source: source.id.clone(),
            shape,
        };
        if let Some(kept) = self.surfaces.get_mut(&key) {
            kept.wanted = self.frame;
            return Some(kept.what.clone());
        }
        if let Some(look) = look {
            let painter = self.painter;
            self.want(Request::Paint { key, look, painter });
        }
        self.latest.get(&shape).cloned().map(Ok)
    }

    /// Paints a surface in the middle of `area`; returns the area that it covers. Pixel surfaces are recorded for the
    /// terminal.
    pub fn show(&mut self, surface: &Arc<Surface>, area: Rect, buffer: &mut Buffer) -> Rect {
        let place = surface.render(area, buffer);
        if surface.pixels().is_some() {
            self.placed.push(Placed {
                surface: Arc::clone(surface),
                place,
            });
        }
        place
    }

    /// Clears the cache, so that everything is read again.
    pub fn forget(&mut self) {
        self.looks.clear();
        self.repaint(self.painter);
    }

    /// Paints everything again with another painter.
    pub fn repaint(&mut self, painter: Painter) {
        self.painter = painter;
        self.surfaces.clear();
        self.latest.clear();
        self.queue.clear();
        self.work = self.work.take().map(|_| Work::Stale);
    }

    /// Whether an answer is still pending.
    #[cfg(test)]
    pub fn wanted(&self) -> bool {
        self.work.is_some()
    }

    /// Queues a request, unless it is already queued or being worked on.
    fn want(&mut self, request: Request) {
        let work = Work::of(&request);
        let has = |request: &Request| Work::of(request) == work;
        if self.work.as_ref() != Some(&work) && !self.queue.iter().any(has) {
            self.queue.push_back(request);
        }
    }

    /// Sends the thread the next request if it is idle.
    fn go_on(&mut self) {
        if self.work.is_none()
            && let Some(request) = self.queue.pop_front()
        {
            self.work = Some(Work::of(&request));
            // The thread only ends with the program; nothing is shown then.
            let _ = self.requests.send(request);
        }
    }

    /// Drops items that are not shown, if the cache is too large.
    fn shrink(&mut self) {
        let weight =
            |kept: &Kept<Result<Arc<Surface>, String>>| kept.what.as_ref().map_or(0, |surface| surface.weight());
        if self.surfaces.len() > KEPT || self.surfaces.values().map(weight).sum::<usize>() > KEPT_BYTES {
            let frame = self.frame;
            self.surfaces.retain(|_, kept| kept.wanted == frame);
            self.latest.clear();
        }
        if self.looks.len() > LOOKS {
            let frame = self.frame;
            self.looks.retain(|_, kept| kept.wanted == frame);
        }
    }
}

impl Work {
    fn of(request: &Request) -> Self {
        match request {
            Request::Read(source) => Self::Look(source.id.clone()),
            Request::Paint { key, .. } => Self::Surface(key.clone()),
        }
    }
}

fn paint(look: &Look, shape: Shape, painter: &Painter) -> Result<Surface, String> {
    let picture = look.picture.as_ref().map_err(Clone::clone)?;
    match shape.subject {
        Subject::Picture | Subject::MarkedPicture => painter.picture(picture, shape.size, shape.pixels),
        Subject::Attention(view, shown) => {
            let prediction = look.prediction.as_ref().ok_or("not looked at yet")?;
            let prediction = prediction.as_ref().map_err(Clone::clone)?;
            let aspect = prediction.aspects.get(&view).ok_or("no map")?;
            let map = AttentionMap::of(aspect, shown.query)?;
            painter.attention(&map, picture, shown.strength(), shape.size, shape.pixels)
        }
    }
}
