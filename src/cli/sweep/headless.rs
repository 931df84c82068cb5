//! A sweep without a screen: carries out its runs, says on stderr how each begins and ends, and prints the table of them.

use std::process::ExitCode;
use std::time::Duration;

use super::found::Found;
use super::plan::Plan;
use super::run::{End, SweptRun};
use super::schedule::{Runs, carry_out};
use crate::cli::args::SweepArgs;
use crate::cli::cores;
use crate::cli::detach::is_detached;
use crate::cli::failure::Failure;
use crate::cli::say::{LossyLines, say};
use crate::cli::sessions::print_groups;
use crate::cli::signals::forward_signals;
use crate::engine::Signals;
use crate::figures::{duration, percent};
use crate::session::{SessionFolder, summarise_session};

/// How often runs and signals are looked at: a second ctrl-c ends this process, and by then the runs must have been told.
const POLL_INTERVAL: Duration = Duration::from_millis(30);

/// Carries out the plan, of which `found` says how its sessions stand, and prints the table of its runs.
///
/// # Errors
/// The runs that failed, with their reasons.
pub fn carry_out_plan(plan: &Plan, found: &[Found], args: &SweepArgs) -> Result<ExitCode, Failure> {
    let to_do = found.iter().filter(|found| **found != Found::Finished).count();
    let jobs = usize::try_from(args.jobs).unwrap_or(usize::MAX).min(to_do);
    let mut sweep = Headless {
        plan,
        found,
        args,
        threads: cores::share(jobs),
        ends: vec![None; plan.runs.len()],
        stopping: false,
        stderr: LossyLines::default(),
        silent: is_detached(),
    };
    let signals = Signals::default();
    let forwarding = forward_signals(&signals)?;
    sweep.say(&sweep.beginning(jobs));
    carry_out(plan.runs.len(), jobs, &mut sweep, &signals, POLL_INTERVAL);
    drop(forwarding);
    sweep.finish()
}

struct Headless<'a> {
    plan: &'a Plan,
    found: &'a [Found],
    args: &'a SweepArgs,
    /// The most threads of each run.
    threads: Option<usize>,
    ends: Vec<Option<End>>,
    stopping: bool,
    stderr: LossyLines,
    silent: bool,
}

impl Headless<'_> {
    fn say(&mut self, line: &str) {
        if !self.silent {
            self.stderr.say(line);
        }
    }

    fn say_of(&mut self, run: usize, what: &str) {
        let Some(planned) = self.plan.runs.get(run) else { return };
        self.say(&format!(
            "[{}/{}] {} {what}",
            run + 1,
            self.plan.runs.len(),
            planned.name
        ));
    }

    /// `rate: 6 runs: 1 finished, 2 go on, 3 begin; 2 at once, with 4 threads each`
    fn beginning(&self, jobs: usize) -> String {
        let count = |of: Found| self.found.iter().filter(|found| **found == of).count();
        let parts: Vec<String> = [
            (count(Found::Finished), "finished"),
            (count(Found::Live), "at work in another process"),
            (count(Found::Unfinished), "to go on"),
            (count(Found::Missing), "to begin"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        let at_once = match self.threads {
            Some(threads) => format!(
                "; {jobs} at once, with {threads} thread{} each",
                if threads == 1 { "" } else { "s" }
            ),
            None => String::new(),
        };
        format!(
            "{}: {}: {}{at_once}",
            self.plan.name,
            runs(self.found.len()),
            parts.join(", ")
        )
    }

    fn finish(self) -> Result<ExitCode, Failure> {
        let Self {
            plan,
            args,
            ends,
            stopping,
            ..
        } = self;
        let failed: Vec<String> = plan
            .runs
            .iter()
            .zip(&ends)
            .filter_map(|(run, end)| match end {
                Some(End::Failed(reason)) => Some(format!("  {}: {reason}", run.name)),
                _ => None,
            })
            .collect();
        let done = |end: &&Option<End>| matches!(end, Some(End::Finished | End::FinishedBefore));
        let left = ends.len() - ends.iter().filter(done).count() - failed.len();
        if !stopping {
            print_groups(&plan.sessions(), args.json)?;
        }
        let mut said = Vec::new();
        if !failed.is_empty() {
            let count = failed.len();
            said.push(format!(
                "{count} of {} failed:\n{}",
                runs(ends.len()),
                failed.join("\n")
            ));
        }
        if left > 0 {
            said.push(format!(
                "{}: {left} of {} are not finished; the same command goes on with them",
                plan.name,
                runs(ends.len())
            ));
        }
        let said = said.join("\n");
        if !failed.is_empty() {
            return Err(Failure::failed(said));
        }
        if !said.is_empty() {
            say(said);
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Runs for Headless<'_> {
    type Run = SweptRun;

    fn begin(&mut self, run: usize) -> Result<SweptRun, End> {
        let Some(planned) = self.plan.runs.get(run) else {
            return Err(End::Stopped);
        };
        let goes_on = SessionFolder::at(&self.plan.root.join(&planned.name)).is_some();
        let begun = SweptRun::begin(self.plan, planned, self.args, self.threads)?;
        let said = if begun.is_anothers() {
            "is at work in another process; waiting for it"
        } else if goes_on {
            "goes on"
        } else {
            "begins"
        };
        self.say_of(run, said);
        Ok(begun)
    }

    fn ended(&mut self, run: usize, end: End) {
        let said = match &end {
            End::FinishedBefore => "was finished by another process".to_owned(),
            End::Finished => format!("is finished{}", self.reached(run)),
            End::Stopped => "is stopped".to_owned(),
            End::LeftAlone => "goes on in the other process".to_owned(),
            End::Failed(reason) => format!("failed: {}", reason.lines().next().unwrap_or_default()),
        };
        // The first line counts those that were finished when the sweep began.
        if self.found.get(run) != Some(&Found::Finished) {
            self.say_of(run, &said);
        }
        if let Some(place) = self.ends.get_mut(run) {
            *place = Some(end);
        }
    }

    fn stopping(&mut self) {
        self.stopping = true;
        self.say(&format!(
            "{}: the runs at work end with a checkpoint; ctrl-c again does not wait for that",
            self.plan.name
        ));
    }
}

impl Headless<'_> {
    /// `: best 81.3 %, 12m 08s`
    fn reached(&self, run: usize) -> String {
        let folder = self
            .plan
            .runs
            .get(run)
            .map(|planned| self.plan.root.join(&planned.name));
        let Some(folder) = folder.and_then(|path| SessionFolder::at(&path)) else {
            return String::new();
        };
        let session = summarise_session(&folder);
        let best = session.best_accuracy.map(|best| format!("best {}, ", percent(best)));
        format!(": {}{}", best.unwrap_or_default(), duration(session.duration))
    }
}

fn runs(count: usize) -> String {
    format!("{count} run{}", if count == 1 { "" } else { "s" })
}
