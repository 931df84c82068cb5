//! What actions and keys are called in the config file.

use std::fmt::Write;

use crossterm::event::{KeyCode, KeyModifiers};

use super::{Action, Key, Scope, table::TABLE};
use crate::{data::View, tui::ui::Screen};

impl Action {
    /// The actions whose keys may be changed: those of the screens. Dialogs and lines being typed keep their keys.
    pub fn changeable() -> impl Iterator<Item = Self> {
        let rows = || TABLE.iter().filter(|(scope, ..)| scope.is_of_screen());
        rows().enumerate().filter_map(move |(place, &(_, _, action, ..))| {
            let first = rows().position(|&(_, _, other, ..)| other == action);
            (first == Some(place)).then_some(action)
        })
    }

    /// Its name under `tui.keys`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Help => "help",
            Self::Message => "message",
            Self::Palette => "palette",
            Self::Quit => "quit",
            Self::Pause => "pause",
            Self::Evaluate => "evaluate",
            Self::Checkpoint => "checkpoint",
            Self::LearningRate => "learning_rate",
            Self::StopAfterEpoch => "stop_after_epoch",
            Self::NextSample => "next_sample",
            Self::PreviousSample => "previous_sample",
            Self::NextPane => "next_pane",
            Self::PreviousPane => "previous_pane",
            Self::Enlarge => "enlarge",
            Self::Out => "out",
            Self::Up => "up",
            Self::Down => "down",
            Self::Left => "left",
            Self::Right => "right",
            Self::PageUp => "page_up",
            Self::PageDown => "page_down",
            Self::First => "first",
            Self::Last => "last",
            Self::Smoothing => "smoothing",
            Self::Metric => "metric",
            Self::MoreMetrics => "more_metrics",
            Self::LogAxis => "log_axis",
            Self::ZoomIn => "zoom_in",
            Self::ZoomOut => "zoom_out",
            Self::Whole => "whole",
            Self::EarlierStep => "earlier_step",
            Self::LaterStep => "later_step",
            Self::Overlay => "overlay",
            Self::ClearOverlays => "clear_overlays",
            Self::OtherStage => "other_stage",
            Self::EarlierLook => "earlier_look",
            Self::LaterLook => "later_look",
            Self::Screen(Screen::Train) => "train_screen",
            Self::Screen(Screen::Browse) => "browse_screen",
            Self::Screen(Screen::Compare) => "compare_screen",
            Self::Screen(Screen::Sessions) => "sessions_screen",
            Self::Redraw => "redraw",
            Self::Suspend => "suspend",
            Self::Alone => "alone",
            Self::Query => "query",
            Self::Pixels => "pixels",
            Self::Strength => "strength",
            Self::Filter => "filter",
            Self::ClearFilter => "clear_filter",
            Self::SortColumn => "sort_column",
            Self::SortOrder => "sort_order",
            Self::Summary => "summary",
            Self::Normalise => "normalise",
            Self::NextEvaluation => "next_evaluation",
            Self::PreviousEvaluation => "previous_evaluation",
            Self::Look => "look",
            Self::Mute(View::FacialExpression) => "mute_facial_expression",
            Self::Mute(View::Object) => "mute_object",
            Self::Mute(View::Scene) => "mute_scene",
            Self::Mute(View::HumanAction) => "mute_human_action",
            Self::Mute(View::Brightness) => "mute_brightness",
            Self::Mute(View::Colorfulness) => "mute_colorfulness",
            Self::Solo => "solo",
            Self::Region => "region",
            Self::Blank => "blank",
            Self::Undo => "undo",
            Self::Ask => "ask",
            Self::Faithfulness => "faithfulness",
            Self::Effects => "effects",
            Self::Open => "open",
            Self::Only => "only",
            Self::NextOfA => "next_of_a",
            Self::PreviousOfA => "previous_of_a",
            Self::Mark => "mark",
            Self::Note => "note",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Refresh => "refresh",
            Self::Export => "export",
            Self::NewRun => "new_run",
            Self::PlayPause => "play_pause",
            Self::SeekBack => "seek_back",
            Self::SeekForth => "seek_forth",
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::Headless => "headless",
            Self::Stop => "stop",
            Self::Choose => "choose",
        }
    }
}

impl Scope {
    const fn is_of_screen(self) -> bool {
        matches!(
            self,
            Self::Train | Self::Browse | Self::Compare | Self::Sessions | Self::Everywhere
        )
    }
}

impl From<Action> for &'static str {
    fn from(action: Action) -> Self {
        action.name()
    }
}

impl TryFrom<String> for Action {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let mut actions = Self::changeable();
        actions
            .find(|action| action.name() == name)
            .ok_or_else(|| format!("no action is called `{name}`"))
    }
}

const NAMED: [(&str, KeyCode); 16] = [
    ("space", KeyCode::Char(' ')),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("backspace", KeyCode::Backspace),
    ("insert", KeyCode::Insert),
    ("delete", KeyCode::Delete),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
];

impl Key {
    /// The key of a name: `q`, `N`, `space`, `pgup`, `f1`, `ctrl-c`, `alt-x`, ... Nothing where there is none, or where a
    /// terminal cannot tell it from another one (ctrl-i is tab).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (mut modifiers, mut name) = (KeyModifiers::NONE, name);
        for (prefix, modifier) in [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT)] {
            if let Some(rest) = name.strip_prefix(prefix) {
                (modifiers, name) = (modifiers | modifier, rest);
            }
        }
        let code = code(name)?;
        let told_apart = match code {
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => {
                c.is_ascii_lowercase() && !"im".contains(c)
            }
            _ => true,
        };
        told_apart.then_some(Self { code, modifiers })
    }

    /// The name that [`Key::named`] knows it by.
    #[must_use]
    pub fn name(self) -> String {
        let mut name = String::new();
        for (prefix, modifier) in [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT)] {
            if self.modifiers.contains(modifier) {
                name += prefix;
            }
        }
        match (NAMED.iter().find(|(_, code)| *code == self.code), self.code) {
            (Some((own, _)), _) => name += own,
            (None, KeyCode::Char(c)) => name.push(c),
            // Writing to a text cannot fail.
            (None, KeyCode::F(n)) => drop(write!(name, "f{n}")),
            (None, code) => drop(write!(name, "{code}")),
        }
        name
    }
}

fn code(name: &str) -> Option<KeyCode> {
    let named = NAMED.iter().find(|(known, _)| *known == name).map(|&(_, code)| code);
    let function = || {
        let number = name.strip_prefix('f')?.parse().ok()?;
        (1..=12).contains(&number).then_some(KeyCode::F(number))
    };
    let character = || {
        let mut chars = name.chars();
        let c = chars.next().filter(|c| !c.is_control())?;
        chars.next().is_none().then_some(KeyCode::Char(c))
    };
    named.or_else(function).or_else(character)
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.name()
    }
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::named(&name).ok_or_else(|| format!("no key is called `{name}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_lead_back() {
        let actions: Vec<Action> = Action::changeable().collect();
        assert!(actions.len() > 60 && !actions.contains(&Action::Choose));
        for &action in &actions {
            assert_eq!(Action::try_from(action.name().to_owned()), Ok(action));
            let snake = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(action.name().chars().all(snake), "{}", action.name());
        }
        assert!(Action::try_from("choose".to_owned()).is_err());
        for name in [
            "p",
            "P",
            "space",
            "shift-tab",
            "up",
            "f12",
            "ctrl-q",
            "alt-x",
            "ctrl-alt-x",
            "+",
            "é",
        ] {
            assert_eq!(Key::named(name).map(Key::name).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_no_terminal_can_say_is_no_key() {
        for name in [
            "", "hyper-x", "pp", "f0", "f13", "ctrl-i", "ctrl-m", "ctrl-A", "ctrl-1", "\u{1b}", "Space",
        ] {
            assert_eq!(Key::named(name), None, "{name:?}");
        }
    }
}
