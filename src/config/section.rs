//! How a section of the settings is declared.

/// Declares a section: a line of it is a key, its default and the values that it may take (an
/// [`Allowed`](super::allowed::Allowed)). A key may be null if its default is. Sections within it come after `with`.
macro_rules! section {
    (
        $(#[$attribute:meta])*
        $name:ident {
            $($(#[doc = $doc:literal])* $key:ident: $kind:ty = $default:expr, $allowed:expr;)+
        } $(with {
            $($(#[doc = $inner_doc:literal])* $inner:ident: $inner_kind:ty = $inner_default:expr;)+
        })?
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $doc])* pub $key: $kind,)+
            $($($(#[doc = $inner_doc])* pub $inner: $inner_kind,)+)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)+ $($($inner: $inner_default,)+)? }
            }
        }

        impl $name {
            /// The section's keys by their names.
            pub(super) fn keys() -> Vec<(&'static str, crate::config::allowed::Key)> {
                use crate::config::allowed::{Allowed::*, Key};
                let default = Self::default();
                vec![$((stringify!($key), Key::new(&default.$key, $allowed)),)+]
            }
        }
    };
}

pub(super) use section;
