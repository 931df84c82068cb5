//! `journal.jsonl`: its readers, the state that is folded from it, the list of sessions.

#![no_main]

use libfuzzer_sys::fuzz_target;
use masp::session::{RunState, SessionFolder, kept_evaluations, read_journal, summarise_session};
use masp_fuzz::{on_file, sentence};

fuzz_target!(|bytes: &[u8]| {
    on_file("journal.jsonl", bytes, |path| {
        let mut state = RunState::default();
        match read_journal(path) {
            Err(error) => sentence(&error),
            Ok(records) => records.iter().for_each(|record| state.apply(record)),
        }
        let _ = (state.eta(), state.throughput(), state.status());
        let folder = path.parent().and_then(SessionFolder::at).expect("a session");
        assert!(
            kept_evaluations(folder.path(), &state)
                .iter()
                .all(|kept| kept.path.starts_with(folder.path()))
        );
        let _ = summarise_session(&folder).progress();
    });
});
