//! Lines on standard error for a person.

use std::fmt::Display;
use std::io::{self, Write};

/// Says a line. That nobody can hear it (the terminal closed, the pipe is gone) is no reason to end: `eprintln` panics then.
pub fn say(words: impl Display) {
    drop(writeln!(io::stderr(), "{words}"));
}
