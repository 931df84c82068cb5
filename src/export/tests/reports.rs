use super::*;
use crate::session::{Evaluated, EvaluationNote, keep_evaluation};

#[test]
fn a_class_without_images_has_a_dash() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    let history = source.state.stages.get_mut(&Stage::Prompt).unwrap();
    let metrics = &mut history.evaluations.last_mut().unwrap().metrics;
    let fear = metrics.per_class.get_mut("fear").unwrap();
    (fear.support, fear.recall) = (0, 0.0);
    metrics.ece = 0.0189;
    let page = report::report_html(&source, None).unwrap();
    assert!(page.contains("<tr><td>fear<td>–<td>"), "{page}");
    assert!(page.contains("<td>ECE<td>0.019<"), "{page}");
    let events = event_file::tests::read_back(&tensorboard::events(&source).unwrap());
    let recalls = events.iter().flat_map(|(_, _, scalars)| scalars);
    let of_fear = recalls.filter(|(tag, _)| tag == "prompt/val/recall/fear").count();
    assert_eq!(of_fear, source.state.stages[&Stage::Prompt].evaluations.len() - 1);
}

#[test]
fn names_from_files_are_escaped_on_the_page() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    source.state.session.as_mut().unwrap().model = "<script>alert(1)</script>".into();
    let page = report::report_html(&source, None).unwrap();
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"));
}

/// The page holds what a reader without the program needs, and says in words what its pictures show.
#[test]
fn the_page_holds_the_test_its_drawings_and_the_panel() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let folder = SessionFolder::at(&source.folder).unwrap();
    let mut rows = evaluated::results(40);
    rows[0].gold = "fear".to_owned();
    let keep = |evaluated, accuracy, time| {
        let note = EvaluationNote {
            evaluated,
            data: "/drawn".to_owned(),
            own_data: true,
        };
        let metrics = crate::session::Metrics {
            split: "test".to_owned(),
            samples: 40,
            accuracy,
            ..Default::default()
        };
        keep_evaluation(&folder, &note, &metrics, &rows, time).unwrap();
    };
    let (stage, step) = (Stage::Prompt, 600);
    keep(Evaluated::Checkpoint { stage, step }, 0.5, 1e9);
    keep(Evaluated::Frozen, 0.123, 1.1e9);
    let page = report::report_html(&source, None).unwrap();
    for part in [
        "<meta name=\"viewport\" content=\"width=device-width",
        "@media(max-width:600px)",
        "<h2>Step 600, 256 images of val, ",
        "<h2>Step 600, 40 images of test, /drawn</h2>",
        "<th scope=\"col\">95 % interval<th scope=\"col\">frozen model",
        "<td>12.3 %",
        "aria-label=\"run: confusion matrix, prompt@600, 40 images of test, /drawn\"",
        "aria-label=\"run: reliability, ",
        "aria-label=\"run: recall of each class, ",
        "<figcaption>Which class (row)",
        "<p>Gold: <b>amusement</b>. prompt@600 says: ",
        "<p>Rationale: The person smiles",
        "alt=\"where the aspect facial expression looks\"",
        "<figcaption>object: balloon, dog, tree</figcaption>",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.matches("<img ").count() == page.matches("<img alt=\"").count());
    let addresses = page.matches("http").count();
    assert_eq!(
        addresses,
        page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count(),
        "it needs no other file"
    );
}

/// Everything that a session's files say is text on the page, never markup.
#[test]
fn files_put_no_markup_on_the_page() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    let evil = "\"><script>alert(1)</script>";
    let look = source.state.panel.get_mut(&0).unwrap().last_mut().unwrap();
    (look.gold, look.image) = (evil.to_owned(), evil.to_owned());
    let file = source.folder.join(&look.file);
    let mut said: crate::session::Prediction = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    (said.prediction, said.rationale, said.generated) = (evil.to_owned(), evil.to_owned(), evil.to_owned());
    said.aspects.values_mut().for_each(|seen| seen.text = evil.to_owned());
    std::fs::write(&file, serde_json::to_vec(&said).unwrap()).unwrap();
    let history = source.state.stages.get_mut(&Stage::Prompt).unwrap();
    let metrics = &mut history.evaluations.last_mut().unwrap().metrics;
    let class = metrics.per_class["fear"];
    metrics.per_class.insert(evil.to_owned(), class);
    (metrics.split, metrics.data) = (evil.to_owned(), Some(evil.to_owned()));
    let page = report::report_html(&source, None).unwrap();
    assert!(!page.contains("<script") && page.matches("&lt;script&gt;").count() > 10);
}
