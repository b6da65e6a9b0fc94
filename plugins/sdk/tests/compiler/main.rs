//! What the kit refuses to compile, and with which words: the files in `refused`, each line with its error behind it. And
//! that it takes everything of the standard.

mod standard;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What stands before the error that a line must give.
const MARK: &str = "//~ ";

/// The library that this test was built with, to be given to the compiler.
fn library() -> (PathBuf, PathBuf) {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let age = |path: &PathBuf| path.metadata().unwrap().modified().unwrap();
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let ours = files.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("libcwmp_plugin_sdk-") && name.ends_with(".rlib")
    });
    (ours.max_by_key(age).expect("the library is there, we are linked with it"), folder)
}

/// Compiles a file; what the compiler says of it.
fn compile(file: &Path) -> String {
    let (library, folder) = library();
    let out = tempfile::tempdir().unwrap();
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let run = Command::new(compiler)
        .args(["--edition=2021", "--crate-type=lib", "--emit=metadata", "--error-format=short", "-Awarnings"])
        .arg("--extern")
        .arg(format!("cwmp_plugin_sdk={}", library.display()))
        .arg("-L")
        .arg(format!("dependency={}", folder.display()))
        .arg("--out-dir")
        .arg(out.path())
        .arg(file)
        .output()
        .unwrap();
    String::from_utf8(run.stderr).unwrap()
}

/// The errors of a file by their lines.
fn errors_of(file: &Path) -> BTreeMap<usize, Vec<String>> {
    let said = compile(file);
    let name = format!("{}:", file.display());
    let mut errors: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for line in said.lines() {
        let Some((place, text)) = line.split_once(": error").filter(|_| line.starts_with(&name)) else {
            continue;
        };
        let number = place[name.len()..].split(':').next().unwrap().parse().unwrap();
        errors.entry(number).or_default().push(text.to_owned());
    }
    assert!(!errors.is_empty(), "{} compiles:\n{said}", file.display());
    errors
}

fn check(name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compiler/refused").join(name);
    let text = std::fs::read_to_string(&file).unwrap();
    let mut errors = errors_of(&file);
    let mut wrong = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let found = errors.remove(&(i + 1)).unwrap_or_default();
        match line.split_once(MARK) {
            Some((_, expected)) if found.iter().any(|f| f.contains(expected)) => {}
            Some((_, expected)) => {
                wrong.push(format!("line {}: '{expected}' expected, found {found:?}", i + 1));
            }
            None if found.is_empty() => {}
            None => wrong.push(format!("line {}: nothing expected, found {found:?}", i + 1)),
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

#[test]
fn names_that_the_standard_does_not_have() {
    check("names.rs");
}

#[test]
fn types_that_do_not_fit() {
    check("types.rs");
}

#[test]
fn types_that_say_nothing() {
    check("unknown.rs");
}

#[test]
fn access_and_facets_beyond_the_standard() {
    check("access.rs");
}

#[test]
fn enumerations_with_values_of_their_own() {
    check("enumerations.rs");
}

#[test]
fn enums_that_are_no_enumerations() {
    check("variants.rs");
}

#[test]
fn objects_that_are_listed_and_not_served() {
    check("plugins.rs");
}
