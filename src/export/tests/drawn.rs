use super::*;

#[test]
fn evaluations_of_other_images_are_separate_points() {
    let root = tempfile::tempdir().unwrap();
    let mut source = source(root.path());
    let history = source.state.stages.get_mut(&Stage::Prompt).unwrap();
    let mut whole = history.evaluations.last().unwrap().clone();
    whole.metrics.samples += 304;
    let (images, usual) = (whole.metrics.samples, history.evaluations.len());
    history.evaluate(whole);
    let drawing = titled::curves(&source, &[], &CurveMetric::Loss, FigureStyle::default()).unwrap();
    let svg = figures::inline(&drawing);
    let (all, filled) = (svg.matches("<circle").count(), svg.matches("fill=\"#d55e00\"").count());
    // One mark, and its key in the legend.
    assert_eq!(all - filled, 2, "{svg}");
    assert!(svg.contains("other images") && svg.contains("stage prompt"));
    let events = event_file::tests::read_back(&tensorboard::events(&source).unwrap());
    let count = |tag: &str| {
        let scalars = events.iter().flat_map(|(_, _, scalars)| scalars);
        scalars.filter(|(name, _)| name == tag).count()
    };
    assert_eq!(count("prompt/val/accuracy"), usual);
    assert_eq!(count(&format!("prompt/val-{images}/accuracy")), 1);
}

#[test]
fn pictures_keep_their_proportion() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let look = source.state.panel.values().next().unwrap().last().unwrap();
    let red = image::RgbImage::from_pixel(80, 40, image::Rgb([200, 0, 0]));
    red.save(source.folder.join(&look.thumbnail)).unwrap();
    let said = source.prediction(look).unwrap();
    let row = maps::panel_row(&source, look, &said, maps::TILE).unwrap();
    assert_eq!(row.picture.dimensions(), (240, 120));
    let map = row.maps[0].as_ref().unwrap();
    assert_eq!((map.0.dimensions(), map.1.as_str()), ((240, 120), "happy"));
    let drawing = maps::maps(&source, None, FigureStyle::default()).unwrap();
    let svg = figures::inline(&drawing);
    let number = |key: &str, part: &str| -> f64 {
        part.split(key)
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    let pictures: Vec<&str> = svg.split("<image ").skip(1).collect();
    // Two images with six maps each, and the colour bar.
    assert_eq!(pictures.len(), 2 * 7 + 1);
    for part in &pictures[..7] {
        let (width, height) = (number(" width=\"", part), number("height=\"", part));
        assert!(
            (width / height - 2.0).abs() < 0.01,
            "twice as wide as high: {width} {height}"
        );
    }
    for word in [
        "facial expression",
        "colorfulness",
        ">gold amusement<",
        ">says ",
        "balloon, dog, tree",
        "greatest of each map",
    ] {
        assert!(svg.contains(word), "{word}");
    }
}

/// The figures of an evaluation, and curves of several runs, in each format and of the asked size.
#[test]
fn figures_are_written_in_each_format() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let asked = |with| Asked {
        style: FigureStyle {
            width_mm: Some(60.0),
            height_mm: Some(50.0),
            font_pt: Some(7.0),
        },
        with,
        ..Asked::default()
    };
    let write = |what, asked: &Asked, name: &str| {
        let to = root.path().join(name);
        export(&source, what, asked, &to).unwrap();
        std::fs::read(to).unwrap()
    };
    for (what, word) in [
        (What::Curves, "loss (nats)"),
        (What::Confusion, "share of the row (%)"),
        (What::Reliability, ">ECE 0."),
        (What::Classes, ">fear ("),
    ] {
        let svg = String::from_utf8(write(what, &asked(Vec::new()), "a.svg")).unwrap();
        assert!(
            svg.contains("width=\"60mm\" height=\"50mm\"") && svg.contains("font-size=\"7\""),
            "{what:?}"
        );
        assert!(svg.contains(word), "{what:?}: {svg}");
        assert!(write(what, &asked(Vec::new()), "a.pdf").starts_with(b"%PDF-"));
        let png = image::load_from_memory(&write(what, &asked(Vec::new()), "a.png")).unwrap();
        assert_eq!((png.width(), png.height()), (709, 591));
    }
    let other = |name| Source::read(&evaluated::session(root.path(), name, 10, true)).unwrap();
    let both = Asked {
        metric: Some("accuracy".parse().unwrap()),
        ..asked(vec![other("other1"), other("other2")])
    };
    let svg = String::from_utf8(write(What::Curves, &both, "b.svg")).unwrap();
    assert!(
        svg.contains(">run</text>") && svg.contains(">other1</text>") && svg.contains("accuracy (%)"),
        "{svg}"
    );
}

#[test]
fn a_figure_that_no_run_has_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let of = |metric: &str| titled::curves(&source, &[], &metric.parse().unwrap(), FigureStyle::default());
    for metric in [
        "lr",
        "grad-norm",
        "samples/s",
        "cache-hits",
        "macro-f1",
        "ece",
        "recall:fear",
        "aspect:scene",
    ] {
        assert!(of(metric).is_ok(), "{metric}");
    }
    let said = of("recall:none").unwrap_err().to_string();
    assert!(said.contains("recall of none"), "{said}");
}

#[test]
fn arrays_are_read_back() {
    let root = tempfile::tempdir().unwrap();
    let source = source(root.path());
    let to = root.path().join("a.npz");
    newest(&source, What::Attention, &to).unwrap();
    let arrays = candle_core::npy::NpzTensors::new(&to).unwrap();
    assert_eq!(arrays.names().len(), 2 * 6 + 1);
    let map = arrays.get("image0/scene").unwrap().unwrap();
    assert_eq!(map.dims(), [5, 8, 8]);
    let look = source.state.panel[&0].last().unwrap();
    let seen = &source.prediction(look).unwrap().aspects[&crate::data::View::Scene];
    assert_eq!(
        map.flatten_all().unwrap().to_vec1::<f32>().unwrap(),
        seen.attention.concat()
    );
    let about = arrays.get("about").unwrap().unwrap().to_vec1::<u8>().unwrap();
    let about: serde_json::Value = serde_json::from_slice(&about).unwrap();
    assert_eq!(
        (&about["session"], &about["images"][0]["image"]),
        (&"run".into(), &look.image.as_str().into())
    );
    assert_eq!(about["images"].as_array().map(Vec::len), Some(2));
}
