//! The crate's files and their imports, read from `use` lines and from paths within the code; tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::Visit;
use syn::{Arm, Attribute, ImplItemFn, Item, ItemMod, ItemUse, UseTree, Visibility};

/// A module's path within the crate; empty for `lib.rs`.
type Module = Vec<String>;

/// Files by name, relative to `src/`, and what each imports.
pub struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    /// Reads the library crate in `src`, from `lib.rs` along its `mod` lines.
    pub fn of(src: &Path) -> Result<Self, Box<dyn Error>> {
        let mut files = BTreeMap::new();
        let mut open = vec![(Module::new(), src.join("lib.rs"))];
        while let Some((module, path)) = open.pop() {
            let parsed = syn::parse_file(&fs::read_to_string(&path)?)?;
            let mut code = Code::default();
            code.visit_file(&parsed);
            for name in &code.modules {
                open.push((child(&module, name), file_of(&path, name)?));
            }
            let name = path.strip_prefix(src)?.display().to_string();
            files.insert(module, (name, code));
        }
        let imports = files.iter().map(|(module, (name, code))| {
            let absolute = code.paths.iter().filter_map(|path| absolute(path, module, &files));
            let defined = absolute.filter_map(|path| definition(&path, &files, 0));
            let imported = defined.filter(|of| of != module).map(|of| files[&of].0.clone());
            (name.clone(), imported.collect())
        });
        Ok(Self(imports.collect()))
    }

    /// Whether `file` imports `other`.
    pub fn imports(&self, file: &str, other: &str) -> bool {
        self.0[file].contains(other)
    }

    /// The files that import one another, directly or through others.
    pub fn circles(&self) -> BTreeSet<BTreeSet<String>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.0.keys().map(|file| (file.as_str(), self.reached(file))).collect();
        let circle = |file: &&str| -> BTreeSet<String> {
            let both = reached[file].iter().filter(|other| reached[*other].contains(file));
            both.map(|other| (*other).to_owned()).collect()
        };
        reached.keys().map(circle).filter(|circle| circle.len() > 1).collect()
    }

    /// What `file` imports, directly or through others.
    fn reached(&self, file: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = self.0[file].iter().map(String::as_str).collect();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(self.0[next].iter().map(String::as_str));
            }
        }
        reached
    }
}

type Files = BTreeMap<Module, (String, Code)>;

/// What a file declares and names.
#[derive(Default)]
struct Code {
    /// Its child modules in files of their own.
    modules: Vec<String>,
    /// The paths that it imports or names.
    paths: Vec<Vec<String>>,
    /// What it imports or re-exports: the path by the name.
    names: BTreeMap<String, Vec<String>>,
}

impl<'ast> Visit<'ast> for Code {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes(item).iter().any(is_test) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !function.attrs.iter().any(is_test) {
            syn::visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        if !arm.attrs.iter().any(is_test) {
            syn::visit::visit_arm(self, arm);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        match module.content {
            None => self.modules.push(module.ident.to_string()),
            Some(_) => syn::visit::visit_item_mod(self, module),
        }
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        let mut leaves = Vec::new();
        flatten(&import.tree, &mut Vec::new(), &mut leaves);
        for (name, path) in leaves {
            if matches!(import.vis, Visibility::Inherited) {
                self.paths.push(path.clone());
            }
            self.names.insert(name, path);
        }
    }

    /// `pub(super)` imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string());
        self.paths.push(segments.collect());
        syn::visit::visit_path(self, path);
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|only| only == "test")
}

/// The names that a `use` brings in, each with its path.
fn flatten(tree: &UseTree, before: &mut Vec<String>, leaves: &mut Vec<(String, Vec<String>)>) {
    let whole = |last: Option<String>| before.iter().cloned().chain(last).collect::<Vec<_>>();
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, leaves);
            before.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, leaves)),
        UseTree::Name(name) if name.ident == "self" => {
            leaves.push((before.last().cloned().unwrap_or_default(), whole(None)));
        }
        UseTree::Name(name) => leaves.push((name.ident.to_string(), whole(Some(name.ident.to_string())))),
        UseTree::Rename(name) => leaves.push((name.rename.to_string(), whole(Some(name.ident.to_string())))),
        UseTree::Glob(_) => leaves.push(("*".to_owned(), whole(None))),
    }
}

fn child(module: &[String], name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// The file of the module that `parent` declares by `mod name;`.
fn file_of(parent: &Path, name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let own = matches!(
        parent.file_name().and_then(|name| name.to_str()),
        Some("lib.rs" | "mod.rs")
    );
    let folder = if own {
        parent.with_file_name("")
    } else {
        parent.with_extension("")
    };
    let candidates = [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")];
    let found = candidates.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| format!("{}: no file for `mod {name}`", parent.display()).into())
}

/// The path from the crate's root, if it leads into this crate.
fn absolute(path: &[String], module: &Module, files: &Files) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let from = |base: &[String], rest: &[String]| base.iter().chain(rest).cloned().collect::<Vec<_>>();
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some(from(module, rest)),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let base = module.len().checked_sub(ups)?;
            Some(from(&module[..base], &path[ups..]))
        }
        // A child module by its name, or what the file itself has imported.
        name if files.contains_key(&child(module, name)) => Some(from(module, path)),
        name => {
            let (_, code) = files.get(module)?;
            let import = code.names.get(name).filter(|import| import.first() != Some(first))?;
            absolute(&from(import, rest), module, files)
        }
    }
}

/// The module that defines what `path` names, through re-exports; `depth` bounds these.
fn definition(path: &[String], files: &Files, depth: usize) -> Option<Module> {
    let known = (0..=path.len())
        .rev()
        .find(|&length| files.contains_key(&path[..length]))?;
    let (module, rest) = (path[..known].to_vec(), &path[known..]);
    let export = rest.first().and_then(|name| files[&module].1.names.get(name));
    match export.and_then(|export| absolute(export, &module, files)) {
        Some(through) if depth < 8 => {
            let through: Vec<String> = through.into_iter().chain(rest[1..].iter().cloned()).collect();
            definition(&through, files, depth + 1)
        }
        _ => Some(module),
    }
}
