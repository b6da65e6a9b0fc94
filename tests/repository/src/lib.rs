//! What the tests of the repository itself share: where it is, its sources, and how its pages are made.
#![forbid(unsafe_code)]

pub mod bus_reference;
pub mod introspection;
pub mod licence;

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Every file with this extension below the product's folders, in order, without what is built.
pub fn sources(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["agent", "bus-schemas", "plugins", "tests"] {
        collect(&root().join(folder), &|path| path.extension().is_some_and(|e| e == extension), &mut found);
    }
    found.sort();
    found
}

/// Every file of the tree, in order, without what is built and what keeps its history.
pub fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root(), &|_| true, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|e| Some(e.ok()?.path())) {
        if path.is_dir() {
            if path.file_name().is_some_and(|n| n != "target" && n != ".git")
                && path != root().join("tests/out")
            {
                collect(&path, wanted, found);
            }
        } else if wanted(&path) {
            found.push(path);
        }
    }
}

/// A path as the documents write it: from the root, with slashes.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
