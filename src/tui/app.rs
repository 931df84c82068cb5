//! The running workbench: takes keys and records, sends commands and paints frames.

use std::{path::PathBuf, time::Instant};

use ratatui::{Frame, layout::Size};

use super::{
    Exit, Host, Viewer,
    beside::Beside,
    compare::{Compare, losses::Losses},
    display::Display,
    drawing::Drawing,
    graphics::Choice,
    inbox::{Asked, Inbox, Message},
    input::Input,
    model::{Model, Reply},
    offers::Offers,
    opening::{For, Opening, Readers},
    overlays::Overlays,
    panes::scene::Scene,
    player::Player,
    post::Subscription,
    reader::{Done, Reader},
    relisting::Relisting,
    screens,
    sessions::Sessions,
    shown_session::ShownSession,
    ui::{Layer, Ui},
};
use crate::{
    images::Images,
    keymap::{Keymap, Screen},
    session::{Command, Event, Record, StopAfter},
    theme::Theme,
};

/// The session that is shown, what outlives it, and the inbox into which everything arrives.
pub struct App {
    pub shown: ShownSession,
    pub ui: Ui,
    pub compare: Compare,
    pub sessions: Sessions,
    pub overlays: Overlays,
    pub reader: Reader,
    pub(super) relisting: Relisting,
    pub(super) keymap: Keymap,
    pub readers: Readers,
    /// The session that is being opened.
    pub(super) opening: Option<Opening>,
    /// Why the session given on the command line cannot be shown.
    pub cannot_start: Option<String>,
    pub(super) host: Option<Box<dyn Host>>,
    /// A run that is being started here.
    pub started: Option<Subscription>,
    /// An export that is being written.
    pub exported: Option<Subscription>,
    /// Images that are being drawn again.
    pub(super) drawing: Option<Drawing>,
    /// Whether drawing images again has failed.
    pub(super) cannot_draw: bool,
    pub inbox: Inbox,
    losses: Losses,
    pub display: Display,
}

impl App {
    /// An app that shows a viewer's run.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn new(viewer: Viewer) -> std::io::Result<Self> {
        let display = Display::new(viewer.theme, viewer.images != Images::Off, viewer.fps);
        let inbox = Inbox::default();
        let shown = ShownSession {
            owns_run: viewer.owns_run,
            player: (!viewer.replay.is_empty()).then(|| Player::new(viewer.replay, viewer.speed, Instant::now())),
            ..ShownSession::new(
                (viewer.session_dir, viewer.title),
                viewer.history,
                viewer.link,
                display.painter,
                &inbox,
            )
            .map_err(std::io::Error::other)?
        };
        let mut app = Self {
            shown,
            ui: Ui::default(),
            compare: Compare::default(),
            sessions: Sessions::of(viewer.sessions),
            reader: Reader::start(inbox.subscribe(Message::Read))?,
            relisting: Relisting::new(viewer.more_to_come),
            overlays: Overlays::default(),
            losses: Losses::default(),
            keymap: viewer.keymap,
            readers: Readers::default(),
            opening: None,
            cannot_start: None,
            host: viewer.host,
            started: None,
            exported: None,
            drawing: None,
            cannot_draw: false,
            inbox,
            display,
        };
        app.ui.notice.clone_from(&app.shown.link.read_only);
        app.sessions.set_filter(&viewer.filter).map_err(std::io::Error::other)?;
        if viewer.grouped {
            app.sessions.group();
        }
        if let Some(path) = viewer.open {
            app.open(&path, For::TheStart);
            return Ok(app);
        }
        app.read_evaluations();
        let shown = &app.shown;
        let run = shown.state.session.is_some() || shown.link.commands.is_some() || shown.player.is_some();
        if !run && app.sessions.root.is_some() {
            // There is no run to show, only sessions to choose from.
            app.show(Screen::Sessions);
        }
        Ok(app)
    }

    /// Handles a record of the run.
    pub fn record(&mut self, record: &Record) -> Option<Exit> {
        self.shown.state.apply(record);
        match record.event {
            Event::Command(_) => self.ui.notice = None,
            Event::Ended(_) if self.ui.stopping => return Some(Exit::Stopped),
            Event::Ended(_) if self.ui.layer == Layer::Quit => self.ui.layer = Layer::Main,
            _ => {}
        }
        match &record.event {
            Event::Evaluation(seen) if seen.predictions.is_some() => self.read_evaluations(),
            Event::Answer(answer) if answer.has_maps() => self.shown.browse.take(answer),
            // A request that the ended run did not answer can be repeated, with the session's own model.
            Event::Ended(_) => {
                self.shown.browse.intervention.waiting = None;
                // A run may end with an evaluation on the test split, which is kept beside the journal.
                self.read_evaluations();
            }
            _ => {}
        }
        None
    }

    /// Handles the records that the player has by now; returns whether there were any.
    pub fn play(&mut self, now: Instant) -> bool {
        // While a seek is under way, the state shown does not match the player's place.
        let Some(player) = self.shown.player.as_mut().filter(|_| self.shown.seeking.is_none()) else {
            return false;
        };
        let due = player.advance(now);
        let records: Vec<Record> = player.records.get(due).unwrap_or_default().to_vec();
        for record in &records {
            // The end of a played journal does not leave the screens.
            let _ = self.record(record);
        }
        !records.is_empty()
    }

    /// When the player has the next record, but at the earliest one frame from now.
    #[must_use]
    pub fn play_due(&self) -> Option<Instant> {
        let due = self
            .shown
            .player
            .as_ref()
            .filter(|_| self.shown.seeking.is_none())?
            .due()?;
        Some(due.max(Instant::now() + self.display.frame))
    }

    /// When the list of sessions that is shown is to be read again. Not while a line is typed: it may be about the session under
    /// the cursor.
    #[must_use]
    pub fn relist_due(&self) -> Option<Instant> {
        let shown = self.ui.screen == Screen::Sessions && self.ui.layer == Layer::Main;
        self.relisting.due().filter(|_| shown)
    }

    /// The run's channel has ended. Without a final record its process has disappeared.
    pub fn records_ended(&mut self) {
        self.shown.link.records_ended();
        self.shown.lost =
            self.shown.state.session.is_some() && self.shown.state.ended.is_none() && self.shown.player.is_none();
        self.shown.browse.intervention.waiting = None;
    }

    /// Handles a model's record, or its end (`None`).
    pub fn model_answered(&mut self, asked: Asked, record: Option<Record>) {
        let Some(model) = (match asked {
            Asked::Shown => Some(&mut self.shown.model),
            Asked::Side(side) => self.compare.model(side),
        }) else {
            return;
        };
        let reply = match record {
            Some(record) => model.take(record),
            // It has already said why it ended.
            None if !model.is_open() => return,
            None => {
                *model = Model::default();
                Reply::Failed("the model is gone".to_owned())
            }
        };
        match (asked, reply) {
            (Asked::Shown, Reply::Answer(answer)) => self.shown.browse.take(&answer),
            (Asked::Side(side), Reply::Answer(answer)) => self.compare.take(side, *answer),
            (asked, Reply::Failed(reason)) => {
                self.ui.notice = Some(reason);
                match asked {
                    Asked::Shown => self.shown.browse.intervention.waiting = None,
                    Asked::Side(side) => self.compare.failed(side),
                }
            }
            (_, Reply::Progress) => {}
        }
        self.ask_idle_model();
    }

    /// Handles a result of the reader thread.
    pub fn read(&mut self, done: Done) {
        self.reader.arrived();
        match done {
            Done::Results { path, rows } => {
                self.shown.browse.loaded(path, rows);
                self.ask_idle_model();
            }
            Done::Sessions(all) => {
                self.relisting.listed(&all, Instant::now());
                self.sessions.listed(all);
            }
            Done::Overlaid(Ok(overlaid)) => self.overlays.lay(*overlaid, &self.compare.folders()),
            Done::Overlaid(Err(reason)) => self.ui.notice = Some(reason),
            Done::Sides(sides) => {
                let mut folders = match &sides {
                    Ok(sides) => sides.each_ref().map(|side| side.folder.clone()).to_vec(),
                    Err(_) => Vec::new(),
                };
                folders.extend(self.compare.folders());
                folders.iter().for_each(|folder| self.overlays.claim(folder, &folders));
                self.losses = Losses::default();
                if let Some(files) = self.compare.sides_read(sides) {
                    self.reader.compare(files);
                }
                self.draw_missing_images();
            }
            // The marks may have changed since it was asked for.
            Done::Many(many) if many.is_on(&self.sessions.marked) => {
                let folders: Vec<PathBuf> = many.runs.iter().map(|run| run.folder.clone()).collect();
                folders.iter().for_each(|folder| self.overlays.claim(folder, &folders));
                self.compare_many(many);
            }
            Done::Many(_) => {}
            Done::Compared(files, compared) => {
                self.compare.compared(&files, compared);
                self.compare_at_cursor();
                self.ask_idle_model();
            }
        }
    }

    /// Reads which evaluations there are, and requests the predictions of the one shown.
    pub(super) fn read_evaluations(&mut self) {
        let beside = Beside::read(&self.shown.folder, &self.shown.state);
        let wanted = self.shown.take_beside(beside);
        self.read_predictions(wanted);
        self.draw_missing_images();
    }

    /// Requests the rows of a file of predictions, if one is to be read.
    pub(super) fn read_predictions(&mut self, wanted: Option<PathBuf>) {
        if let Some(path) = wanted {
            self.reader.read(path);
        }
    }

    /// Handles input from the terminal.
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

    /// Changes the colours.
    pub fn set_theme(&mut self, theme: Theme) {
        self.display.set_theme(theme);
        self.shown.pictures.repaint(self.display.painter);
    }

    /// Applies the terminal's support for pictures.
    pub fn set_graphics(&mut self, choice: Choice) {
        if let Some(refused) = self.display.set_graphics(choice) {
            self.ui.notice = Some(format!("half blocks: {refused}"));
        }
        self.shown.pictures.repaint(self.display.painter);
    }

    /// After a resize, sends the pixel pictures again, because the terminal may have moved or cut them. If a cell's
    /// size in pixels has changed, encodes them again.
    fn resized(&mut self, cell: Option<Size>) {
        if self.display.resized(cell) {
            self.shown.pictures.repaint(self.display.painter);
        }
    }

    /// Paints the frame.
    pub fn draw(&mut self, frame: &mut Frame) {
        // An overlay consists of cells, so pictures under it must be cells as well.
        self.shown
            .pictures
            .begin(self.display.pixels && !self.ui.layer.covers_screen());
        let (area, can_ask, offers) = (frame.area(), self.can_ask(), self.offers());
        let waits = self.waits();
        // While a session is being opened, the header shows its name next to the word for that.
        let title = self.opening.as_ref().map_or(self.shown.title.as_str(), Opening::name);
        let images = self.shown.images().to_owned();
        let mut scene = Scene {
            state: &self.shown.state,
            ui: &mut self.ui,
            cursor: self.shown.cursor,
            zoom: self.shown.zoom,
            browse: &self.shown.browse,
            compare: &self.compare,
            sessions: &self.sessions,
            folder: &self.shown.folder,
            overlays: &self.overlays,
            frozen: self.shown.frozen.as_ref(),
            images: &images,
            playing: self.shown.player.as_ref().map(Player::label),
            reading: self.reader.wanted(),
            opening: self.shown.model.opening.as_deref(),
            waits,
            theme: &self.display.theme,
            keymap: &self.keymap,
            pictures: &mut self.shown.pictures,
            curves: &mut self.shown.curves,
            losses: &mut self.losses,
            show_pictures: self.display.show_pictures,
            sent: self.display.meter.last_busy(Instant::now()),
            commands: self.shown.link.commands.is_some(),
            can_ask,
            offers,
            lost: self.shown.lost,
        };
        screens::render(title, area, frame.buffer_mut(), &mut scene);
        self.shown.pictures.end();
    }

    /// What can be requested in the current state.
    pub(super) fn offers(&self) -> Offers {
        Offers {
            commands: self.shown.link.commands.is_some() && self.shown.state.ended.is_none(),
            playing: self.shown.player.is_some(),
            playable: self.to_play().is_some(),
            stages: self.shown.state.stages.len() > 1,
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

    /// Whether leaving the screens would leave a run of this process without them.
    pub(super) fn run_is_ours(&self) -> bool {
        self.shown.owns_run && self.shown.state.ended.is_none() && !self.shown.lost
    }
}
