//! Which files of `src/` import one another. ARCHITECTURE.md lists all circles of imports; none has more than three
//! files.

mod graph;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

use self::graph::Graph;

/// The largest number of files in a circle of imports.
const MOST: usize = 3;

/// The heading in ARCHITECTURE.md under which each item is a circle: file names in backquotes.
const HEADING: &str = "### Circles of imports\n";

#[test]
fn the_circles_of_imports_are_small_and_those_that_architecture_lists() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let circles = Graph::of(&root.join("src"))?.circles();
    let text = fs::read_to_string(root.join("ARCHITECTURE.md"))?;
    let (_, section) = text.split_once(HEADING).ok_or("ARCHITECTURE.md lists no circles")?;
    let (section, _) = section.split_once("\n#").unwrap_or((section, ""));
    let items = section.lines().filter_map(|line| line.strip_prefix("- "));
    let listed: BTreeSet<BTreeSet<String>> = items
        .map(|item| item.split('`').skip(1).step_by(2).map(str::to_owned).collect())
        .collect();
    assert_eq!(
        circles, listed,
        "left: what the code has; right: what ARCHITECTURE.md lists"
    );
    for circle in &circles {
        assert!(circle.len() <= MOST, "these files import one another: {circle:?}");
    }
    Ok(())
}

/// The test above relies on this: all of the crate's files are found, and imports are followed through re-exports.
#[test]
fn imports_are_followed_to_the_file_that_defines_a_thing() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let graph = Graph::of(&root.join("src"))?;
    assert!(
        graph.imports("engine/trainer.rs", "engine/adamw.rs"),
        "by `use super::adamw::...`"
    );
    assert!(
        graph.imports("engine/trainer.rs", "session/event.rs"),
        "through `pub use` in session/mod.rs"
    );
    assert!(
        !graph.imports("engine/trainer.rs", "session/mod.rs"),
        "which itself defines nothing"
    );
    assert!(!graph.imports("nn/norm.rs", "engine/trainer.rs"));
    Ok(())
}
