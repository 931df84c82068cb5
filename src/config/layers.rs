//! The sources of settings, read into layers, the later beating the earlier.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    allowed::Allowed,
    error::{ConfigError, excerpt, shown},
    locations, schema, yaml,
};
use crate::bounded_file::{open_regular, read_text_from};

/// No config file is longer (the shipped one has 5 KiB): the parser takes some 500 bytes for each of its bytes.
const MAX_FILE_BYTES: u64 = 256 << 10;

/// Where settings come from; [`Sources::default`] is what `masp` without arguments reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sources {
    /// What a session (or a command of its own, such as the demo) begins from; beats the defaults.
    pub record: Option<Record>,
    /// The user's own file, which says how the screens look in every project; read where it is there, see [`user_file`].
    ///
    /// [`user_file`]: fn@super::user_file
    pub user: Option<PathBuf>,
    pub config: ConfigFile,
    /// `KEY=VALUE`, as after `--set`; of two for the same key the later holds.
    pub set: Vec<String>,
    pub flags: Vec<Flag>,
}

/// Settings that were written down: any part of what [`super::Settings::to_record`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Names it in messages (`the record of session sunny-3`).
    pub name: String,
    pub settings: Value,
}

/// The config file.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigFile {
    /// Named by the user: an error where it is missing.
    Named(PathBuf),
    /// Read where it is there.
    IfPresent(PathBuf),
    /// None is read.
    None,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self::IfPresent(PathBuf::from("config.yaml"))
    }
}

/// A flag that says what a key says.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    /// With its dashes, for messages.
    pub flag: &'static str,
    pub key: &'static str,
    pub value: Value,
}

/// A source as read, to say in messages where a value came from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    Record(String),
    File { path: PathBuf, text: String },
    Set(String),
    Flag(&'static str),
}

impl Origin {
    /// Where `key` stands.
    pub fn place(&self, key: &str) -> String {
        match self {
            Self::Record(name) => excerpt(name),
            Self::File { path, text } => at_line(path, yaml::line_of(text, key)),
            Self::Set(text) => format!("--set {}", excerpt(text)),
            Self::Flag(flag) => (*flag).to_owned(),
        }
    }
}

fn at_line(path: &Path, line: Option<usize>) -> String {
    let path = excerpt(&path.display().to_string());
    line.map_or_else(|| path.clone(), |line| format!("{path}, line {line}"))
}

/// A key that a source gives, checked against the schema.
#[derive(Debug, Clone)]
pub(super) struct Leaf<'a> {
    pub key: String,
    pub value: Value,
    pub origin: &'a Origin,
    /// The key as the source has it.
    pub written: String,
    pub notice: Option<String>,
}

impl Leaf<'_> {
    pub fn place(&self) -> String {
        self.origin.place(&self.written)
    }
}

/// One layer: what its sources say, each a tree of settings. Only `--set` and the flags have several.
pub(super) struct Layer {
    trees: Vec<(Origin, Value)>,
    /// Whether the file was read only because it was there.
    pub unasked: bool,
}

/// Reads the sources into layers, the weakest first.
pub(super) fn read(sources: Sources) -> Result<Vec<Layer>, ConfigError> {
    let Sources {
        record,
        user,
        config,
        set,
        flags,
    } = sources;
    let record = record.map(|Record { name, settings }| (Origin::Record(name), settings));
    let set: Vec<_> = set.into_iter().map(read_set).collect::<Result<_, _>>()?;
    let flags = flags
        .into_iter()
        .map(|Flag { flag, key, value }| (Origin::Flag(flag), nest(key, value)));
    let unasked = matches!(config, ConfigFile::IfPresent(_));
    let user = read_file(user.map_or(ConfigFile::None, ConfigFile::IfPresent))?;
    if let Some((origin, tree)) = &user {
        only_the_screens(origin, tree)?;
    }
    Ok(vec![
        Layer {
            trees: record.into_iter().collect(),
            unasked: false,
        },
        Layer {
            trees: user.into_iter().collect(),
            unasked: false,
        },
        Layer {
            trees: read_file(config)?.into_iter().collect(),
            unasked,
        },
        Layer {
            trees: set,
            unasked: false,
        },
        Layer {
            trees: flags.collect(),
            unasked: false,
        },
    ])
}

/// Refuses any key but `tui`: a run must depend on its project's settings alone, wherever it is started.
fn only_the_screens(origin: &Origin, tree: &Value) -> Result<(), ConfigError> {
    let mut keys = tree.as_object().into_iter().flatten().map(|(key, _)| key);
    match keys.find(|key| *key != "tui") {
        None => Ok(()),
        Some(key) => Err(ConfigError::NotOfTheUser {
            at: origin.place(key),
            key: excerpt(key),
        }),
    }
}

/// Why an existing file cannot be read; `None` if it is readable or missing.
pub(super) fn unreadable(path: &Path) -> Option<ConfigError> {
    let refused = open_regular(path).err()?;
    if refused.kind() == io::ErrorKind::NotFound {
        return None;
    }
    Some(ConfigError::Read {
        path: path.to_owned(),
        source: refused,
    })
}

fn read_file(config: ConfigFile) -> Result<Option<(Origin, Value)>, ConfigError> {
    let (path, named) = match config {
        ConfigFile::Named(path) => (path, true),
        ConfigFile::IfPresent(path) => (path, false),
        ConfigFile::None => return Ok(None),
    };
    // A named config may come through a pipe; one that was merely found must not block the program.
    let opened = if named { File::open(&path) } else { open_regular(&path) };
    let text = match opened.and_then(|file| read_text_from(file, MAX_FILE_BYTES)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && named => {
            return Err(ConfigError::Missing { path });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ConfigError::Read { path, source }),
    };
    let tree = yaml::parse(&text).map_err(|error| ConfigError::Syntax {
        at: at_line(&path, error.location().map(|location| location.line())),
        message: excerpt(&error.to_string()),
    })?;
    Ok(Some((Origin::File { path, text }, tree)))
}

/// Parses `KEY=VALUE`. The value is YAML, except that it is taken as text where the key wants text.
fn read_set(text: String) -> Result<(Origin, Value), ConfigError> {
    let Some((key, written)) = text.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else {
        return Err(ConfigError::NotKeyValue { text: excerpt(&text) });
    };
    if key.is_empty() {
        return Err(ConfigError::NotKeyValue { text: excerpt(&text) });
    }
    let known = schema::KEYS.get(key);
    if known.is_none() && !schema::sections().any(|section| section == key) {
        let (at, nearest) = (Origin::Set(text.clone()).place(key), schema::nearest(key));
        return Err(ConfigError::UnknownKey {
            at,
            key: excerpt(key),
            nearest,
        });
    }
    let wants_text = known.is_some_and(|key| key.allowed.is_text());
    // Keys such as `>` and `#` have a meaning in YAML, so they are taken as text.
    let is_key = known.is_some_and(|key| key.allowed == Allowed::Keys && key.accepts(&written.into()));
    let value = match yaml::parse(written) {
        _ if is_key => Value::String(written.to_owned()),
        Ok(value) if value.is_string() || value.is_null() || !wants_text => value,
        _ => Value::String(written.to_owned()),
    };
    let tree = nest(key, value);
    Ok((Origin::Set(text), tree))
}

/// The tree in which `value` stands at `key`.
fn nest(key: &str, value: Value) -> Value {
    key.rsplit('.').fold(value, |inner, part| {
        Value::Object([(part.to_owned(), inner)].into_iter().collect())
    })
}

impl Layer {
    /// Every key that the layer's sources give, checked; of two for the same key the later.
    pub fn leaves(&self) -> Result<Vec<Leaf<'_>>, ConfigError> {
        let mut leaves = Vec::new();
        for (origin, tree) in &self.trees {
            collect(origin, "", tree, &mut leaves)?;
        }
        Ok(leaves)
    }
}

fn collect<'a>(origin: &'a Origin, path: &str, value: &Value, leaves: &mut Vec<Leaf<'a>>) -> Result<(), ConfigError> {
    if path.is_empty() || schema::sections().any(|section| section == path) {
        let entries = match value {
            Value::Null => return Ok(()),
            Value::Object(entries) => entries,
            _ => return Err(not_section(origin, path, value)),
        };
        // Where a session lies and how a screen looks is not the record's to say.
        let left_out = |key: &str| matches!(origin, Origin::Record(_)) && matches!(key, "session" | "tui");
        for (key, value) in entries.iter().filter(|(key, _)| !(path.is_empty() && left_out(key))) {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            collect(origin, &path, value, leaves)?;
        }
        return Ok(());
    }
    let Some(key) = schema::KEYS.get(path) else {
        let (at, nearest) = (origin.place(path), schema::nearest(path));
        return Err(ConfigError::UnknownKey {
            at,
            key: excerpt(path),
            nearest,
        });
    };
    let accepted = match origin {
        Origin::Record(_) => key.was_accepted(value),
        _ => key.accepts(value),
    };
    if !accepted {
        let (at, allowed) = (origin.place(path), key.to_string());
        return Err(ConfigError::NotAllowed {
            at,
            key: path.to_owned(),
            value: shown(value),
            allowed,
        });
    }
    let leaf = Leaf {
        key: path.to_owned(),
        value: located(origin, key.allowed, &key.allowed.canonical(value)),
        origin,
        written: path.to_owned(),
        notice: None,
    };
    leaves.retain(|earlier| earlier.key != leaf.key);
    leaves.push(leaf);
    Ok(())
}

fn not_section(origin: &Origin, path: &str, value: &Value) -> ConfigError {
    let key = if path.is_empty() { "(the whole)" } else { path };
    ConfigError::NotSection {
        at: origin.place(path),
        key: key.to_owned(),
        value: shown(value),
    }
}

/// The value with its path, if it is one, made relative to what the origin's paths are relative to.
fn located(origin: &Origin, allowed: Allowed, value: &Value) -> Value {
    let Some(text) = value.as_str() else {
        return value.clone();
    };
    let in_file =
        |locate: fn(&Path, &str) -> String, path: &Path| locate(path.parent().unwrap_or(Path::new("")), text).into();
    match (allowed, origin) {
        (Allowed::Path, Origin::File { path, .. }) => in_file(locations::from_file, path),
        (Allowed::Model, Origin::File { path, .. }) => in_file(locations::model_from_file, path),
        (Allowed::Path | Allowed::Model, Origin::Set(_)) => locations::from_home(text).into(),
        _ => value.clone(),
    }
}
