//! `masp doctor`: checks the machine, the terminal and the folders, and says what to do about problems.

mod cards;
mod detached;
mod finding;
mod machine;
mod places;
mod selftest;
mod terminal;

use std::io::{self, Write};
use std::process::ExitCode;

use super::args::DoctorArgs;
use super::failure::Failure;
use crate::engine::device::target;
use crate::operating_system::machine_memory;
use crate::printable::printable;
use finding::{Finding, Level};

/// Prints the findings as they come. The exit status is 1 if there is a problem.
///
/// # Errors
/// A closed output.
pub fn run(args: &DoctorArgs) -> Result<ExitCode, Failure> {
    let mut report = Report {
        out: io::stdout().lock(),
        problems: 0,
    };
    report.say([program(), machine::cpu(), machine::memory(machine_memory())])?;
    report.say(cards::findings(args.model.device))?;
    report.say(terminal::findings())?;
    report.say(places::findings(args.sources()))?;
    report.say(detached::findings())?;
    if args.selftest {
        report.say(selftest::findings(&args.model))?;
    }
    Ok(if report.problems == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Report<W> {
    out: W,
    problems: usize,
}

impl<W: Write> Report<W> {
    fn say(&mut self, findings: impl IntoIterator<Item = Finding>) -> io::Result<()> {
        for Finding { level, subject, text } in findings {
            let level = match level {
                Level::Ok => "ok",
                Level::Note => "note",
                Level::Problem => {
                    self.problems += 1;
                    "problem"
                }
            };
            let text: Vec<_> = text.lines().map(printable).collect();
            writeln!(self.out, "{level:<8} {subject:<9} {}", text.join(" "))?;
        }
        self.out.flush()
    }
}

fn program() -> Finding {
    let cuda = match (candle_core::utils::cuda_is_available(), target::compiled()) {
        (false, _) => "built for the CPU only".to_owned(),
        (true, None) => "built with CUDA".to_owned(),
        (true, Some(target)) => format!("built with CUDA for compute capability {target}"),
    };
    Finding::ok("program", format!("masp {}, {cuda}", env!("CARGO_PKG_VERSION")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_line_and_problems_are_counted() -> io::Result<()> {
        let mut report = Report {
            out: Vec::new(),
            problems: 0,
        };
        report.say([
            Finding::ok("cpu", "2"),
            Finding::note("data", "none"),
            Finding::problem("model", "a\u{1b}\nb"),
        ])?;
        assert_eq!(report.problems, 1);
        assert_eq!(
            String::from_utf8_lossy(&report.out),
            "ok       cpu       2\nnote     data      none\nproblem  model     a\u{fffd} b\n"
        );
        Ok(())
    }
}
