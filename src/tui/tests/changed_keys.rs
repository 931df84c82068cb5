//! Keys and colours that a config file changes, in the real loop and on the screen.

use crossbeam_channel::unbounded;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use indexmap::IndexMap;
use insta::assert_snapshot;
use ratatui::{Terminal, backend::TestBackend};

use super::screens::{described, settled};
use crate::{
    keymap::{Action, Key, Keymap, Screen},
    made_up,
    session::Command,
    theme::{Depth, Paint, Role, Theme},
    tui::{
        Exit, Viewer,
        app::App,
        event_loop,
        input::Input,
        ui::{Entry, Layer},
    },
};

fn keymap() -> Keymap {
    let keys = |names: &[&str]| names.iter().map(|name| Key::named(name).unwrap()).collect();
    let changes = IndexMap::from([
        (Action::Pause, keys(&["x"])),
        (Action::Quit, keys(&["ctrl-q", "f10"])),
        (Action::Help, keys(&["f2"])),
        (Action::Screen(Screen::Browse), keys(&["alt-b"])),
    ]);
    Keymap::changed(&changes).unwrap()
}

fn viewer(theme: Theme) -> Viewer {
    let mut viewer = Viewer::new("/nowhere".into(), "script");
    (viewer.link.commands, viewer.theme, viewer.keymap) = (Some(unbounded().0), theme, keymap());
    for record in made_up::records(60).into_iter().take(120) {
        viewer.history.apply(&record);
    }
    viewer
}

#[test]
fn changed_keys_do_what_they_are_bound_to_and_the_old_ones_nothing() {
    let (to_engine, commands) = unbounded();
    let (_to_records, records) = unbounded();
    let mut viewer = viewer(Theme::dark(Depth::True));
    (viewer.link.commands, viewer.link.records) = (Some(to_engine), Some(records));
    let mut app = App::new(viewer).unwrap();
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let inputs = app.inbox.inputs();
    let press = |code, modifiers| inputs.send(Input::Key(KeyEvent::new(code, modifiers))).unwrap();
    // The old keys of pause and quit, then the new ones.
    for old in [' ', 'p', 'q'] {
        press(KeyCode::Char(old), KeyModifiers::NONE);
    }
    press(KeyCode::Char('x'), KeyModifiers::NONE);
    press(KeyCode::Char('b'), KeyModifiers::ALT);
    press(KeyCode::Char('q'), KeyModifiers::CONTROL);
    assert_eq!(event_loop::run(&mut terminal, &mut app), Exit::Quit);
    assert_eq!(commands.try_iter().collect::<Vec<_>>(), [Command::Pause]);
    assert_eq!(app.ui.screen, Screen::Browse);
}

#[test]
fn key_bar_help_and_palette_show_the_keys_that_hold() {
    let theme = Theme::dark(Depth::True);
    let mut app = App::new(viewer(theme.clone())).unwrap();
    app.ui.layer = Layer::Help;
    assert_snapshot!("changed_help", described(&settled(&mut app, 80, 24), &theme));
    app.ui.layer = Layer::Main;
    app.ui.ask(Entry::Command, "pau");
    assert_snapshot!("changed_palette", described(&settled(&mut app, 80, 24), &theme));
    let mut app = App::new(viewer(theme.clone())).unwrap();
    let shown = described(&settled(&mut app, 200, 55), &theme);
    for part in [" x pause", " f2 help", " ctrl-q quit", "  alt-b Browse"] {
        assert!(shown.contains(part), "{part:?}: {shown}");
    }
}

#[test]
fn configured_colours_are_painted_except_without_colour() {
    let colors = IndexMap::from([
        (Role::Accent, Paint::named("#ff8700").unwrap()),
        (Role::Text, Paint::named("light-green").unwrap()),
    ]);
    let seen = |depth| {
        let theme = Theme::dark(depth).repainted(&colors);
        let mut app = App::new(viewer(theme)).unwrap();
        let buffer = settled(&mut app, 120, 40);
        let colors = buffer.content.iter().flat_map(|cell| [cell.fg, cell.bg]);
        (colors.collect::<std::collections::HashSet<_>>(), buffer)
    };
    use ratatui::style::Color;
    let (colors, _) = seen(Depth::True);
    assert!(colors.contains(&Color::Rgb(255, 135, 0)) && colors.contains(&Color::LightGreen));
    let (colors, _) = seen(Depth::Indexed);
    assert!(colors.contains(&Color::Indexed(208)) && colors.contains(&Color::LightGreen));
    assert!(
        !colors.iter().any(|color| matches!(color, Color::Rgb(..))),
        "{colors:?}"
    );
    let mut plain = App::new(viewer(Theme::dark(Depth::Mono))).unwrap();
    assert_eq!(seen(Depth::Mono).1, settled(&mut plain, 120, 40));
}
