//! The keys that a source may have, for checks before anything is merged: those of [`Settings`], and what stands beside
//! them.

use std::sync::LazyLock;

use indexmap::IndexMap;

use super::{
    Settings,
    allowed::{Allowed, Key},
    prompt::MOST_TOKENS,
};
use crate::{keymap::Action, theme::Role};

/// Every key by its path (`train.prompt.epochs`). A stage's override may be null: then `train:` holds.
pub(super) static KEYS: LazyLock<IndexMap<String, Key>> = LazyLock::new(|| {
    let mut keys = IndexMap::new();
    for (section, own) in Settings::sections() {
        for (name, key) in own {
            keys.insert(format!("{section}.{name}"), key);
            if section == "train" {
                let optional = Key { optional: true, ..key };
                keys.extend(STAGES.map(|stage| (format!("{stage}.{name}"), optional)));
            }
        }
    }
    let actions = Action::changeable().map(|action| (format!("{ACTIONS}.{}", action.name()), Allowed::Keys));
    let roles = Role::ALL
        .iter()
        .map(|role| (format!("{COLORS}.{}", role.name()), Allowed::Color));
    let others = OTHERS.map(|(path, allowed)| (path.to_owned(), allowed));
    for (path, allowed) in actions.chain(roles).chain(others) {
        keys.insert(
            path,
            Key {
                allowed,
                optional: false,
            },
        );
    }
    keys
});

/// Keys of the reference that say what another key says, or that have no counterpart, and so are no field of the settings;
/// and the one key that stands among the roles.
const OTHERS: [(&str, Allowed); 5] = [
    (TOKENS_ALIAS, Allowed::Count(1, MOST_TOKENS)),
    (BF16_ALIAS, Allowed::Switch),
    (FP16_ALIAS, Allowed::Switch),
    (UNUSED_COLUMNS, Allowed::Switch),
    ("tui.colors.theme", Allowed::OneOf(&["auto", "dark", "light"])),
];
pub(super) const TOKENS_ALIAS: &str = "train.num_special_tokens_in_prefix";
pub(super) const BF16_ALIAS: &str = "train.bf16";
pub(super) const FP16_ALIAS: &str = "train.fp16";
pub(super) const UNUSED_COLUMNS: &str = "train.remove_unused_columns";

/// The overrides for one stage.
pub(super) const STAGES: [&str; 2] = ["train.aspects", "train.prompt"];

/// Other keys for actions, by the actions' names.
pub(super) const ACTIONS: &str = "tui.keys";
const COLORS: &str = "tui.colors";

/// The sections; a section's value is a mapping or nothing.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let own = Settings::sections().into_iter().map(|(section, _)| section);
    own.chain(STAGES).chain([ACTIONS, COLORS])
}

/// The known key or section that `path` is most like; the name of an action or a role where one is wanted, and only there.
pub(super) fn nearest(path: &str) -> String {
    let place = |path: &str| {
        let (section, _) = path.rsplit_once('.')?;
        [ACTIONS, COLORS].into_iter().find(|&names| names == section)
    };
    let likeness =
        |known: &str| strsim::jaro_winkler(path, known) + strsim::jaro_winkler(last_part(path), last_part(known));
    let known = KEYS.keys().map(String::as_str).chain(sections());
    known
        .filter(|known| place(known) == place(path))
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .unwrap_or_default()
        .to_owned()
}

fn last_part(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
