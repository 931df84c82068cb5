use super::drawing::{Anchor, BLACK, Dash, Stroke};
use super::style::mm_to_points;
use super::*;
use crate::metrics::Bin;
use crate::session::{ClassMetrics, Confusion, Metrics};

/// A page with one item of each kind.
fn page() -> Drawing {
    let mut drawing = Drawing::new(mm_to_points(85.0), mm_to_points(40.0), "a <b> & \u{1b}c".to_owned());
    let stroke = Stroke::new(BLACK, 1.0).dashed(Dash::Dashed);
    drawing.line(vec![(10.0, 10.0), (100.0, 50.0)], stroke);
    drawing.rectangle((120.0, 10.0), (20.0, 20.0), [255, 0, 0]);
    drawing.circle((60.0, 80.0), 5.0, [0, 255, 0], stroke);
    drawing.text((10.0, 100.0), "Größe 1·10⁻⁴ ≤ α <i> 猫", 8.0, Anchor::Start);
    drawing.turned((200.0, 60.0), "turned", 8.0, Anchor::Middle, 90.0);
    let pixels = image::RgbImage::from_pixel(3, 2, image::Rgb([0, 0, 255]));
    drawing.picture((150.0, 10.0), (30.0, 20.0), pixels);
    drawing
}

#[test]
fn an_svg_has_its_size_and_its_text() {
    let svg = String::from_utf8(encoded(&page(), "svg").unwrap()).unwrap();
    assert!(svg.starts_with("<svg xmlns") && svg.trim_end().ends_with("</svg>"));
    assert!(
        svg.contains("width=\"85mm\" height=\"40mm\" viewBox=\"0 0 240.94 113.39\""),
        "{svg}"
    );
    assert!(svg.contains("<title>a &lt;b&gt; &amp; \u{fffd}c</title>"), "{svg}");
    assert!(svg.contains("Größe 1·10⁻⁴ ≤ α &lt;i&gt; 猫</text>") && svg.contains("rotate(-90 200 60)"));
    assert!(svg.contains("stroke-dasharray=\"3 1.8\"") && svg.contains("href=\"data:image/png;base64,"));
}

#[test]
fn a_pdf_has_its_size_and_an_embedded_font() {
    let pdf = encoded(&page(), "pdf").unwrap();
    assert!(pdf.starts_with(b"%PDF-") && pdf.ends_with(b"%%EOF"));
    let text = String::from_utf8_lossy(&pdf);
    let find = |part: &str| text.contains(part);
    let media_box = text.split("/MediaBox [").nth(1).unwrap().split(']').next().unwrap();
    let sides: Vec<f64> = media_box.split(' ').map(|side| side.parse().unwrap()).collect();
    assert!(
        (sides[2] - mm_to_points(85.0)).abs() < 0.01 && (sides[3] - mm_to_points(40.0)).abs() < 0.01,
        "{media_box}"
    );
    for part in [
        "/FontFile2",
        "/ToUnicode",
        "/Identity-H",
        "/Subtype /Image",
        "/FlateDecode",
        "/Title",
    ] {
        assert!(find(part), "{part}");
    }
}

#[test]
fn a_png_has_its_size_its_resolution_and_its_colors() {
    let png = encoded(&page(), "png").unwrap();
    let reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
    let resolution = reader.info().pixel_dims.unwrap();
    assert_eq!((resolution.xppu, resolution.yppu), (11811, 11811));
    let title = &reader.info().utf8_text[0];
    assert_eq!(
        (title.keyword.as_str(), title.get_text().unwrap().as_str()),
        ("Title", "a <b> & \u{fffd}c")
    );
    let picture = image::load_from_memory(&png).unwrap().into_rgb8();
    assert_eq!(picture.dimensions(), (1004, 472));
    let at = |x: f64, y: f64| {
        picture
            .get_pixel((x * 300.0 / 72.0) as u32, (y * 300.0 / 72.0) as u32)
            .0
    };
    assert_eq!(
        [at(130.0, 20.0), at(60.0, 80.0), at(1.0, 1.0)],
        [[255, 0, 0], [0, 255, 0], [255; 3]]
    );
    assert_eq!(at(165.0, 20.0), [0, 0, 255]);
    // Something was written where the texts are.
    let dark = |x: std::ops::Range<u32>, y: std::ops::Range<u32>| {
        x.flat_map(|x| y.clone().map(move |y| (x, y)))
            .filter(|(x, y)| picture.get_pixel(*x, *y).0[0] < 100)
            .count()
    };
    assert!(dark(40..300, 380..430) > 200);
    let turned = dark(800..840, 180..320);
    assert!(turned > 100, "{turned}");
}

#[test]
fn letters_are_as_wide_as_helveticas() {
    // Adobe's metrics of Helvetica: H 722, e 556, l 222, o 556 thousandths.
    let width = font::width("Hello", 1000.0);
    assert!((width - (722.0 + 556.0 + 222.0 + 222.0 + 556.0)).abs() < 2.0, "{width}");
    assert_eq!(font::fitted("Hello", 10.0, 100.0), "Hello");
    let cut = font::fitted("a very long name of a session", 10.0, 60.0);
    assert!(cut.ends_with('…') && font::width(&cut, 10.0) <= 60.0, "{cut}");
    assert_eq!(font::fitted("abc", 10.0, 0.0), "…");
}

#[test]
fn sizes_are_bounded() {
    assert_eq!(FigureStyle::millimetres("85.5"), Ok(85.5));
    for wrong in ["x", "NaN", "inf", "-3", "0", "19", "501"] {
        let said = FigureStyle::millimetres(wrong).unwrap_err();
        assert!(said.contains("from 20 to 500"), "{said}");
    }
    assert!(FigureStyle::points("30").is_err());
}

/// Numbers that no program wrote give a drawing without NaN.
#[test]
fn odd_numbers_are_drawn() {
    let labels: Vec<String> = ["a", "b\u{1b}[2J<script>", ""].map(str::to_owned).into();
    let matrix = Confusion {
        labels: labels.clone(),
        counts: vec![vec![u64::MAX, u64::MAX], vec![], vec![0, 0, 0, 7], vec![1]],
    };
    let class = |recall, support| ClassMetrics {
        recall,
        support,
        ..ClassMetrics::default()
    };
    let metrics = Metrics {
        per_class: labels
            .into_iter()
            .zip([class(f64::NAN, usize::MAX), class(-5.0, 3), class(1e300, 2)])
            .collect(),
        ..Metrics::default()
    };
    let bin = Bin {
        samples: 2,
        right: 9,
        confidence: f64::NAN,
    };
    let style = FigureStyle {
        width_mm: Some(20.0),
        height_mm: Some(20.0),
        font_pt: Some(24.0),
    };
    for style in [style, FigureStyle::default()] {
        for drawing in [
            confusion(&matrix, style, String::new()),
            confusion(&Confusion::default(), style, String::new()),
            reliability(&[bin], f64::NAN, style, String::new()),
            reliability(&[], 0.0, style, String::new()),
            classes(&metrics, Some(&metrics), style, String::new()),
            classes(&Metrics::default(), None, style, String::new()),
        ] {
            let svg = inline(&drawing);
            assert!(
                !svg.contains("NaN") && !svg.contains("inf") && !svg.contains("<script>"),
                "{svg}"
            );
            assert!(encoded(&drawing, "pdf").is_ok() && encoded(&drawing, "png").is_ok());
        }
    }
}
