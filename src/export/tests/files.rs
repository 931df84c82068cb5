use super::*;
use crate::session::read_results;

#[test]
fn each_kind_is_a_file_of_its_kind() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    for (what, name) in [
        (What::Curves, "a.svg"),
        (What::Maps, "b.png"),
        (What::Maps, "b.pdf"),
        (What::Report, "c.html"),
        (What::Predictions, "d.jsonl"),
        (What::Table, "e.md"),
        (What::Table, "e.tex"),
    ] {
        newest(&source, what, &root.path().join(name)).unwrap();
    }
    let read = |name: &str| std::fs::read(root.path().join(name)).unwrap();
    let svg = String::from_utf8(read("a.svg")).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.contains("stage prompt"),
        "{}",
        &svg[..200]
    );
    let sheet = image::load_from_memory(&read("b.png")).unwrap();
    assert_eq!(sheet.width(), 2055, "174 mm");
    assert!(read("b.pdf").starts_with(b"%PDF-"));
    let page = String::from_utf8(read("c.html")).unwrap();
    assert!(page.contains("data:image/jpeg;base64,") && page.contains("contentment") && !page.contains("src=\"http"));
    assert_eq!(read_results(&root.path().join("d.jsonl")).unwrap().len(), 40);
    let table = String::from_utf8(read("e.md")).unwrap();
    assert!(table.starts_with("run: prompt@600, 40 images of val, "), "{table}");
    assert!(
        table.contains("| figure | value | 95 % interval |\n| --- | ---: | ---: |\n| accuracy | "),
        "{table}"
    );
    assert!(
        table.contains("| fear | ") && table.contains("| Brier score | 0."),
        "{table}"
    );
    let table = String::from_utf8(read("e.tex")).unwrap();
    assert!(
        table.starts_with("% run: ") && table.contains("\\begin{tabular}{lrr}\n\\toprule"),
        "{table}"
    );
    assert!(
        table.contains("] \\% \\\\\n") && table.contains("\\begin{tabular}{lrrrrr}"),
        "{table}"
    );
}

/// What a kind of export would ignore is refused.
#[test]
fn flags_of_another_kind_are_errors() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let wide = || Asked {
        style: FigureStyle {
            width_mm: Some(60.0),
            ..FigureStyle::default()
        },
        ..Asked::default()
    };
    let metric = || Asked {
        metric: Some(CurveMetric::Accuracy),
        ..Asked::default()
    };
    let other = || Asked {
        with: vec![Source::read(&SessionFolder::at(&source.folder).unwrap()).unwrap()],
        ..Asked::default()
    };
    for (what, asked, name, word) in [
        (What::Metrics, wide(), "a.csv", "width"),
        (What::Confusion, metric(), "a.svg", "--metric"),
        (What::Maps, other(), "a.png", "--with"),
        (What::Maps, selected(None, Some("x")), "a.png", "--evaluation"),
    ] {
        let said = export(&source, what, &asked, &root.path().join(name)).unwrap_err();
        assert!(
            matches!(said, ExportError::Selected(_)) && said.to_string().contains(word),
            "{said}"
        );
        assert!(!root.path().join(name).exists());
    }
}

#[test]
fn wrong_extensions_and_empty_sessions_are_errors() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    let error = export(&source, What::Curves, &Asked::default(), &root.path().join("x.csv")).unwrap_err();
    assert!(error.to_string().contains("use .svg"), "{error}");
    assert!(!root.path().join("x.csv").exists());
    let own = source.folder.join("journal.jsonl");
    let before = std::fs::read(&own).unwrap();
    assert!(matches!(
        export(&source, What::Metrics, &Asked::default(), &own),
        Err(ExportError::Own(_))
    ));
    assert_eq!(std::fs::read(&own).unwrap(), before);
    source.state = RunState::default();
    for (what, name) in [
        (What::Curves, "a.svg"),
        (What::Maps, "b.png"),
        (What::Report, "c.html"),
        (What::TensorBoard, "runs"),
    ] {
        assert!(export(&source, what, &Asked::default(), &root.path().join(name)).is_err());
    }
    source.folder = root.path().join("none");
    assert!(
        export(
            &source,
            What::Predictions,
            &Asked::default(),
            &root.path().join("d.csv")
        )
        .is_err()
    );
}

#[test]
fn a_step_that_has_no_effect_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    for (what, name) in [
        (What::Metrics, "a.csv"),
        (What::Curves, "a.svg"),
        (What::TensorBoard, "runs"),
    ] {
        let error = export(&source, what, &selected(Some(300), None), &root.path().join(name)).unwrap_err();
        assert!(matches!(error, ExportError::Selected(_)), "{error}");
    }
    let early = report::report_html(&source, Some(300)).unwrap();
    assert!(early.contains("<h2>Step 300, 256 images of val, ") && !early.contains("Step 600"));
    assert!(
        report::report_html(&source, Some(900))
            .unwrap_err()
            .to_string()
            .contains("no step 900")
    );
    let style = FigureStyle::default();
    let svg = figures::inline(&titled::curves(&source, &[], &CurveMetric::Loss, style).unwrap());
    assert!(
        svg.contains("prompt to step 600; validation on 256 images of val, "),
        "{}",
        &svg[..400]
    );
    let (last, early) = (
        maps::maps(&source, None, style).unwrap(),
        maps::maps(&source, Some(300), style).unwrap(),
    );
    assert_ne!(last, early);
    assert!(
        maps::maps(&source, Some(7), style)
            .unwrap_err()
            .to_string()
            .contains("of the steps: ")
    );
}

#[test]
fn only_regular_files_are_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let here = |name: &str| root.path().join(name);
    std::fs::write(here("real.csv"), "old\n").unwrap();
    std::os::unix::fs::symlink("real.csv", here("link.csv")).unwrap();
    let pipe = here("pipe");
    crate::hostile::make_pipe(&pipe);
    let write = |to: &Path| export(&source, What::Metrics, &Asked::default(), to);
    assert!(
        write(&here("link.csv"))
            .unwrap_err()
            .to_string()
            .contains("it is a link to")
    );
    assert_eq!(std::fs::read(here("real.csv")).unwrap(), b"old\n");
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap())
    };
    write(&pipe).unwrap();
    assert_eq!(reader.join().unwrap(), metrics_table::metrics_csv(&source));
    assert!(std::fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    write(Path::new("/dev/null")).unwrap();
    assert!(
        std::fs::symlink_metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
}
