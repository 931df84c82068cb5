//! Parts of a self-contained HTML page. Text from outside is escaped here, or by who passes markup.

use std::fmt::Write;
use std::io::Cursor;

use base64::{Engine, engine::general_purpose::STANDARD};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

use super::escape::escaped;
use super::figures::{Drawing, inline};
use super::tabular::Head;

/// On a narrow screen everything stands in one column, and a wide table is moved sideways on its own.
const STYLE: &str = "\
:root{color-scheme:light}\
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1e2128;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem}h3{font-size:1rem}\
table{border-collapse:collapse;margin:.5rem 0}\
td,th{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #d8dbe2;white-space:nowrap}\
td:first-child,th:first-child{text-align:left;padding-left:0}\
.session td{white-space:normal;overflow-wrap:anywhere;text-align:left}\
.scroll{overflow-x:auto}\
figure{margin:0 0 1.5rem}figcaption{color:#4a4f5c;font-size:.9rem}\
svg,img{max-width:100%;height:auto}\
.two{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1rem 2rem}\
.two svg{width:100%}\
.sample{border-top:1px solid #d8dbe2;padding-top:1rem;margin-bottom:1.5rem}\
.maps{display:grid;grid-template-columns:repeat(7,minmax(0,1fr));gap:.5rem}\
.maps figure{margin:0}.maps img{width:100%}.maps figcaption{font-size:.8rem;overflow-wrap:anywhere}\
.wrong{color:#a33c00}pre{background:#f3f4f7;padding:1rem;overflow:auto;font-size:.85rem}\
@media(max-width:600px){body{margin:1rem auto}.two{grid-template-columns:1fr}\
.maps{grid-template-columns:repeat(2,minmax(0,1fr))}td,th{padding:.2rem .5rem}}";

/// The page's beginning, up to its first heading.
pub fn begin(title: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>\n"
    )
}

/// The page's end.
pub const END: &str = "</main></body></html>\n";

/// Adds a table with a caption.
pub fn table(page: &mut String, caption: &str, (heads, rows): &(Vec<Head>, Vec<Vec<String>>)) {
    // Writing to a string does not fail.
    let _ = write!(
        page,
        "<figure><figcaption>{}</figcaption><div class=\"scroll\"><table><tr>",
        escaped(caption)
    );
    for head in heads {
        let _ = write!(page, "<th scope=\"col\">{}", escaped(&head.name));
    }
    for row in rows {
        *page += "<tr>";
        for cell in row {
            let _ = write!(page, "<td>{}", escaped(cell));
        }
    }
    *page += "</table></div></figure>\n";
}

/// Adds a drawing with a caption; the drawing's title is its text for who does not see it.
pub fn drawing(page: &mut String, drawing: &Drawing, caption: &str) {
    let _ = writeln!(
        page,
        "<figure>{}<figcaption>{}</figcaption></figure>",
        inline(drawing),
        escaped(caption)
    );
}

/// Adds a picture.
pub fn picture(page: &mut String, picture: &RgbImage, alt: &str, caption: &str) {
    /// Compression that is not seen on photographs.
    const QUALITY: u8 = 88;
    let mut jpeg = Cursor::new(Vec::new());
    // Encoding to memory fails only for a picture without pixels, in whose place the alternative text stands.
    let _ = JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(picture);
    let _ = writeln!(
        page,
        "<figure><img alt=\"{}\" width=\"{}\" height=\"{}\" src=\"data:image/jpeg;base64,{}\"><figcaption>{}</figcaption></figure>",
        escaped(alt),
        picture.width(),
        picture.height(),
        STANDARD.encode(jpeg.into_inner()),
        escaped(caption)
    );
}
