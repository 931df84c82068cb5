//! Reads `--device`, and tells shells and `--help` the names that there always are.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

use crate::engine::DeviceChoice;

/// The parser of `--device`.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeviceParser;

impl TypedValueParser for DeviceParser {
    type Value = DeviceChoice;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<DeviceChoice, Error> {
        let text = StringValueParser::new().parse_ref(command, argument, value)?;
        text.parse().map_err(|reason| {
            let text = crate::printable::printable(&text);
            Error::raw(ErrorKind::InvalidValue, format!("--device {text}: {reason}\n")).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(["auto", "cpu", "cuda"].into_iter().map(PossibleValue::new)))
    }
}
