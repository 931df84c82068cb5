//! `masp man [DIR]`: the manual pages, made from the same definition as `--help`.

use std::fs;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::{Cli, ManArgs};
use super::failure::Failure;
use crate::atomic_file::write_bytes_atomically;
use crate::printable::printable_path;

/// Runs the command.
///
/// # Errors
/// Where standard output, the folder or a page cannot be written.
pub fn run(args: &ManArgs) -> Result<ExitCode, Failure> {
    let mut command = Cli::command();
    command.build();
    match &args.folder {
        None => stdout().write_all(&page(&command, "masp")?)?,
        Some(folder) => {
            let failed = |error| Failure::failed(format!("cannot write {}: {error}", printable_path(folder)));
            fs::create_dir_all(folder).map_err(failed)?;
            write_pages(folder, &command, "masp").map_err(failed)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The pages of a command and of those below it: `masp.1`, `masp-sessions.1`, `masp-sessions-export.1`.
fn write_pages(folder: &Path, command: &Command, name: &str) -> std::io::Result<()> {
    write_bytes_atomically(&folder.join(format!("{name}.1")), &page(command, name)?)?;
    let below = command.get_subcommands().filter(|below| below.get_name() != "help");
    below
        .into_iter()
        .try_for_each(|below| write_pages(folder, below, &format!("{name}-{}", below.get_name())))
}

fn page(command: &Command, name: &str) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone().display_name(name.to_owned())).render(&mut page)?;
    Ok(page)
}
