//! What keys do on every screen: each action changes the app's state or sends the engine a command. What they do on one
//! screen is in that screen's `keys.rs`.

mod cursor;
mod drawing;
pub mod entry;
mod message;
mod mouse;
mod opening;
mod paste;
mod playing;
mod seeking;

pub use message::Wanted;
pub use playing::OWN_RUN;

use crossbeam_channel::TrySendError;
use crossterm::event::KeyEvent;

use super::{
    Exit,
    app::App,
    panes::{notice, quit::CHOICES},
    ui::{Entry, Layer},
};
use crate::{
    data::View,
    keymap::{Action, Screen},
    session::{Command, StopAfter},
};

/// Lines that a page scrolls by.
pub const PAGE: usize = 8;

impl App {
    /// Handles a key.
    pub(in crate::tui) fn key(&mut self, event: KeyEvent) -> Option<Exit> {
        let action = self.keymap.action(self.ui.scopes(), event);
        if let Layer::Entry(entry) = self.ui.layer {
            return self.type_in(entry, action, event);
        }
        if self.ui.layer == Layer::Form {
            self.fill_in(action, event);
            return None;
        }
        let action = action?;
        if !self.ui.stopping && self.ui.layer != Layer::Message && action != Action::Message {
            self.ui.before = self.ui.notice.take().or_else(|| self.ui.before.take());
        }
        match self.ui.layer {
            Layer::Main => self.act(action),
            Layer::Help | Layer::Message => {
                self.scroll_help(action);
                None
            }
            Layer::Quit => self.choose(action),
            Layer::Region => {
                self.choose_patches(action);
                None
            }
            Layer::Entry(_) | Layer::Form => None,
        }
    }

    pub(in crate::tui) fn act(&mut self, action: Action) -> Option<Exit> {
        match action {
            Action::Quit => return self.quit(),
            Action::Help => (self.ui.layer, self.ui.help_scroll) = (Layer::Help, 0),
            Action::Message => self.show_message(),
            Action::Palette => {
                self.ui.choice = 0;
                self.ui.ask(Entry::Command, "");
            }
            Action::NextPane => self.ui.step_focus(1),
            Action::PreviousPane => self.ui.step_focus(-1),
            Action::Out if self.give_up() => {}
            Action::Enlarge => self.ui.enlarged = !self.ui.enlarged,
            Action::Out if self.ui.enlarged => self.ui.enlarged = false,
            Action::Screen(screen) => self.show(screen),
            Action::Alone => {
                let next = self.ui.alone.map_or(Some(0), |view| {
                    let place = View::ALL.iter().position(|&other| other == view)?;
                    Some(place + 1)
                });
                self.ui.alone = next.and_then(|place| View::ALL.get(place).copied());
            }
            Action::Query => {
                let settings = self
                    .shown
                    .state
                    .session
                    .as_ref()
                    .map(|session| &session.settings["aspects"]["queries"]);
                let queries = settings.and_then(serde_json::Value::as_u64).unwrap_or(5);
                self.ui.heat = self.ui.heat.next_query(queries as usize);
            }
            Action::Strength => self.ui.heat = self.ui.heat.next_strength(),
            Action::Pixels => self.ui.notice = Some(self.display.toggle_pixels()),
            Action::PlayPause => self.play_or_pause(),
            Action::SeekBack => self.seek(-0.05),
            Action::SeekForth => self.seek(0.05),
            Action::Slower | Action::Faster => {
                if let Some(player) = &mut self.shown.player {
                    player.change_speed(if action == Action::Faster { 1 } else { -1 });
                }
            }
            Action::Suspend if self.run_is_ours() => {
                let leave = self.keymap.key_for(self.ui.screen, Action::Quit);
                self.ui.notice = Some(format!(
                    "that would stop the training too: {leave} leaves the screen and lets it go on"
                ));
            }
            Action::Suspend => return Some(Exit::Suspend),
            Action::Redraw => {
                self.shown.pictures.forget();
                self.display.redraw = true;
            }
            _ => match self.ui.screen {
                Screen::Train => self.act_train(action),
                Screen::Browse => self.act_browse(action),
                Screen::Compare => self.act_compare(action),
                Screen::Sessions => self.act_sessions(action),
            },
        }
        None
    }

    /// Scrolls the help or the message, or closes it.
    fn scroll_help(&mut self, action: Action) {
        let scroll = &mut self.ui.help_scroll;
        match action {
            Action::Up => *scroll = scroll.saturating_sub(1),
            Action::Down => *scroll = scroll.saturating_add(1),
            Action::PageUp => *scroll = scroll.saturating_sub(PAGE),
            Action::PageDown => *scroll = scroll.saturating_add(PAGE),
            Action::First => *scroll = 0,
            // Painting limits it to the last line.
            Action::Last => *scroll = usize::MAX,
            _ if self.ui.layer == Layer::Message => self.ui.layer = self.ui.under,
            _ => self.ui.layer = Layer::Main,
        }
    }

    /// Shows the last message in full, on top of the layer that has the keys.
    pub(in crate::tui) fn show_message(&mut self) {
        if notice::whole(&self.ui, &self.sessions).is_some() {
            self.ui.under = self.ui.layer;
            (self.ui.layer, self.ui.help_scroll) = (Layer::Message, 0);
        } else if self.ui.layer == Layer::Main {
            self.ui.notice = Some("there is no message yet".to_owned());
        }
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
        match if action == Action::Choose { marked } else { action } {
            Action::Up => self.ui.choice = (self.ui.choice + CHOICES.len() - 1) % CHOICES.len(),
            Action::Down => self.ui.choice = (self.ui.choice + 1) % CHOICES.len(),
            Action::Headless => return Some(Exit::Detach),
            Action::Stop => {
                self.ui.layer = Layer::Main;
                self.ui.stopping = true;
                self.tell(
                    Command::Stop { after: StopAfter::Step },
                    "stopping after this step; q leaves at once",
                );
            }
            _ => self.ui.layer = Layer::Main,
        }
        None
    }

    /// Sends the engine a command without ever blocking.
    pub(in crate::tui) fn tell(&mut self, command: Command, notice: &str) {
        let notice = match self
            .shown
            .link
            .commands
            .as_ref()
            .map(|commands| commands.try_send(command))
        {
            _ if self.shown.state.ended.is_some() => "the run has ended",
            None => self
                .shown
                .link
                .read_only
                .as_deref()
                .unwrap_or("this run takes no commands from here"),
            Some(Ok(())) => notice,
            Some(Err(TrySendError::Full(_))) => "the run is busy; try again",
            Some(Err(TrySendError::Disconnected(_))) => "the run takes no more commands",
        };
        self.ui.notice = Some(notice.to_owned());
    }

    /// Scrolls the focused pane; the log's offset counts from its end.
    pub(in crate::tui) fn scroll(&mut self, by: isize) {
        let focus = self.ui.focus();
        let by = if focus == super::ui::Pane::Log { -by } else { by };
        let scroll = self.ui.scroll.entry(focus).or_insert(0);
        *scroll = scroll.saturating_add_signed(by);
    }
}

/// The number of lines that an action scrolls by.
pub fn lines(action: Action) -> Option<isize> {
    match action {
        Action::Up => Some(-1),
        Action::Down => Some(1),
        Action::PageUp => Some(-(PAGE as isize)),
        Action::PageDown => Some(PAGE as isize),
        Action::First => Some(isize::MIN / 2),
        Action::Last => Some(isize::MAX / 2),
        _ => None,
    }
}
