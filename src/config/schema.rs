//! The keys that a source may have and the values that each may take, for checks before anything is merged.
//!
//! A test holds this table equal to the fields of [`super::Settings`].

use std::fmt;

use serde_json::Value;

use crate::{
    aspects::prompt_file::LONGEST_PROMPT,
    data::{View, image_file},
    keymap::{Action, Key as Pressed},
    session::HIGHEST_RATE,
    theme::{Paint, Role},
};

/// A key's values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Allowed {
    Switch,
    /// A whole number in the closed range.
    Count(u64, u64),
    /// A number above 0, at most this.
    Positive(f64),
    /// A number from 0 to this.
    NotNegative(f64),
    /// A number in `[0, 1]`.
    Share,
    /// A number in `[0, 1)`.
    ShareBelowOne,
    /// A number in `(0, 1]`.
    ShareAboveZero,
    OneOf(&'static [&'static str]),
    Text,
    /// A file or folder; relative to the config file that names it.
    Path,
    /// A folder in Hugging Face layout, or a hub id.
    Model,
    Views,
    /// A key of the keyboard, or a list of them.
    Keys,
    Color,
}

/// A key that a source may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Key {
    pub allowed: Allowed,
    /// Whether it may be null.
    pub optional: bool,
}

/// The sections; a section's value is a mapping or nothing.
pub(super) const SECTIONS: [&str; 14] = [
    "train",
    "train.aspects",
    "train.prompt",
    "test",
    "eval",
    "checkpoint",
    "model",
    "data",
    "aspects",
    "prompt",
    "session",
    "tui",
    KEYS,
    COLORS,
];

/// Other keys for actions, by the actions' names.
pub(super) const KEYS: &str = "tui.keys";
const COLORS: &str = "tui.colors";

/// The overrides for one stage.
pub(super) const STAGES: [&str; 2] = ["train.aspects", "train.prompt"];

/// What `train.optim` may say: the names of `transformers`.
pub(super) const OPTIMIZERS: [&str; 23] = [
    "adamw_torch",
    "adamw_torch_fused",
    "adamw_hf",
    "adamw_8bit",
    "adamw_bnb_8bit",
    "adamw_torch_4bit",
    "adamw_torch_8bit",
    "adamw_torch_xla",
    "adamw_apex_fused",
    "adamw_anyprecision",
    "ademamix",
    "adafactor",
    "paged_adamw_32bit",
    "paged_adamw_8bit",
    "paged_adamw",
    "lion_32bit",
    "lion_8bit",
    "paged_lion_32bit",
    "paged_lion_8bit",
    "sgd",
    "adagrad",
    "rmsprop",
    "rmsprop_bnb",
];

/// No bound: nothing grows with the number.
const MANY: u64 = u64::MAX;
/// More samples than any device holds at once.
const BATCH: u64 = 1 << 16;
/// More steps and epochs than a life has time for; products of two of them are still 64 bits.
const STEPS: u64 = 1_000_000_000;
/// A cache of a pebibyte.
const MIB: u64 = 1 << 30;
/// Sequences are padded to the longest, and attention grows with its square: each of these is more than any model reads.
const PROMPT_TOKENS: u64 = LONGEST_PROMPT as u64;
const NEW_TOKENS: u64 = 4096;
const QUERIES: u64 = 1024;
/// As many as the largest picture has.
const PIXELS: u64 = image_file::MAX_PIXELS;

/// Keys of `train:` that hold for a stage, and may stand in its overrides.
const STAGE_KEYS: [(&str, Allowed, bool); 15] = [
    ("learning_rate", Allowed::Positive(HIGHEST_RATE), false),
    ("batch_size", Allowed::Count(1, BATCH), false),
    ("gradient_accumulation_steps", Allowed::Count(1, BATCH), false),
    ("epochs", Allowed::Count(1, STEPS), false),
    ("max_steps", Allowed::Count(1, STEPS), true),
    ("warmup_ratio", Allowed::Share, false),
    (
        "lr_scheduler_type",
        Allowed::OneOf(&["linear", "cosine", "constant", "constant_with_warmup"]),
        false,
    ),
    ("optim", Allowed::OneOf(&OPTIMIZERS), false),
    ("weight_decay", Allowed::NotNegative(1.0), false),
    ("max_grad_norm", Allowed::NotNegative(1e12), false),
    ("seed", Allowed::Count(0, MANY), false),
    ("logging_steps", Allowed::Count(1, STEPS), false),
    ("save_strategy", Allowed::OneOf(&["no", "steps", "epoch"]), false),
    ("gradient_checkpointing", Allowed::Switch, false),
    ("on_nan", Allowed::OneOf(&["pause", "stop"]), true),
];

/// Keys of the reference that say what another key says, or that have no counterpart; they are no field of the settings.
const REFERENCE_KEYS: [(&str, Allowed, bool); 4] = [
    (TOKENS_ALIAS, Allowed::Count(1, PROMPT_TOKENS), false),
    (BF16_ALIAS, Allowed::Switch, false),
    (FP16_ALIAS, Allowed::Switch, false),
    (UNUSED_COLUMNS, Allowed::Switch, false),
];
pub(super) const TOKENS_ALIAS: &str = "train.num_special_tokens_in_prefix";
pub(super) const BF16_ALIAS: &str = "train.bf16";
pub(super) const FP16_ALIAS: &str = "train.fp16";
pub(super) const UNUSED_COLUMNS: &str = "train.remove_unused_columns";

const OTHER_KEYS: [(&str, Allowed, bool); 37] = [
    ("test.batch_size", Allowed::Count(1, BATCH), false),
    ("test.max_new_tokens", Allowed::Count(1, NEW_TOKENS), false),
    ("test.do_sample", Allowed::Switch, false),
    ("test.temperature", Allowed::NotNegative(100.0), false),
    ("test.top_p", Allowed::ShareAboveZero, false),
    ("eval.every_steps", Allowed::Count(0, STEPS), false),
    ("eval.max_samples", Allowed::Count(1, MANY), false),
    ("eval.panel", Allowed::Count(0, MANY), false),
    ("checkpoint.every_steps", Allowed::Count(1, STEPS), false),
    ("checkpoint.every_minutes", Allowed::NotNegative(1e6), false),
    ("checkpoint.keep_last", Allowed::Count(1, MANY), false),
    ("checkpoint.keep_best", Allowed::Count(0, MANY), false),
    ("model.path", Allowed::Model, true),
    ("model.dtype", Allowed::OneOf(&["auto", "f32", "bf16", "f16"]), false),
    ("model.min_pixels", Allowed::Count(1, PIXELS), true),
    ("model.max_pixels", Allowed::Count(1, PIXELS), true),
    ("model.positions", Allowed::OneOf(&["paper", "mrope"]), false),
    ("model.supervise_im_end", Allowed::Switch, false),
    ("data.root", Allowed::Path, true),
    ("data.dataname", Allowed::Text, true),
    ("data.prompts", Allowed::Path, true),
    ("data.aspect_prompts", Allowed::Path, true),
    ("data.shuffle", Allowed::Switch, false),
    ("data.val_fraction", Allowed::ShareBelowOne, false),
    ("data.exif_orientation", Allowed::Switch, false),
    ("data.cache_mb", Allowed::Count(0, MIB), false),
    ("data.disk_cache_mb", Allowed::Count(0, MIB), false),
    ("data.cache_dir", Allowed::Path, true),
    ("aspects.views", Allowed::Views, false),
    ("aspects.queries", Allowed::Count(1, QUERIES), false),
    ("aspects.initial", Allowed::OneOf(&["reference", "identity"]), false),
    ("prompt.tokens", Allowed::Count(1, PROMPT_TOKENS), false),
    ("session.root", Allowed::Path, false),
    ("session.name", Allowed::Text, true),
    (
        "tui.images",
        Allowed::OneOf(&["auto", "halfblocks", "kitty", "iterm2", "sixel", "off"]),
        false,
    ),
    ("tui.fps", Allowed::Count(1, 60), false),
    ("tui.colors.theme", Allowed::OneOf(&["auto", "dark", "light"]), false),
];

/// What `path` (`train.prompt.epochs`) may be; `None` where there is no such key.
pub(super) fn key(path: &str) -> Option<Key> {
    all().find(|(known, _)| known == path).map(|(_, key)| key)
}

/// The known key or section that `path` is most like; the name of an action or a role where one is wanted, and only there.
pub(super) fn nearest(path: &str) -> String {
    let place = |path: &str| {
        let (section, _) = path.rsplit_once('.')?;
        [KEYS, COLORS].into_iter().find(|&names| names == section)
    };
    let likeness =
        |known: &str| strsim::jaro_winkler(path, known) + strsim::jaro_winkler(last_part(path), last_part(known));
    let known = all().map(|(known, _)| known).chain(SECTIONS.map(str::to_owned));
    known
        .filter(|known| place(known) == place(path))
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .unwrap_or_default()
}

fn last_part(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Every key, with the stages' overrides, which may be null: then `train:` holds.
pub(super) fn all() -> impl Iterator<Item = (String, Key)> {
    let train = STAGE_KEYS
        .iter()
        .map(|&(key, allowed, optional)| (format!("train.{key}"), Key { allowed, optional }));
    let overrides = STAGES.iter().flat_map(|stage| {
        STAGE_KEYS.iter().map(move |&(key, allowed, _)| {
            (
                format!("{stage}.{key}"),
                Key {
                    allowed,
                    optional: true,
                },
            )
        })
    });
    let others = REFERENCE_KEYS.iter().chain(&OTHER_KEYS);
    let named = |section: &str, name: &str, allowed| {
        let optional = false;
        (format!("{section}.{name}"), Key { allowed, optional })
    };
    let keys = Action::changeable().map(move |action| named(KEYS, action.name(), Allowed::Keys));
    let colors = Role::ALL
        .iter()
        .map(move |role| named(COLORS, role.name(), Allowed::Color));
    train
        .chain(overrides)
        .chain(others.map(|&(key, allowed, optional)| (key.to_owned(), Key { allowed, optional })))
        .chain(keys)
        .chain(colors)
}

impl Key {
    pub fn accepts(&self, value: &Value) -> bool {
        (self.optional && value.is_null()) || self.allowed.accepts(value)
    }

    /// Whether an older program may have recorded the value in a session: it had no upper bounds.
    pub fn was_accepted(&self, value: &Value) -> bool {
        let unbounded = match self.allowed {
            Allowed::Count(least, _) => Allowed::Count(least, MANY),
            Allowed::Positive(_) => Allowed::Positive(f64::MAX),
            Allowed::NotNegative(_) => Allowed::NotNegative(f64::MAX),
            other => other,
        };
        self.accepts(value) || unbounded.accepts(value)
    }
}

impl Allowed {
    /// Whether the text after `--set KEY=` is taken literally, even if YAML would read it as a number.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Path | Self::Model)
    }

    /// A value that is accepted, as the settings have it: keys are a list of names, a colour is a name, be it a number in
    /// YAML or not.
    pub fn canonical(self, value: &Value) -> Value {
        let name = |value: &Value| name_of(value).map_or(Value::Null, Value::String);
        match self {
            Self::Keys => as_list(value).iter().map(name).collect(),
            Self::Color => name(value),
            _ => value.clone(),
        }
    }

    fn accepts(self, value: &Value) -> bool {
        let number = value.as_f64();
        match self {
            Self::Switch => value.is_boolean(),
            Self::Count(least, most) => value.as_u64().is_some_and(|count| (least..=most).contains(&count)),
            Self::Positive(most) => number.is_some_and(|number| number > 0.0 && number <= most),
            Self::NotNegative(most) => number.is_some_and(|number| (0.0..=most).contains(&number)),
            Self::Share => number.is_some_and(|number| (0.0..=1.0).contains(&number)),
            Self::ShareBelowOne => number.is_some_and(|number| (0.0..1.0).contains(&number)),
            Self::ShareAboveZero => number.is_some_and(|number| number > 0.0 && number <= 1.0),
            Self::OneOf(names) => value.as_str().is_some_and(|name| names.contains(&name)),
            Self::Text | Self::Path | Self::Model => value.as_str().is_some_and(|text| !text.trim().is_empty()),
            Self::Views => value.as_array().is_some_and(|names| are_views(names)),
            Self::Keys => {
                let is_key = |value: &Value| name_of(value).is_some_and(|name| Pressed::named(&name).is_some());
                let keys = as_list(value);
                !keys.is_empty() && keys.iter().all(is_key)
            }
            Self::Color => name_of(value).is_some_and(|name| Paint::named(&name).is_some()),
        }
    }
}

/// A list's values; any other value is a list of its own.
fn as_list(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// A name, which in YAML may look like a number: the key `5`, the colour 208.
fn name_of(value: &Value) -> Option<String> {
    match value {
        Value::String(name) => Some(name.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Not empty, each a view's name, none twice.
fn are_views(names: &[Value]) -> bool {
    let views: Vec<View> = names
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|name| name.parse().ok())
        .collect();
    let twice = views
        .iter()
        .enumerate()
        .any(|(at, view)| views.iter().skip(at + 1).any(|other| other == view));
    views.len() == names.len() && !twice
}

/// What is allowed, as the end of a sentence.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.allowed, if self.optional { ", or null" } else { "" })
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch => f.write_str("true or false"),
            Self::Count(least, MANY) => write!(f, "a whole number of at least {least}"),
            Self::Count(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Positive(most) => write!(f, "a number above 0, at most {most}"),
            Self::NotNegative(most) => write!(f, "a number from 0 to {most}"),
            Self::Share => f.write_str("a number from 0 to 1"),
            Self::ShareBelowOne => f.write_str("a number from 0 to below 1"),
            Self::ShareAboveZero => f.write_str("a number above 0, at most 1"),
            Self::OneOf(names) => write!(f, "one of {}", names.join(", ")),
            Self::Text => f.write_str("a text that is not empty"),
            Self::Path => f.write_str("a path"),
            Self::Model => f.write_str("a model folder or a hub id"),
            Self::Views => {
                let names = View::ALL.map(View::name).join(", ");
                write!(
                    f,
                    "a list that names no view twice, of {names}; [] for a prompt without aspects"
                )
            }
            Self::Keys => f.write_str("a key or a list of keys, such as p, \"/\", space, pgup, f5, ctrl-p, alt-p"),
            Self::Color => {
                f.write_str("a colour: \"#rrggbb\", a name such as cyan or light-blue, or a number up to 255")
            }
        }
    }
}
