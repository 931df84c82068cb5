//! The workbench at work: keys and records in, commands and frames out.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, never};
use ratatui::{Frame, layout::Size};

use super::{
    Exit, Host, Viewer,
    browse::Browse,
    canvas::Canvas,
    compare::Compare,
    follow::Following,
    graphics::{Choice, Images},
    input::Input,
    keymap::{Keymap, Offers},
    meter::Meter,
    model::{Model, Said},
    opening::{Beside, For, Opening, Readers, Rejoining},
    overlays::Overlays,
    panes::{Scene, curves::Curves, overlay::Losses},
    pictures::Pictures,
    player::Player,
    reader::{Done, Reader},
    screens,
    seeking::Seeking,
    sessions::Sessions,
    surface::Painter,
    theme::Theme,
    ui::{Layer, Screen, Ui},
};
use crate::session::{Command, Event, Metrics, Record, RunState, StopAfter};

/// The state of the run, of the person's side, and the ways between them.
pub struct App {
    pub state: RunState,
    pub ui: Ui,
    pub browse: Browse,
    pub compare: Compare,
    pub sessions: Sessions,
    pub overlays: Overlays,
    /// What the run says.
    pub records: Receiver<Record>,
    pub pictures: Pictures,
    pub reader: Reader,
    pub(super) keymap: Keymap,
    pub(super) commands: Option<Sender<Command>>,
    /// Why a run at work takes no commands from here.
    pub(super) read_only: Option<String>,
    /// Tells that another process goes on with the session.
    pub resumed: Receiver<()>,
    pub(super) following: Option<Following>,
    pub readers: Readers,
    /// The session that is being opened.
    pub(super) opening: Option<Opening>,
    /// The session that is shown, while it is read anew.
    pub(super) rejoining: Option<Rejoining>,
    /// Another place of the journal that is played.
    pub(super) seeking: Option<Seeking>,
    /// Why the session that the program was started for cannot be shown.
    pub cannot_start: Option<String>,
    pub(super) host: Option<Box<dyn Host>>,
    /// What plays a journal, where one is played.
    pub(super) player: Option<Player>,
    /// The model of a run that is over.
    pub(super) model: Model,
    pub(super) folder: PathBuf,
    /// Says when a run that was started here has begun, or why it has not.
    pub started: Receiver<Result<PathBuf, String>>,
    /// Tells what was exported, or why nothing was.
    pub exported: Receiver<Result<PathBuf, String>>,
    pub(super) curves: Curves,
    losses: Losses,
    /// The figures of the model as it was, where the session holds them.
    frozen: Option<Metrics>,
    theme: Theme,
    pub(super) title: String,
    pub(super) owns_run: bool,
    pub show_pictures: bool,
    pub(super) painter: Painter,
    /// Pictures are of pixels where the terminal has them.
    pub pixels: bool,
    /// Why there are none.
    no_pixels: &'static str,
    /// The pictures of pixels on the terminal.
    pub canvas: Canvas,
    /// What is sent to the terminal.
    pub meter: Meter,
    /// The least time between two frames of what the run says.
    pub frame: Duration,
    /// The run's process has vanished without a word.
    pub(super) lost: bool,
    /// All is to be drawn anew, whatever the terminal is thought to show.
    pub redraw: bool,
}

impl App {
    /// An app on a viewer's run.
    ///
    /// # Errors
    /// Where the pictures' thread cannot be started.
    pub fn new(viewer: Viewer) -> std::io::Result<Self> {
        let painter = Painter::new(&viewer.theme);
        let pictures = Pictures::start(viewer.session_dir.clone(), painter)?;
        let mut app = Self {
            state: viewer.history,
            ui: Ui::default(),
            browse: Browse::default(),
            compare: Compare::default(),
            sessions: Sessions {
                root: viewer.sessions,
                ..Sessions::default()
            },
            records: viewer.records,
            pictures,
            reader: Reader::start()?,
            overlays: Overlays::default(),
            curves: Curves::default(),
            losses: Losses::default(),
            frozen: None,
            theme: viewer.theme,
            keymap: viewer.keymap,
            title: viewer.title,
            commands: viewer.commands,
            read_only: viewer.read_only,
            resumed: viewer.resumed,
            following: viewer.following,
            readers: Readers::default(),
            opening: None,
            rejoining: None,
            seeking: None,
            cannot_start: None,
            host: viewer.host,
            player: (!viewer.replay.is_empty()).then(|| Player::new(viewer.replay, Instant::now())),
            model: Model::default(),
            folder: viewer.session_dir,
            started: never(),
            exported: never(),
            owns_run: viewer.owns_run,
            show_pictures: viewer.images != Images::Off,
            painter,
            pixels: false,
            no_pixels: "the terminal tells of none",
            canvas: Canvas::default(),
            meter: Meter::default(),
            frame: Duration::from_secs(1) / viewer.fps.max(1),
            lost: false,
            redraw: false,
        };
        app.ui.notice.clone_from(&app.read_only);
        if let Some(path) = viewer.open {
            app.open(&path, For::TheStart);
            return Ok(app);
        }
        app.read_evaluations();
        let run = app.state.session.is_some() || app.commands.is_some() || app.player.is_some();
        if !run && app.sessions.root.is_some() {
            // No run is shown: there are only sessions to choose from.
            app.show(Screen::Sessions);
        }
        Ok(app)
    }

    /// Takes a record of the run in.
    pub fn record(&mut self, record: &Record) -> Option<Exit> {
        self.state.apply(record);
        match record.event {
            Event::Command(_) => self.ui.notice = None,
            Event::Ended(_) if self.ui.stopping => return Some(Exit::Stopped),
            Event::Ended(_) if self.ui.layer == Layer::Quit => self.ui.layer = Layer::Main,
            _ => {}
        }
        match &record.event {
            Event::Evaluation(seen) if seen.predictions.is_some() => self.read_evaluations(),
            Event::Answer(answer) if answer.has_maps() => self.browse.take(answer),
            // What was asked too late for an answer can be asked again, of the session's own model.
            Event::Ended(_) => self.browse.intervention.waiting = None,
            _ => {}
        }
        None
    }

    /// Takes in what the player has by now; whether there was anything.
    pub fn play(&mut self, now: Instant) -> bool {
        // The state that is shown is not of the player's place while it is being sought.
        let Some(player) = self.player.as_mut().filter(|_| self.seeking.is_none()) else {
            return false;
        };
        let due = player.advance(now);
        let records: Vec<Record> = player.records.get(due).unwrap_or_default().to_vec();
        for record in &records {
            // The journal's own end is no end of the screen.
            let _ = self.record(record);
        }
        !records.is_empty()
    }

    /// When the player has something again: not sooner than a frame.
    #[must_use]
    pub fn play_due(&self) -> Option<Instant> {
        let due = self.player.as_ref().filter(|_| self.seeking.is_none())?.due()?;
        Some(due.max(Instant::now() + self.frame))
    }

    /// Nothing comes from the run any more. Without a last word its process has vanished.
    pub fn records_ended(&mut self) {
        self.records = never();
        self.lost = self.state.session.is_some() && self.state.ended.is_none() && self.player.is_none();
        self.browse.intervention.waiting = None;
    }

    /// The models that may speak: Browse's, and the two of Compare.
    pub fn models(&self) -> [Option<Receiver<Record>>; 3] {
        let [a, b] = self.compare.models();
        [Some(&self.model), a, b].map(|model| model.and_then(Model::records).cloned())
    }

    /// Takes in what a model says, or that it is gone.
    pub fn said(&mut self, place: usize, record: Option<Record>) {
        let Some(model) = (match place {
            0 => Some(&mut self.model),
            place => self.compare.model(place - 1),
        }) else {
            return;
        };
        let said = match record {
            Some(record) => model.take(record),
            // It has said why it ends.
            None if !model.is_open() => return,
            None => {
                *model = Model::default();
                Said::Failed("the model is gone".to_owned())
            }
        };
        match (place, said) {
            (0, Said::Answer(answer)) => self.browse.take(&answer),
            (place, Said::Answer(answer)) => self.compare.take(place - 1, *answer),
            (place, Said::Failed(reason)) => {
                self.ui.notice = Some(reason);
                match place {
                    0 => self.browse.intervention.waiting = None,
                    place => self.compare.failed(place - 1),
                }
            }
            (_, Said::Progress) => {}
        }
        self.look_along();
    }

    /// Takes in what was read.
    pub fn read(&mut self, done: Done) {
        self.reader.arrived();
        match done {
            Done::Results { path, rows } => {
                self.browse.loaded(path, rows);
                self.look_along();
            }
            Done::Sessions(all) => self.sessions.listed(all),
            Done::Overlaid(Ok(overlaid)) => self.overlays.lay(*overlaid, &self.compare.folders()),
            Done::Overlaid(Err(reason)) => self.ui.notice = Some(reason),
            Done::Sides(sides) => {
                let folders = match &sides {
                    Ok(sides) => sides.each_ref().map(|side| side.folder.clone()).to_vec(),
                    Err(_) => Vec::new(),
                };
                folders.iter().for_each(|folder| self.overlays.claim(folder, &folders));
                self.losses = Losses::default();
                if let Some(files) = self.compare.sides_read(sides) {
                    self.reader.compare(files);
                }
            }
            Done::Compared(files, compared) => {
                self.compare.compared(&files, compared);
                self.compare_at_cursor();
                self.look_along();
            }
        }
    }

    /// Learns which evaluations there are, and reads the predictions of the one that is shown.
    pub(super) fn read_evaluations(&mut self) {
        self.take_beside(Beside::read(&self.folder, &self.state));
    }

    /// Takes in which evaluations there are, and reads the predictions of the one that is shown.
    pub(super) fn take_beside(&mut self, beside: Beside) {
        self.frozen = beside.frozen;
        if let Some(path) = self.browse.update(beside.evaluations) {
            self.reader.read(path);
        }
    }

    /// Takes what came from the terminal.
    pub fn input(&mut self, input: Input) -> Option<Exit> {
        match input {
            Input::Key(event) => self.key(event),
            Input::Mouse(event) => self.mouse(event),
            Input::Pasted(text) => {
                self.paste(&text);
                None
            }
            Input::Resized(cell) => {
                self.resized(cell);
                None
            }
            Input::Gone => Some(Exit::TerminalGone),
            Input::Terminated => {
                if self.run_is_ours() {
                    self.tell(Command::Stop { after: StopAfter::Step }, "");
                    return Some(Exit::StopRequested);
                }
                Some(Exit::Quit)
            }
        }
    }

    /// Paints in other colours from now on.
    pub fn set_theme(&mut self, theme: Theme) {
        let graphics = self.painter.graphics;
        self.painter = Painter::new(&theme);
        self.painter.graphics = graphics;
        self.theme = theme;
        self.pictures.repaint(self.painter);
    }

    /// Takes in what the terminal has for pictures.
    pub fn set_graphics(&mut self, choice: Choice) {
        self.painter.graphics = choice.graphics;
        self.pixels = choice.pixels;
        if let Some(refused) = choice.refused {
            self.no_pixels = refused;
            self.ui.notice = Some(format!("half blocks: {refused}"));
        }
        self.pictures.repaint(self.painter);
    }

    /// Shows pictures in pixels, or in half blocks again.
    pub(super) fn toggle_pixels(&mut self) {
        let notice = match self.painter.graphics {
            _ if !self.show_pictures => "pictures are off (--images)".to_owned(),
            None => format!("no pixels: {}", self.no_pixels),
            Some(graphics) => {
                self.pixels = !self.pixels;
                if self.pixels {
                    format!("pixels ({})", graphics.protocol.name())
                } else {
                    "half blocks".to_owned()
                }
            }
        };
        self.ui.notice = Some(notice);
    }

    /// Pictures of pixels are sent again, for the terminal may have moved or cut them; encoded again, where a cell has other
    /// pixels now.
    fn resized(&mut self, cell: Option<Size>) {
        let Some(graphics) = &mut self.painter.graphics else {
            return;
        };
        self.redraw |= self.pixels;
        if let Some(cell) = cell.filter(|&cell| cell != graphics.cell) {
            graphics.cell = cell;
            self.pictures.repaint(self.painter);
        }
    }

    /// Paints the frame.
    pub fn draw(&mut self, frame: &mut Frame) {
        // What lies on top of a picture is made of cells, and so must the picture be then.
        self.pictures.begin(self.pixels && !self.ui.layer.covers_screen());
        let (area, can_ask, offers) = (frame.area(), self.can_ask(), self.offers());
        let waits = self.waits();
        // The name that is opened, beside the word that says so.
        let title = self.opening.as_ref().map_or(self.title.as_str(), Opening::name);
        let mut scene = Scene {
            state: &self.state,
            ui: &mut self.ui,
            browse: &self.browse,
            compare: &self.compare,
            sessions: &self.sessions,
            folder: &self.folder,
            overlays: &self.overlays,
            frozen: self.frozen.as_ref(),
            playing: self.player.as_ref().map(Player::label),
            reading: self.reader.wanted(),
            opening: self.model.opening.as_deref(),
            waits,
            theme: &self.theme,
            keymap: &self.keymap,
            pictures: &mut self.pictures,
            curves: &mut self.curves,
            losses: &mut self.losses,
            show_pictures: self.show_pictures,
            sent: self.meter.last_busy(Instant::now()),
            commands: self.commands.is_some(),
            can_ask,
            offers,
            lost: self.lost,
        };
        screens::render(title, area, frame.buffer_mut(), &mut scene);
        self.pictures.end();
    }

    /// What can be asked for as things stand.
    pub(super) fn offers(&self) -> Offers {
        Offers {
            commands: self.commands.is_some() && self.state.ended.is_none(),
            playing: self.player.is_some(),
            stages: self.state.stages.len() > 1,
            overlaid: !self.overlays.shown().is_empty(),
        }
    }

    /// Shows another screen.
    pub(super) fn show(&mut self, screen: Screen) {
        let before = std::mem::replace(&mut self.ui.screen, screen);
        self.ui.enlarged = false;
        match screen {
            Screen::Sessions => self.list_sessions(),
            Screen::Compare => self.begin_comparison(before == Screen::Compare),
            Screen::Browse => self.browse_at_cursor(),
            Screen::Train => {}
        }
    }

    /// Whether leaving would leave a run of this process alone.
    pub(super) fn run_is_ours(&self) -> bool {
        self.owns_run && self.state.ended.is_none() && !self.lost
    }
}
