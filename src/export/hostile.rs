//! Properties for hostile sessions: an export gives a file or an error message.

use proptest::prelude::*;

use super::tensorboard::Times;
use super::*;
use crate::{
    hostile::{Wild, config, is_sentence, wild},
    session::{Record, RunState, hostile::records},
};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_session_with_arbitrary_values_is_exported_or_refused(Wild(documents) in wild(records())) {
        let folder = tempfile::tempdir()?;
        let mut source = Source {
            name: "wild".to_owned(),
            folder: folder.path().to_owned(),
            state: RunState::default(),
            times: Times::default(),
        };
        for document in documents {
            if let Ok(record) = serde_json::from_value::<Record>(document) {
                source.state.apply(&record);
            }
        }
        prop_assert!(!metrics_csv(&source.state).is_empty());
        prop_assert!(metrics_jsonl(&source.state).lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
        let drawn = [
            curves_svg(&source.state).map(drop),
            maps_png(&source, None).map(drop),
            report_html(&source, None).map(drop),
        ];
        for error in drawn.into_iter().filter_map(Result::err) {
            prop_assert!(is_sentence(&error.to_string()), "{:?}", error.to_string());
        }
    }
}
