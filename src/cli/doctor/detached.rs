//! Checks what would end a detached run, and whether viewers can control it.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

use super::finding::Finding;
use crate::figures;
use crate::operating_system::MAY_HAVE_LOGIND;
use crate::session::socket;

const SUBJECT: &str = "detached";
/// Where systemd-logind is configured: the file, then the drop-ins. A later value overrides an earlier one.
const LOGIND: [&str; 4] = [
    "usr/lib/systemd/logind.conf.d",
    "etc/systemd/logind.conf",
    "run/systemd/logind.conf.d",
    "etc/systemd/logind.conf.d",
];
/// The environment variables in which batch systems name the job.
const JOBS: [(&str, &str); 3] = [
    ("SLURM_JOB_ID", "Slurm (ask for `--signal=TERM@120`)"),
    ("PBS_JOBID", "PBS"),
    ("LSB_JOBID", "LSF"),
];

/// The findings for this machine and this shell.
pub(super) fn findings() -> Vec<Finding> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut findings = vec![logout(MAY_HAVE_LOGIND.then_some(Path::new("/")), variable)];
    findings.extend(job(variable));
    findings.extend(limits());
    findings.extend(memory_limit(Path::new("/")));
    findings.push(match socket::usable_folder() {
        Ok(folder) => Finding::ok("socket", format!("{}, for `masp attach`", folder.display())),
        Err(error) => Finding::note("socket", format!("`masp attach` will be read-only: {error}")),
    });
    findings
}

/// Whether a logout ends what the user has left running, by logind's settings below `root`; `None`: this system has no logind.
fn logout(root: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> Finding {
    let Some(root) = root else {
        return Finding::note(
            SUBJECT,
            "whether a logout ends your processes is unknown: only systemd-logind's settings are read",
        );
    };
    if !root.join("run/systemd/system").is_dir() {
        return Finding::ok(
            SUBJECT,
            "a logout does not end your processes: systemd-logind is not running",
        );
    }
    let kills = setting(root, "KillUserProcesses").is_some_and(|value| is_yes(&value));
    let user = variable("USER").unwrap_or_default();
    let spared = setting(root, "KillExcludeUsers").unwrap_or_else(|| "root".to_owned());
    if kills && !spared.split_whitespace().any(|name| name == user) {
        return Finding::problem(
            SUBJECT,
            "a logout ends all of your processes (logind's KillUserProcesses=yes); run `loginctl enable-linger` once, then \
             start runs with `systemd-run --user --scope masp train --detach ...`",
        );
    }
    Finding::ok(SUBJECT, "a logout does not end your processes")
}

/// The effective value of a key of logind's settings.
fn setting(root: &Path, key: &str) -> Option<String> {
    let mut files: Vec<PathBuf> = Vec::new();
    for place in LOGIND.map(|place| root.join(place)) {
        let entries = fs::read_dir(&place).into_iter().flatten().flatten();
        let mut inside: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|e| e == "conf"))
            .collect();
        inside.sort();
        files.extend(inside);
        files.push(place);
    }
    let mut values = files.iter().rev().filter_map(|file| {
        let text = fs::read_to_string(file).ok()?;
        let pairs = text.lines().filter_map(|line| line.trim().split_once('='));
        let mut of_key = pairs.filter(|(name, _)| name.trim() == key);
        of_key.next_back().map(|(_, value)| value.trim().to_owned())
    });
    values.next()
}

fn is_yes(value: &str) -> bool {
    ["yes", "true", "on", "1"].contains(&value.to_lowercase().as_str())
}

fn job(variable: impl Fn(&str) -> Option<String>) -> Option<Finding> {
    let (name, system) = JOBS.into_iter().find(|(name, _)| variable(name).is_some())?;
    Some(Finding::note(
        SUBJECT,
        format!(
            "this shell is a job of {system} ({name} is set): a run ends with the job, and `masp train --resume` continues it \
             from the last checkpoint"
        ),
    ))
}

fn limits() -> Vec<Finding> {
    let limit = |resource| getrlimit(resource).current;
    let mut findings = Vec::new();
    if let Some(seconds) = limit(Resource::Cpu) {
        findings.push(Finding::problem(
            SUBJECT,
            format!(
                "the system ends a process after {seconds} s of CPU time (`ulimit -t`); remove the limit with `ulimit -t \
                 unlimited`"
            ),
        ));
    }
    if let Some(bytes) = limit(Resource::Fsize) {
        findings.push(Finding::problem(
            SUBJECT,
            format!(
                "no file may be larger than {} (`ulimit -f`); remove the limit with `ulimit -f unlimited`",
                figures::memory(bytes)
            ),
        ));
    }
    findings
}

/// The memory that this process's control group may use, where that is limited.
fn memory_limit(root: &Path) -> Option<Finding> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let group = group.trim_start_matches('/');
    let limit = Path::new(group)
        .ancestors()
        .filter_map(|group| {
            let file = root.join("sys/fs/cgroup").join(group).join("memory.max");
            fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()
        })
        .min()?;
    Some(Finding::note(
        SUBJECT,
        format!(
            "the system ends a process that uses more than {} of memory (memory.max of its control group)",
            figures::memory(limit)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("run/systemd/system")).unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_logout_that_kills_processes_is_a_problem_and_the_last_drop_in_wins() {
        let user = |name: &str| (name == "USER").then(|| "ada".to_owned());
        let level = |files: &[(&str, &str)]| logout(Some(machine(files).path()), user).level;
        assert_eq!(level(&[]), Level::Ok);
        let main = "etc/systemd/logind.conf";
        let drop_in = "etc/systemd/logind.conf.d/10-kill.conf";
        assert_eq!(level(&[(main, "[Login]\n#KillUserProcesses=yes\n")]), Level::Ok);
        assert_eq!(level(&[(main, "[Login]\nKillUserProcesses=yes\n")]), Level::Problem);
        let both = [(main, "KillUserProcesses=yes\n"), (drop_in, "KillUserProcesses = no\n")];
        assert_eq!(level(&both), Level::Ok);
        let spared = [(main, "KillUserProcesses=yes\nKillExcludeUsers=root ada\n")];
        assert_eq!(level(&spared), Level::Ok);
    }

    #[test]
    fn a_system_without_logind_is_not_called_safe() {
        let finding = logout(None, |_| None);
        assert!(
            finding.level == Level::Note && finding.text.contains("unknown"),
            "{}",
            finding.text
        );
    }

    #[test]
    fn the_lowest_memory_limit_of_the_control_groups_counts() {
        let group = ("proc/self/cgroup", "0::/user.slice/a.scope\n");
        let outer = ("sys/fs/cgroup/user.slice/memory.max", "1073741824\n");
        let inner = ("sys/fs/cgroup/user.slice/a.scope/memory.max", "max\n");
        assert_eq!(memory_limit(machine(&[group, inner]).path()), None);
        let found = memory_limit(machine(&[group, outer, inner]).path()).unwrap();
        assert!(found.text.contains("1.0 GiB"), "{}", found.text);
    }

    #[test]
    fn a_job_of_a_batch_system_is_noted() {
        let slurm = job(|name| (name == "SLURM_JOB_ID").then(|| "7".to_owned())).unwrap();
        assert!(slurm.text.contains("Slurm") && job(|_| None).is_none());
    }
}
