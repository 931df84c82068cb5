//! The workbench at work: keys and records in, commands and frames out.

use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use crossterm::event::KeyEvent;
use ratatui::Frame;

use super::{
    Exit, Viewer,
    input::Input,
    keymap::{Action, Keymap},
    panes::{Scene, curves::Curves, quit::CHOICES},
    pictures::Pictures,
    screens,
    surface::Painter,
    theme::Theme,
    ui::{Layer, Pane, Ui},
};
use crate::session::{Command, Event, Record, RunState, Stage, StopAfter};

/// A page scrolls by so many lines.
const PAGE: usize = 8;

/// The state of the run, of the person's side, and the ways between them.
pub struct App {
    pub state: RunState,
    pub ui: Ui,
    pub pictures: Pictures,
    curves: Curves,
    theme: Theme,
    keymap: Keymap,
    title: String,
    commands: Option<Sender<Command>>,
    owns_run: bool,
    pub show_pictures: bool,
    /// The least time between two frames of what the run says.
    pub frame: Duration,
    /// All is to be drawn anew, whatever the terminal is thought to show.
    pub redraw: bool,
}

impl App {
    /// An app on a viewer's run.
    ///
    /// # Errors
    /// Where the pictures' thread cannot be started.
    pub fn new(viewer: Viewer) -> std::io::Result<Self> {
        let pictures = Pictures::start(viewer.session_dir, Painter::new(&viewer.theme))?;
        Ok(Self {
            state: viewer.history,
            ui: Ui::default(),
            pictures,
            curves: Curves::default(),
            theme: viewer.theme,
            keymap: Keymap::default(),
            title: viewer.title,
            commands: viewer.commands,
            owns_run: viewer.owns_run,
            show_pictures: viewer.pictures,
            frame: Duration::from_secs(1) / viewer.fps.max(1),
            redraw: false,
        })
    }

    /// Takes a record of the run in.
    pub fn record(&mut self, record: &Record) -> Option<Exit> {
        self.state.apply(record);
        match record.event {
            Event::Command(_) => self.ui.notice = None,
            Event::Ended(_) if self.ui.stopping => return Some(Exit::StopRequested),
            Event::Ended(_) if self.ui.layer == Layer::Quit => self.ui.layer = Layer::Main,
            _ => {}
        }
        None
    }

    /// Takes what came from the terminal.
    pub fn input(&mut self, input: Input) -> Option<Exit> {
        match input {
            Input::Key(event) => self.key(event),
            Input::Resized => None,
            Input::Gone => Some(Exit::TerminalGone),
            Input::Terminated => {
                if self.run_is_ours() {
                    self.send(
                        Command::Stop {
                            after: StopAfter::Step,
                        },
                        "",
                    );
                    return Some(Exit::StopRequested);
                }
                Some(Exit::Quit)
            }
        }
    }

    /// Paints the frame.
    pub fn draw(&mut self, frame: &mut Frame) {
        let area = frame.area();
        let mut scene = Scene {
            state: &self.state,
            ui: &mut self.ui,
            theme: &self.theme,
            keymap: &self.keymap,
            pictures: &mut self.pictures,
            curves: &mut self.curves,
            show_pictures: self.show_pictures,
            commands: self.commands.is_some(),
        };
        screens::render(&self.title, area, frame.buffer_mut(), &mut scene);
    }

    fn key(&mut self, event: KeyEvent) -> Option<Exit> {
        let action = self.keymap.action(self.ui.layer, event)?;
        if !self.ui.stopping {
            self.ui.notice = None;
        }
        match self.ui.layer {
            Layer::Main => self.act(action),
            Layer::Help => {
                let scroll = &mut self.ui.help_scroll;
                match action {
                    Action::Up => *scroll = scroll.saturating_sub(1),
                    Action::Down => *scroll += 1,
                    Action::PageUp => *scroll = scroll.saturating_sub(PAGE),
                    Action::PageDown => *scroll += PAGE,
                    _ => self.ui.layer = Layer::Main,
                }
                None
            }
            Layer::Quit => self.choose(action),
        }
    }

    fn act(&mut self, action: Action) -> Option<Exit> {
        match action {
            Action::Quit => return self.quit(),
            Action::Help => (self.ui.layer, self.ui.help_scroll) = (Layer::Help, 0),
            Action::Pause if self.state.paused => self.send(Command::Resume, "going on"),
            Action::Pause => self.send(Command::Pause, "pausing after this step"),
            Action::Evaluate => self.send(Command::Evaluate, "evaluation asked for"),
            Action::Checkpoint => self.send(Command::Checkpoint, "checkpoint asked for"),
            Action::NextSample => self.step_sample(1),
            Action::PreviousSample => self.step_sample(-1),
            Action::NextPane => self.ui.focus = self.ui.focus.step(1),
            Action::PreviousPane => self.ui.focus = self.ui.focus.step(-1),
            Action::Enlarge => self.ui.enlarged = !self.ui.enlarged,
            Action::Out => self.ui.enlarged = false,
            Action::Up => self.scroll(-1),
            Action::Down => self.scroll(1),
            Action::PageUp => self.scroll(-(PAGE as isize)),
            Action::PageDown => self.scroll(PAGE as isize),
            Action::Smoothing => self.ui.smoothing = self.ui.smoothing.next(),
            Action::OtherStage => self.other_stage(),
            Action::Redraw => {
                self.pictures.forget();
                self.redraw = true;
            }
            // One screen so far: it is there already.
            Action::Screen(_) | Action::Headless | Action::Stop | Action::Choose => {}
        }
        None
    }

    fn quit(&mut self) -> Option<Exit> {
        if self.ui.stopping {
            return Some(Exit::StopRequested);
        }
        if !self.run_is_ours() {
            return Some(Exit::Quit);
        }
        (self.ui.layer, self.ui.choice) = (Layer::Quit, 0);
        None
    }

    fn choose(&mut self, action: Action) -> Option<Exit> {
        let marked = CHOICES.get(self.ui.choice).copied().unwrap_or(Action::Out);
        match if action == Action::Choose {
            marked
        } else {
            action
        } {
            Action::Up => self.ui.choice = (self.ui.choice + CHOICES.len() - 1) % CHOICES.len(),
            Action::Down => self.ui.choice = (self.ui.choice + 1) % CHOICES.len(),
            Action::Headless => return Some(Exit::Detach),
            Action::Stop => {
                self.ui.layer = Layer::Main;
                self.ui.stopping = true;
                self.send(
                    Command::Stop {
                        after: StopAfter::Step,
                    },
                    "stopping after this step; q leaves at once",
                );
            }
            _ => self.ui.layer = Layer::Main,
        }
        None
    }

    /// Whether leaving would leave a run of this process alone.
    fn run_is_ours(&self) -> bool {
        self.owns_run && self.state.ended.is_none()
    }

    /// Tells the engine without ever waiting for it.
    fn send(&mut self, command: Command, notice: &str) {
        let notice = match self
            .commands
            .as_ref()
            .map(|commands| commands.try_send(command))
        {
            _ if self.state.ended.is_some() => "the run has ended",
            None => "this run takes no commands from here",
            Some(Ok(())) => notice,
            Some(Err(TrySendError::Full(_))) => "the run is busy; try again",
            Some(Err(TrySendError::Disconnected(_))) => "the run does not listen any more",
        };
        self.ui.notice = Some(notice.to_owned());
    }

    fn step_sample(&mut self, by: isize) {
        let count = self.state.panel.len() as isize;
        if count > 0 {
            let cursor = &mut self.ui.cursor;
            cursor.sample = (cursor.sample as isize + by).rem_euclid(count) as usize;
            self.ui.scroll.remove(&Pane::Rationale);
        }
    }

    fn other_stage(&mut self) {
        let other = match self.ui.cursor.stage(&self.state) {
            Some(Stage::Aspects) => Stage::Prompt,
            _ => Stage::Aspects,
        };
        if self.state.stages.contains_key(&other) {
            // Back on the stage that runs, the cursor follows the run again.
            self.ui.cursor.stage = Some(other).filter(|&other| Some(other) != self.state.stage);
        }
    }

    fn scroll(&mut self, by: isize) {
        let by = if self.ui.focus == Pane::Log { -by } else { by };
        let scroll = self.ui.scroll.entry(self.ui.focus).or_insert(0);
        *scroll = scroll.saturating_add_signed(by);
    }
}
