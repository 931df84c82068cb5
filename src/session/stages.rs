//! Which stages a session trains.

use std::path::Path;

use super::{
    event::{Event, Stage},
    journal::{JournalError, each_record},
};

/// The stages that a session was last asked to train, in order; empty where its journal does not say.
///
/// # Errors
/// Where the journal cannot be read.
pub fn trained_stages(journal: &Path) -> Result<Vec<Stage>, JournalError> {
    let mut stages: Vec<Stage> = Vec::new();
    let of = |plan: &[(Stage, u64)]| -> Vec<Stage> { plan.iter().map(|(stage, _)| *stage).collect() };
    each_record(journal, |record| match record.event {
        Event::Session(start) => stages = of(&start.plan),
        // A resume's plan covers its own stage and later ones; earlier stages are done.
        Event::Resumed(resumed) if !resumed.plan.is_empty() => {
            stages.retain(|stage| *stage < resumed.stage);
            stages.extend(of(&resumed.plan).into_iter().filter(|stage| *stage >= resumed.stage));
        }
        // An older version went on with another stage without recording it.
        Event::Step(step) if !stages.contains(&step.stage) => stages.push(step.stage),
        _ => {}
    })?;
    stages.sort_unstable();
    Ok(stages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{FORMAT, JournalWriter, Resumed, journal::tests::start};

    #[test]
    fn the_newest_plan_counts_and_older_journals_are_read_by_their_steps() {
        use Stage::{Aspects, Prompt};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut journal = JournalWriter::open(&path).unwrap();
        let mut begun = start(FORMAT);
        if let Event::Session(start) = &mut begun {
            start.plan = vec![(Aspects, 4)];
        }
        journal.append(begun).unwrap();
        assert_eq!(trained_stages(&path).unwrap(), [Aspects]);
        let step = crate::made_up::step(Prompt, 1, 1.0);
        journal.append(Event::Step(step)).unwrap();
        assert_eq!(trained_stages(&path).unwrap(), [Aspects, Prompt]);
        let resumed = |stage, plan| {
            Event::Resumed(Resumed {
                stage,
                from_step: 1,
                plan,
            })
        };
        journal.append(resumed(Prompt, Vec::new())).unwrap();
        assert_eq!(trained_stages(&path).unwrap(), [Aspects, Prompt]);
        journal.append(resumed(Prompt, vec![(Prompt, 9)])).unwrap();
        assert_eq!(trained_stages(&path).unwrap(), [Aspects, Prompt]);
        journal.append(resumed(Aspects, vec![(Aspects, 9)])).unwrap();
        assert_eq!(trained_stages(&path).unwrap(), [Aspects]);
    }
}
