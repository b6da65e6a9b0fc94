//! What the sources say: the fields of a structure with their comments, options of a command line, variables.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A field of a structure, or a variant of an enumeration.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// Its name.
    pub(crate) name: String,
    /// Its type; empty for a variant.
    pub(crate) kind: String,
    /// The paragraphs of its comment.
    pub(crate) paragraphs: Vec<String>,
    /// Its attributes.
    pub(crate) attributes: String,
}

impl Key {
    /// Whether it may be left out, where the structure as a whole has no defaults.
    pub(crate) fn is_optional(&self) -> bool {
        self.attributes.contains("serde(default")
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

pub(crate) fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The comment of a structure, its first paragraph, and its fields.
pub(crate) fn structure(source: &str, name: &str) -> (String, Vec<Key>) {
    item(source, "struct", name)
}

/// The variants of an enumeration.
pub(crate) fn variants(source: &str, name: &str) -> Vec<Key> {
    item(source, "enum", name).1
}

fn item(source: &str, what: &str, name: &str) -> (String, Vec<Key>) {
    let lines: Vec<&str> = source.lines().collect();
    let opens = |line: &&str| line.starts_with("pub") && line.ends_with(&format!("{what} {name} {{"));
    let start = lines.iter().position(opens).unwrap_or_else(|| panic!("no {what} {name}"));
    let above: Vec<&str> = lines[..start]
        .iter()
        .rev()
        .take_while(|l| l.starts_with("///") || l.starts_with("#["))
        .copied()
        .collect();
    let about = paragraphs(above.into_iter().rev().filter_map(|line| line.strip_prefix("///")));
    let mut keys = Vec::new();
    let (mut comment, mut attributes) = (Vec::new(), String::new());
    for line in lines[start + 1..].iter().take_while(|line| **line != "}") {
        // What is deeper belongs to a variant, or to an attribute of many lines.
        let Some(text) = line.strip_prefix("    ").filter(|text| !text.starts_with([' ', '}', ')'])) else {
            attributes.push_str(line);
            continue;
        };
        if let Some(text) = text.strip_prefix("///") {
            comment.push(text);
        } else if text.starts_with('#') {
            attributes.push_str(text);
        } else if let Some(key) = key(text, &comment, &attributes) {
            keys.push(key);
            comment.clear();
            attributes.clear();
        }
    }
    (about.first().cloned().unwrap_or_default(), keys)
}

fn key(text: &str, comment: &[&str], attributes: &str) -> Option<Key> {
    let is_public = text.starts_with("pub");
    let text = text.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
    let (name, kind) = match text.split_once(": ") {
        Some((name, kind)) if is_public => (name, kind.trim_end_matches(',')),
        _ if text.starts_with(|c: char| c.is_ascii_uppercase()) => (text.split([' ', '(', ',']).next()?, ""),
        _ => return None,
    };
    Some(Key {
        name: name.to_owned(),
        kind: kind.to_owned(),
        paragraphs: paragraphs(comment.iter().copied()),
        attributes: attributes.to_owned(),
    })
}

fn paragraphs<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all = vec![String::new()];
    for line in lines.map(str::trim) {
        match all.last_mut() {
            Some(last) if line.is_empty() && !last.is_empty() => all.push(String::new()),
            Some(last) if !line.is_empty() => {
                if !last.is_empty() {
                    last.push(' ');
                }
                last.push_str(line);
            }
            _ => {}
        }
    }
    all.retain(|paragraph| !paragraph.is_empty());
    all
}

/// The options that a help text explains: the words that are typed, and what they do.
pub(crate) fn options(source: &str, constant: &str) -> Vec<(String, String)> {
    let start = source.find(&format!("{constant}: &str = \"")).unwrap_or_else(|| panic!("no {constant}"));
    let text = source[start..].split_once('"').unwrap().1.split("\";").next().unwrap();
    let mut all: Vec<(String, String)> = Vec::new();
    let mut is_option = false;
    for line in text.lines() {
        if let Some((option, what)) = line
            .strip_prefix("  ")
            .filter(|l| l.starts_with("--"))
            .map(|l| l.split_once("  ").unwrap_or((l, "")))
        {
            all.push((option.to_owned(), what.trim().to_owned()));
            is_option = true;
        } else if let Some(more) = line.strip_prefix("          ").filter(|_| is_option) {
            let last = all.last_mut().unwrap();
            last.1 = format!("{} {}", last.1, more.trim());
        } else {
            is_option = false;
        }
    }
    all
}

/// The variables of the environment that programs and plugins read, but for what only tests have.
pub(crate) fn variables() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["agent", "plugins", "bus-schemas"] {
        for file in sources(&root().join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            // Tests stand at the end of a file.
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for call in text.split("env::var").skip(1) {
                let Some(argument) = call.trim_start_matches("_os").strip_prefix('(') else { continue };
                let argument = argument.split(')').next().unwrap();
                let name = match argument.strip_prefix('"') {
                    Some(name) => Some(name.trim_end_matches('"')),
                    None => text
                        .split(&format!("const {argument}: &str = \""))
                        .nth(1)
                        .and_then(|rest| rest.split('"').next()),
                };
                let name = name.unwrap_or_else(|| panic!("{}: what is {argument}?", file.display()));
                found.insert(name.to_owned());
            }
        }
    }
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !["tests", "target", "cut", "examples"].contains(&name) {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") && !["tests.rs", "build.rs"].contains(&name) {
            found.push(path);
        }
    }
    found
}
