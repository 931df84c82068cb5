//! Accepts arguments as the reference's scripts write them: rewrites them before clap reads them.

use std::ffi::OsString;

/// In the name of every long flag `_` becomes `-`, and `--your-datapath` becomes `--data`. What follows a bare `--` and flags
/// that are not UTF-8 stay as they are.
pub(super) fn normalised(argv: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut flags_end = false;
    let normalise = |arg: OsString| {
        flags_end |= arg == "--";
        match arg.to_str() {
            Some(text) if !flags_end && text.starts_with("--") => flag(text).into(),
            _ => arg,
        }
    };
    argv.into_iter().map(normalise).collect()
}

fn flag(text: &str) -> String {
    let (name, value) = text.split_at(text.find('=').unwrap_or(text.len()));
    let name = name.replace('_', "-");
    let name = if name == "--your-datapath" { "--data" } else { &name };
    format!("{name}{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_flags_before_the_double_dash_change() {
        let argv = [
            "my_masp",
            "--save_ckpt=a_b",
            "--your_datapath",
            "d_d",
            "-x_y",
            "--",
            "--load_ckpt",
        ];
        let expected = [
            "my_masp",
            "--save-ckpt=a_b",
            "--data",
            "d_d",
            "-x_y",
            "--",
            "--load_ckpt",
        ];
        assert_eq!(normalised(argv.map(OsString::from)), expected.map(OsString::from));
    }

    #[test]
    fn the_alias_accepts_a_value_after_an_equals_sign() {
        assert_eq!(flag("--your_datapath=/a_b=c"), "--data=/a_b=c");
    }
}
