//! Other colours for some roles, as a person's config file asks for them.

use indexmap::IndexMap;
use ratatui::style::Color;
use serde::{Deserialize, Serialize};

use super::palette::{Depth, Theme};

/// Declares the roles once, each with the theme's field, whose name is the role's in the config file.
macro_rules! roles {
    ($($role:ident $field:ident),+ $(,)?) => {
        /// What a colour is for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Role { $($role),+ }

        impl Role {
            pub const ALL: &[Self] = &[$(Self::$role),+];

            /// Its name under `tui.colors`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$role => stringify!($field)),+ }
            }

            const fn of(self, theme: &mut Theme) -> &mut Color {
                match self { $(Self::$role => &mut theme.$field),+ }
            }
        }
    };
}

roles! {
    Text text,
    Dim dim,
    Faint faint,
    Accent accent,
    OnAccent on_accent,
    Raw raw,
    Smooth smooth,
    Validation validation,
    Bar bar,
    Series1 series1,
    Series2 series2,
    Series3 series3,
    Series4 series4,
    Series5 series5,
    Series6 series6,
    More more,
    Less less,
    Good good,
    Bad bad,
    Warning warning,
}

/// A colour as the config file names it: `#61afef`, one of a terminal's sixteen (`cyan`, `light-blue`), or the number of
/// one of its 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Paint(Color);

impl Paint {
    /// The colour of a name; nothing where there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok().map(Self)
    }
}

impl From<Paint> for String {
    fn from(Paint(color): Paint) -> Self {
        color.to_string()
    }
}

impl TryFrom<String> for Paint {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::named(&name).ok_or_else(|| format!("no colour is called `{name}`"))
    }
}

impl Theme {
    /// The same theme with other colours for some roles. A terminal without colours has the roles told apart by bold and
    /// dim, which another colour must not change.
    #[must_use]
    pub fn repainted(mut self, colors: &IndexMap<Role, Paint>) -> Self {
        if self.depth != Depth::Mono {
            for (role, Paint(color)) in colors {
                *role.of(&mut self) = *color;
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_parsed_in_three_notations() {
        for (name, color) in [
            ("#61AFEF", Color::Rgb(97, 175, 239)),
            ("#61afef", Color::Rgb(97, 175, 239)),
            ("208", Color::Indexed(208)),
            ("cyan", Color::Cyan),
            ("light-blue", Color::LightBlue),
        ] {
            let paint = Paint::named(name).unwrap();
            assert_eq!(paint.0, color, "{name}");
            assert_eq!(Paint::try_from(String::from(paint)), Ok(paint));
        }
        for name in ["", "#12345", "256", "-1", "sky", "\u{1b}[2J"] {
            assert_eq!(Paint::named(name), None, "{name:?}");
        }
    }

    #[test]
    fn each_role_changes_only_its_own_colour() {
        for &role in Role::ALL {
            let colors = IndexMap::from([(role, Paint(Color::Indexed(201)))]);
            let theme = Theme::dark(Depth::Indexed).repainted(&colors);
            assert_eq!(theme.role(Color::Indexed(201)), Some(role.name()));
            let mut back = theme.clone();
            *role.of(&mut back) = *role.of(&mut Theme::dark(Depth::Indexed));
            assert_eq!(back, Theme::dark(Depth::Indexed));
            assert_eq!(Theme::dark(Depth::Mono).repainted(&colors), Theme::dark(Depth::Mono));
        }
    }
}
