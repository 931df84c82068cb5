//! Properties for hostile sessions: an export gives a file or an error message.

use proptest::prelude::*;

use super::answers::Answers;
use super::times::Times;
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
            answers: Answers::default(),
        };
        for document in documents {
            if let Ok(record) = serde_json::from_value::<Record>(document) {
                source.take(&record);
            }
        }
        prop_assert!(!metrics_table::metrics_csv(&source).is_empty());
        let lines = metrics_table::metrics_jsonl(&source);
        prop_assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
        let style = FigureStyle::default();
        let of = |metric| titled::curves(&source, &[], &metric, style).map(|drawing| figures::inline(&drawing));
        for svg in [CurveMetric::Loss, CurveMetric::GradNorm, CurveMetric::Recall("awe".to_owned())].map(of).into_iter().flatten() {
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
        let drawn = [
            of(CurveMetric::Accuracy).map(drop),
            maps::maps(&source, None, style).map(drop),
            report::report_html(&source, None).map(drop),
            attention::attention_npz(&source, None).map(drop),
            tensorboard::events(&source).map(drop),
        ];
        for error in drawn.into_iter().filter_map(Result::err) {
            prop_assert!(is_sentence(&error.to_string()), "{:?}", error.to_string());
        }
    }
}
